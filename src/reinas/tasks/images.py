"""Images in folders, one a class: `--task images:FOLDER`."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, SettingError
from reinas.tasks.base import Loss, Part, check_reward, check_whitening
from reinas.tasks.loaded import (
    Data,
    LoadedTask,
    check_classes,
    check_shares,
    check_words,
    located,
    some,
    split,
)
from reinas.tasks.recipes import Recipe

SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".jp2", ".pbm", ".pgm", ".png"))
SUFFIXES |= frozenset((".ppm", ".tif", ".tiff", ".webp", ".avif"))
PARTS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
Colour = Literal["auto", "grey", "rgb"]


@dataclass(frozen=True)
class Images(LoadedTask):
    """Your own images: a folder with a sub-folder a class (or train/, valid/, test/ of such).

    All images must have one size unless `size` says to which they are resized (squeezed to
    size x size). `colour` auto is grey if every image is. `examples` takes so many of the
    training images, at random.
    """

    path: str = ""
    size: int | None = None
    colour: Colour = "auto"
    whitening: str = "channel"
    examples: int | None = None
    valid_share: float = 0.2
    test_share: float = 0.2
    split: int = 0
    reward: str = "cubed"
    name: ClassVar[str] = "images"
    loss: ClassVar[Loss] = "cross_entropy"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", located("images", self.path, "images:FOLDER"))
        check_words("images", colour=(self.colour, get_args(Colour)))
        check_reward("images", self.reward)
        check_whitening("images", self.whitening)
        check_shares("images", self.valid_share, self.test_share, self.examples)
        if self.size is not None and not 1 <= self.size <= 4096:
            raise SettingError(f"images: size must be from 1 to 4,096 pixels, got {self.size}")

    @property
    def recipe(self) -> Recipe:
        """The paper's optimiser, for few epochs."""
        return Recipe(epochs=8)

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
        chosen = some(self.path, y, classes, self.examples, self.split)
        files, y = [files[n] for n in chosen], y[chosen]
        if "valid" in folders:
            valid, valid_y = _listed_like(folders["valid"], classes)
        else:
            share = self.valid_share / (1 - self.test_share) if test else self.valid_share
            rest, chosen = split(self.path, y, classes, share, self.split)
            valid, valid_y = [files[n] for n in chosen], y[chosen]
            files, y = [files[n] for n in rest], y[rest]
        read = [self._opened(file) for file in (*files, *valid, *test)]
        grey = self._grey(read)
        x = self._stacked(read, [*files, *valid, *test], grey)
        first, second = len(files), len(files) + len(valid)
        parts = Part(x[:first], y), Part(x[first:second], valid_y)
        _, channels, height, width = x.shape
        size = f"{height} x {width} pixels, {'grey' if channels == 1 else 'colour'}"
        return Data(
            *parts,
            Part(x[second:], held) if test else None,
            classes,
            (f"{self.path}: images of {len(classes)} classes, {size}",),
        )

    def test(self) -> Part:
        """The held-back part: read only now where it has a folder of its own."""
        if self.data.test is not None:
            return self.data.test
        files, y = _listed_like(self._folders()["test"], self.data.classes)
        channels, height, width = self.inputs
        x = self._stacked([self._opened(f) for f in files], files, channels == 1)
        if x.shape[2:] != (height, width):
            raise FileError(
                f"{files[0]} has {x.shape[3]} x {x.shape[2]} pixels, but the training images"
                f" {width} x {height}"
            )
        return Part(x, y)

    def _folders(self) -> dict[str, Path]:
        """The folders of the parts, where the images are laid out so."""
        root = Path(self.path)
        found = {sub.name.lower(): sub for sub in _subfolders(root)}
        if "train" not in found or not found.keys() <= PARTS.keys():
            return {}
        return {PARTS[name]: sub for name, sub in found.items()}

    def _grey(self, images: list[NDArray[Any]]) -> bool:
        if self.colour != "auto":
            return self.colour == "grey"
        return all(image.ndim == 2 for image in images)

    def _opened(self, file: Path) -> NDArray[Any]:
        """One image, uint8 [H, W] or [H, W, 3], resized if asked for."""
        from PIL import Image, ImageOps

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                warnings.filterwarnings("ignore", category=UserWarning)
                with Image.open(file) as opened:
                    image = ImageOps.exif_transpose(opened)
                    if image.mode.startswith(("I", "F")):
                        image = _eight_bits(image)
                    grey = image.mode in ("1", "L", "LA") or _grey_palette(image)
                    image = image.convert("L" if grey else "RGB")
                    if self.size is not None:
                        image = image.resize((self.size, self.size), Image.Resampling.BILINEAR)
                    return np.asarray(image)
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise FileError(
                f"{file} cannot be read as an image ({error}): remove or replace it"
            ) from None
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise FileError(f"{file} is too large an image: {error}") from None

    def _stacked(
        self, images: list[NDArray[Any]], files: list[Path], grey: bool
    ) -> NDArray[np.uint8]:
        """All images as uint8 [N, channels, H, W]."""
        size = images[0].shape[:2]
        for image, file in zip(images, files, strict=True):
            if image.shape[:2] != size:
                one, other = (f"{s[1]} x {s[0]}" for s in (size, image.shape[:2]))
                raise SettingError(
                    f"images of mixed sizes: {files[0]} has {one} pixels, {file} has {other};"
                    " say to which size they shall be resized, such as --set task.size=32"
                )
        x = np.empty((len(images), 1 if grey else 3, *size), np.uint8)
        for place, image in zip(x, images, strict=True):
            if grey:
                place[0] = image if image.ndim == 2 else _brightness(image)
            else:
                place[:] = image if image.ndim == 2 else np.moveaxis(image, 2, 0)
        return x


