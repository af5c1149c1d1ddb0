"""Image files in folders, one folder per class."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, InvalidSettingError
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.labels import check_classes
from reinas.objectives.metrics import MetricSetting
from reinas.rewards import RewardSetting, check_reward
from reinas.tasks.base import Part
from reinas.tasks.image_io import SUFFIXES, common_size, read, stacked
from reinas.tasks.measuring import ClassWeight, check_class_weight
from reinas.tasks.recipes import IMAGE_RECIPE, Recipe
from reinas.tasks.scaling import WHITENING
from reinas.tasks.user_data import (
    MIN_REST,
    Data,
    FileTask,
    absolute_path,
    check_examples,
    check_shares,
    check_words,
    missing,
    split,
    subsample,
)

PARTS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
Colour = Literal["auto", "grey", "rgb"]


@dataclass(frozen=True)
class Images(FileTask):
    """Your own images: a folder with one sub-folder per class (or train/, valid/, test/ of such).

    Args:
        path: The folder.
        size: The side in pixels that all images are squeezed to. None keeps images of one size as
            they are, and squeezes those of mixed sizes to the median of their shorter sides, at
            most 64.
        colour: `auto` is grey if every image is.
        whitening: As for every task.
        examples: How many training images to use, drawn at random; None is all.
        valid_share: The share of the validation part, where it has no folder.
        test_share: The share of the test part, where it has no folder.
        split: Seed of the split.
        reward: As for every task.
        metric: The score that people, curves and the reward `auto` go by: a name such as f1_macro,
            roc_auc or mae, or a function (targets, predictions) of a module; `auto` is the usual
            one.
        class_weight: How much each class counts in the loss: `balanced`, or weights by class.
    """

    path: str = ""
    size: int | None = None
    colour: Colour = "auto"
    whitening: str = "channel"
    examples: int | None = None
    valid_share: float = 0.2
    test_share: float = 0.2
    split: int = 0
    reward: RewardSetting = "cubed"
    metric: MetricSetting = "auto"
    class_weight: ClassWeight = None
    name: ClassVar[str] = "images"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", absolute_path(self.path, "task.path", "images:FOLDER"))
        check_words(colour=(self.colour, get_args(Colour)), whitening=(self.whitening, WHITENING))
        reward = check_reward(self.reward)
        if reward == "cubed" and self.metric != "auto":
            reward = "auto"  # only the accuracy is cubed, as in the paper
        object.__setattr__(self, "reward", reward)
        object.__setattr__(self, "class_weight", check_class_weight(self.class_weight))
        check_shares(self.valid_share, self.test_share)
        check_examples(self.examples)
        if self.size is not None and not 1 <= self.size <= 4096:
            raise InvalidSettingError("task.size", f"must be 1 to 4,096 pixels, got {self.size}")

    @property
    def objective(self) -> Objective:
        """Classification, known before the images are read."""
        return self.measured(Classification())

    @property
    def recipe(self) -> Recipe:
        """The paper's optimiser, for few epochs."""
        return IMAGE_RECIPE

    def load(self) -> Data:
        """Training and validation part, and the test part where it has no folder of its own."""
        folders = self._folders()
        classes, files, y = _listed(folders.get("train", Path(self.path)))
        check_classes(self.path, classes)
        test: list[Path] = []
        held: NDArray[Any] = np.zeros(0, np.int64)
        if "test" not in folders:
            rest, chosen = split(self.path, y, classes, self.test_share, self.split)
            test, held = [files[n] for n in chosen], y[chosen]
            files, y = [files[n] for n in rest], y[rest]
        chosen = subsample(self.path, y, classes, self.examples, self.split)
        files, y = [files[n] for n in chosen], y[chosen]
        if "valid" in folders:
            valid, valid_y = _listed_like(folders["valid"], classes)
        else:
            share = self.valid_share / (1 - self.test_share) if test else self.valid_share
            rest, chosen = split(self.path, y, classes, share, self.split, MIN_REST)
            valid, valid_y = [files[n] for n in chosen], y[chosen]
            files, y = [files[n] for n in rest], y[rest]
        if "test" in folders:
            _listed_like(folders["test"], classes)  # its names only: the pictures are for later
        every = [*files, *valid, *test]
        chosen_size = common_size(every) if self.size is None else (self.size, self.size)
        pictures = read(every, chosen_size)
        grey = self._grey(pictures)
        x = stacked(pictures, grey=grey)
        first, second = len(files), len(files) + len(valid)
        parts = Part(x[:first], y), Part(x[first:second], valid_y)
        _, channels, height, width = x.shape
        size = f"{height} x {width} pixels, {'grey' if channels == 1 else 'colour'}"
        if self.size is None and chosen_size is not None:
            size += ", squeezed from mixed sizes (task.size sets the side)"
        return Data(
            *parts,
            Part(x[second:], held) if test else None,
            classes,
            (f"{self.path}: images of {len(classes)} classes, {size}",),
            {"reader": "images", "size": [height, width], "grey": grey},
        )

    def test(self) -> Part:
        """The held-back part: read only now where it has a folder of its own."""
        if self.data.test is not None:
            return self.data.test
        files, y = _listed_like(self._folders()["test"], self.data.classes)
        channels, height, width = self.inputs
        return Part(stacked(read(files, (height, width)), grey=channels == 1), y)

    def _folders(self) -> dict[str, Path]:
        """The folders of the parts, where the images are laid out so."""
        root = Path(self.path)
        found = {sub.name.lower(): sub for sub in _subfolders(root)}
        if "train" not in found or not found.keys() <= PARTS.keys():
            return {}
        return {PARTS[name]: sub for name, sub in found.items()}

    def _grey(self, pictures: list[NDArray[np.uint8]]) -> bool:
        if self.colour != "auto":
            return self.colour == "grey"
        return all(picture.ndim == 2 for picture in pictures)


def _left_alone(name: str) -> bool:
    """Whether a file or folder is a program's own: hidden, or macOS's."""
    return name.startswith((".", "__MACOSX"))


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.is_dir() and not _left_alone(p.name))
    except OSError as error:
        raise FileError(missing(folder, error)) from None


def _listed(root: Path) -> tuple[tuple[str, ...], list[Path], NDArray[np.int64]]:
    """Class names, image files and their class numbers: one sub-folder per class, by name."""
    folders = _subfolders(root)
    if not folders:
        raise FileError(f"{root} has no sub-folders: expected one for each class, with its images")
    files: list[Path] = []
    y: list[int] = []
    for number, folder in enumerate(folders):
        inside = image_files(folder)
        if not inside:
            raise FileError(
                f"{folder} has no images: put some in, or remove the folder (its name is a class)"
            )
        files += inside
        y += [number] * len(inside)
    classes = tuple(folder.name for folder in folders)
    return classes, files, np.array(y, np.int64)


def image_files(folder: Path) -> list[Path]:
    """The images in a folder and the folders within it, by name; hidden ones are left alone."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in SUFFIXES
        and p.is_file()
        and not any(map(_left_alone, p.relative_to(folder).parts))
    )


def _listed_like(root: Path, classes: tuple[str, ...]) -> tuple[list[Path], NDArray[np.int64]]:
    """Another part's image files and class numbers, by the training part's classes."""
    names, files, y = _listed(root)
    for name in names:
        if name not in classes:
            raise FileError(
                f"{root / name}: the training part has no class of that name, but"
                f" {', '.join(classes)}"
            )
    return files, np.array([classes.index(names[n]) for n in y], np.int64)
