"""Arrays in a NumPy file."""

import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, SettingError
from reinas.objectives.base import Objective
from reinas.objectives.labels import check_finite
from reinas.objectives.metrics import MetricSetting
from reinas.rewards import RewardSetting, check_reward
from reinas.system import GIB, check_ends, machine_memory
from reinas.tasks.base import Part
from reinas.tasks.measuring import ClassWeight, check_class_weight
from reinas.tasks.recipes import Recipe, usual_recipe
from reinas.tasks.recognition import KINDS, Kind, objective_of
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

Layout = Literal["auto", "channels_last", "channels_first", "series"]
LAYOUTS = get_args(Layout)
COLOURS = (1, 3, 4)
"""How many channels an image may have."""


@dataclass(frozen=True)
class Arrays(FileTask):
    """Your own arrays in an .npz file: x_train, y_train and, if there are, x_valid, x_test, ...

    Or just x and y, which are split. x is [N, columns], images [N, height, width] or with
    channels first or last, or series [N, channels, time]; y whole numbers or text (classes), rows
    of 0 and 1 (one-hot classes, or several labels per example), or other numbers (regression).

    Args:
        path: The file.
        kind: What y is; `auto` looks at it.
        layout: Where the channels of images are, or `series`; `auto` looks at the shape, and
            takes three axes for grey images.
        whitening: As for every task.
        examples: How many training examples to use, drawn at random; None is all.
        valid_share: The share of the validation part, where the file has none.
        test_share: The share of the test part, where the file has none.
        split: Seed of the split.
        reward: As for every task.
        metric: The score that people, curves and the reward `auto` go by: a name such as f1_macro,
            roc_auc or mae, or a function (targets, predictions) of a module; `auto` is the usual
            one.
        class_weight: How much each class counts in the loss: `balanced`, or weights by class.
    """

    path: str = ""
    kind: Kind = "auto"
    layout: Layout = "auto"
    whitening: str = "channel"
    examples: int | None = None
    valid_share: float = 0.2
    test_share: float = 0.2
    split: int = 0
    reward: RewardSetting = "auto"
    metric: MetricSetting = "auto"
    class_weight: ClassWeight = None
    name: ClassVar[str] = "arrays"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", absolute_path(self.path, "task.path", "arrays:FILE.npz"))
        check_words(
            kind=(self.kind, KINDS),
            layout=(self.layout, LAYOUTS),
            whitening=(self.whitening, WHITENING),
        )
        object.__setattr__(self, "reward", check_reward(self.reward))
        object.__setattr__(self, "class_weight", check_class_weight(self.class_weight))
        check_shares(self.valid_share, self.test_share)
        check_examples(self.examples)

    @property
    def recipe(self) -> Recipe:
        """The usual one for such inputs."""
        return usual_recipe(self.inputs)

    def load(self) -> Data:
        """Training and validation part, and the test part where it has no array of its own."""
        with open_arrays(self.path) as file:
            names = sorted(file.files)
            x, y = self._pair(file, names, "train" if "x_train" in names else "")
            its = _part(names, "valid")
            valid = self._pair(file, names, its) if its else None
        where = self.path
        objective = objective_of(self.kind, y)
        y, classes = objective.read_targets(f"{where}, y", y)
        if bool((y == y[:1]).all()):
            raise FileError(f"{where}: every target is the same, so there is nothing to learn")
        test = None
        if (held_back := _part(names, "test")) is not None:
            self._check_header(held_back, names, x)
        else:
            rest, held = split(where, y, classes, self.test_share, self.split)
            test = Part(x[held], y[held])
            x, y = x[rest], y[rest]
        taken = subsample(where, y, classes, self.examples, self.split)
        x, y = x[taken], y[taken]
        if valid is not None:
            parts = (
                Part(x, y),
                self._like(f"{where}, x_{its} and y_{its}", *valid, Part(x, y), objective, classes),
            )
        else:
            share = self.valid_share / (1 - self.test_share) if test else self.valid_share
            rest, held = split(where, y, classes, share, self.split, MIN_REST)
            parts = Part(x[rest], y[rest]), Part(x[held], y[held])
        what = f"{len(classes)} classes" if classes else f"targets: {y.shape[1]}"
        shape = " x ".join(map(str, x.shape[1:]))
        note = f"{where}: {objective.name}, {what}, inputs {shape}"
        return Data(*parts, test, classes, (note,), objective=objective)

    def test(self) -> Part:
        """The held-back part: read only now where it has arrays of its own."""
        if self.data.test is not None:
            return self.data.test
        with open_arrays(self.path) as file:
            x, y = self._pair(file, sorted(file.files), "test")
        return self._like(
            f"{self.path}, x_test and y_test",
            x,
            y,
            self.data.train,
            self.objective,
            self.data.classes,
        )

    def _check_header(self, part: str, names: list[str], x: NDArray[Any]) -> None:
        """Compare the test part's shapes, which its headers tell, without reading it."""
        shape = _shape(self.path, f"x_{part}")
        if f"y_{part}" in names and shape[:1] != _shape(self.path, f"y_{part}")[:1]:
            raise FileError(f"{self.path}: x_{part} and y_{part} have different lengths")
        # channels may be first or last, and one channel need not be there
        if _large(shape[1:]) != _large(x.shape[1:]):
            raise FileError(
                f"{self.path}, x_{part}: expected examples like the training part's, got the shape"
                f" {shape}"
            )

    def _like(
        self,
        where: str,
        x: NDArray[Any],
        y: NDArray[Any],
        train: Part,
        objective: Objective,
        classes: tuple[str, ...],
    ) -> Part:
        """Another part, of the training part's shapes and classes."""
        targets, _ = objective.read_targets(where, y, classes)
        for found, wanted in ((x, train.x), (targets, train.y)):
            if found.shape[1:] != wanted.shape[1:]:
                raise FileError(
                    f"{where}: expected examples like the training part's, of shape"
                    f" {wanted.shape[1:]}, got {found.shape[1:]}"
                )
        return Part(x, targets)

    def _pair(self, file: Any, names: list[str], part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """The arrays x and y of a part, checked."""
        x_name, y_name = (f"{letter}_{part}".rstrip("_") for letter in "xy")
        for name in (x_name, y_name):
            if name not in names:
                raise FileError(
                    f"{self.path} has no array {name}: expected x_train and y_train (x_test,"
                    f" y_test), or x and y; it has {', '.join(names) or 'none'}"
                )
        x, y = read_array(file, x_name, self.path), read_array(file, y_name, self.path)
        where = f"{self.path}, {x_name}"
        if x.ndim < 2 or x.ndim > 4 or 0 in x.shape:
            raise FileError(
                f"{where}: expected [N, columns] or [N, height, width, channels], got shape"
                f" {x.shape}"
            )
        if y.ndim == 0 or len(x) != len(y):
            raise FileError(f"{where} has {len(x)} rows, but {y_name} has the shape {y.shape}")
        if x.dtype.kind not in "biuf":
            raise FileError(f"{where}: expected numbers, got {x.dtype}")
        check_finite(where, x)
        return channels_first(where, x, self.layout), y


def channels_first(where: str, x: NDArray[Any], layout: Layout = "auto") -> NDArray[Any]:
    """Examples as networks take them.

    Args:
        where: Names the data in messages.
        x: [N, columns], images [N, height, width] or with channels first or last, or series
            [N, channels, time].
        layout: Where the channels of images are, or `series`.

    Returns:
        [N, columns], [N, channels, height, width] or [N, channels, time].

    Raises:
        SettingError: The layout does not fit the shape, or the shape does not tell it.
    """
    if layout == "series":
        if x.ndim != 3:
            raise SettingError(f"{where}: expected series [N, channels, time], got shape {x.shape}")
        return x
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 2:
        return x
    first, last = x.shape[1] in COLOURS, x.shape[3] in COLOURS
    if layout == "auto":
        if first == last:
            raise SettingError(
                f"{where}: shape {x.shape} does not tell where the channels are: set layout"
                " to channels_last or channels_first"
            )
        layout = "channels_first" if first else "channels_last"
    return x if layout == "channels_first" else np.ascontiguousarray(np.moveaxis(x, 3, 1))


def _part(names: list[str], part: str) -> str | None:
    """The part's name in the file, if it has arrays of its own."""
    known = ("valid", "val") if part == "valid" else (part,)
    return next((n for n in known if f"x_{n}" in names), None)


BAD = (
    *(ValueError, KeyError, OSError, EOFError, RuntimeError, zipfile.error, zlib.error),
    *(struct.error, tokenize.TokenError, SyntaxError, TypeError, OverflowError),
)
"""What NumPy and zipfile raise where a member of an archive is damaged, encrypted or no array."""


@contextmanager
def _quiet() -> Iterator[None]:
    """NumPy warns of the headers that Python 2 has written, and reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _shape(path: str, name: str) -> tuple[int, ...]:
    """An array's shape, by its header alone."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            reader = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                reader = np.lib.format.read_array_header_2_0
            with _quiet():
                shape: tuple[int, ...] = reader(file)[0]
    except BAD as error:
        raise FileError(f"{path}, {name} cannot be read as a plain array: {error}") from None
    return shape


def _large(shape: tuple[int, ...]) -> list[int]:
    return sorted(n for n in shape if n > 1)


def open_arrays(path: str) -> Any:
    """An .npz file as NumPy opens it; `FileError` where it is none."""
    check_ends(Path(path))
    try:
        with open(path, "rb") as opened:
            if not zipfile.is_zipfile(opened):
                raise FileError(f"{path} is not an .npz file: save x and y with numpy.savez")
            _check_size(path, opened)
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise FileError(missing(path, error)) from None
    except BAD as error:
        raise FileError(f"{path} is not an .npz file of plain arrays: {error}") from None


def _check_size(path: str, file: Any) -> None:
    """Refuse what no memory could hold, before any of it is unpacked."""
    with zipfile.ZipFile(file) as archive:
        size = sum(member.file_size for member in archive.infolist()) / GIB
    if size > machine_memory():
        raise FileError(
            f"{path} would take {size:,.0f} GiB of memory, and this machine has"
            f" {machine_memory():.0f}: bring a part of it"
        )


def read_array(file: Any, name: str, path: str) -> NDArray[Any]:
    """An array of an open .npz file; `FileError` where it cannot be read."""
    try:
        with _quiet():
            array: NDArray[Any] = file[name]
    except BAD as error:
        raise FileError(f"{path}, {name} cannot be read as a plain array: {error}") from None
    except MemoryError:
        raise FileError(f"{path}, {name} does not fit into memory: bring a part of it") from None
    if not isinstance(array, np.ndarray):
        raise FileError(f"{path}, {name} is not an array: save x and y with numpy.savez")
    return array