def _brightness(image: NDArray[Any]) -> NDArray[Any]:
    """The grey of a colour image (ITU-R 601)."""
    grey: NDArray[np.uint8] = np.round(image @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return grey


def _grey_palette(image: Any) -> bool:
    """Whether an image has a palette of greys only, as grey GIFs have."""
    if image.mode != "P":
        return False
    used = np.asarray(image.convert("RGB"))
    return bool((used == used[..., :1]).all())


def _eight_bits(image: Any) -> Any:
    """An image of 16 or 32 bits a pixel as one of 8: by its type's range, floats by their own."""
    from PIL import Image

    values = np.asarray(image).astype(np.float64)
    top = 65535.0 if image.mode.startswith("I") else float(values.max(initial=0.0)) or 1.0
    return Image.fromarray((255 * np.clip(values / top, 0, 1)).astype(np.uint8))


def _left_alone(name: str) -> bool:
    """Whether a file or folder is a program's own: hidden, or macOS's."""
    return name.startswith((".", "__MACOSX"))


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.is_dir() and not _left_alone(p.name))
    except OSError as error:
        raise FileError(f"{folder} cannot be read: {error.strerror}") from None


def _listed(root: Path) -> tuple[tuple[str, ...], list[Path], NDArray[np.int64]]:
    """Class names, image files and their class numbers: a sub-folder a class, by name."""
    folders = _subfolders(root)
    if not folders:
        raise FileError(f"{root} has no sub-folders: expected one for each class, with its images")
    files: list[Path] = []
    y: list[int] = []
    for number, folder in enumerate(folders):
        inside = sorted(
            p
            for p in folder.rglob("*")
            if p.suffix.lower() in SUFFIXES
            and p.is_file()
            and not any(map(_left_alone, p.relative_to(folder).parts))
        )
        if not inside:
            raise FileError(
                f"{folder} has no images: put some in, or remove the folder (its name is a class)"
            )
        files += inside
        y += [number] * len(inside)
    classes = tuple(folder.name for folder in folders)
    return classes, files, np.array(y, np.int64)


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
