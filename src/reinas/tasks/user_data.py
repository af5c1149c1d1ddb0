"""Tasks over people's own data: what they share once the data are arrays."""

import hashlib
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import InvalidSettingError, SettingError
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.metrics import MetricSetting
from reinas.objectives.regression import Regression
from reinas.tasks.base import AbstractTask, Part, Parts
from reinas.tasks.measuring import ClassWeight, measured

MAX_CACHED = 2
"""Tasks whose data a process keeps."""
LARGEST_SEED = 2**32 - 1
MIN_EXAMPLES = 10
MIN_REST = 4
"""How many examples have to be left when a test part was split off."""
"""Fewer examples than these cannot be split into parts that mean anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Arrays for a search, and what they are.

    Args:
        train: The training part.
        valid: The validation part.
        test: The test part, where it comes from the same place as the rest.
        classes: The names of classes 0, 1, ...; empty where there are none.
        notes: Sentences about what was recognised.
        labels: What a saved network needs to read examples, as JSON takes it.
        objective: What the targets mean; None is classification where there are classes, else
            regression.
    """

    train: Part
    valid: Part
    test: Part | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    labels: Mapping[str, Any] = field(default_factory=dict)
    objective: Objective | None = None


class DataTask(AbstractTask):
    """A task whose shape is that of its data."""

    metric: MetricSetting = "auto"
    """The score: a name of the objective's metrics, or a function; `auto` is the usual one."""
    class_weight: ClassWeight = None
    """How much each class counts in the loss: `balanced`, weights by class, or None for alike."""

    @property
    @abstractmethod
    def data(self) -> Data:
        """The data, the same at every call."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example: (columns,), (channels, time) or (channels, height, width)."""
        return tuple(map(int, self.data.train.x.shape[1:]))

    @property
    def outputs(self) -> int:
        """How many numbers the network gives: one per class, label or target."""
        return self.objective.count_outputs(self.data.train.y, self.data.classes)

    @property
    def objective(self) -> Objective:
        """What the data were recognised as; else regression where there are no classes."""
        found = self.data.objective
        if found is None:
            found = Classification() if self.data.classes else Regression()
        return self.measured(found)

    def measured(self, objective: Objective) -> Objective:
        """An objective with the task's metric and class weights."""
        return measured(
            objective, self.metric, self.class_weight, lambda: (self.data.train, self.class_names)
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes; empty where there are none."""
        return self.data.classes

    @property
    def notes(self) -> tuple[str, ...]:
        """What was recognised in the data, and what was done to them."""
        train, valid = len(self.data.train), len(self.data.valid)
        return (*self.data.notes, f"{train:,} examples to train on, {valid:,} to validate on")

    @property
    def labels(self) -> Mapping[str, Any]:
        """The names of the classes, and what else was learned about the data."""
        classes = {"classes": list(self.data.classes)} if self.data.classes else {}
        return {**classes, **self.data.labels}

    @property
    def flags(self) -> tuple[int, ...]:
        """The columns of a table that have no more than two values in the training part."""
        return _flags(self) if len(self.inputs) == 1 else ()

    def parts(self) -> Parts:
        """The training and the validation part."""
        return Parts(self.data.train, self.data.valid)


class FileTask(DataTask):
    """A task over files: subclasses are frozen dataclasses with `load`."""

    @abstractmethod
    def load(self) -> Data:
        """Read the data. Called once per process; whatever it raises is for people to read."""

    @property
    def data(self) -> Data:
        """The data, read once per process."""
        return _load(self)

    @property
    def fingerprint(self) -> str:
        """A hash of the training and the validation part."""
        return _hash(self)


_READ: dict[FileTask, Data] = {}


def _load(task: FileTask) -> Data:
    if task not in _READ:
        cache_data(task, task.load())
    return _READ[task]


def cache_data(task: FileTask, data: Data) -> None:
    """Use these data for a task in this process, instead of reading them again.

    Args:
        task: The task.
        data: What its `load` gave, in this process or another.
    """
    if task not in _READ and len(_READ) == MAX_CACHED:
        del _READ[next(iter(_READ))]
    _READ[task] = data


def missing(path: object, error: OSError) -> str:
    """A sentence about a file or folder that cannot be read.

    Args:
        path: The file or folder.
        error: What the system says.
    """
    hint = ""
    if isinstance(error, FileNotFoundError):
        hint = ": check the path; a search needs its data where they were when it began"
    return f"{path} cannot be read: {error.strerror or error}{hint}"


def check_words(**given: tuple[str, tuple[str, ...]]) -> None:
    """Raise `InvalidSettingError` unless every word is one of those that it may be."""
    for key, (word, known) in given.items():
        if word not in known:
            raise InvalidSettingError(f"task.{key}", f"is one of {', '.join(known)}; got '{word}'")


@lru_cache(maxsize=MAX_CACHED)
def _flags(task: DataTask) -> tuple[int, ...]:
    x = task.data.train.x
    several = ((x != x.min(axis=0)) & (x != x.max(axis=0))).any(axis=0)
    return tuple(map(int, np.flatnonzero(~several)))


@lru_cache(maxsize=2)
def _hash(task: FileTask) -> str:
    return hash_of(task.data)


def hash_of(data: Data) -> str:
    """A hash of the training and the validation part, as hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=12)
    for part in (data.train, data.valid):
        for array in (part.x, part.y):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def absolute_path(path: str, key: str, example: str) -> str:
    """The path as it is found from everywhere.

    Args:
        path: What was given.
        key: The setting, for the message.
        example: A name with a path, for the message.

    Returns:
        The path without ~, from the root.

    Raises:
        InvalidSettingError: No path was given.
    """
    if not path:
        raise InvalidSettingError(key, f"is missing: say what to read, as in {example}")
    return os.path.abspath(os.path.expanduser(path))


def check_shares(valid: float, test: float, suffix: str = "_share") -> None:
    """Check that the shares leave something to train on.

    Args:
        valid: The share of the validation part.
        test: The share of the test part.
        suffix: What the names of both parameters end with, for the message.

    Raises:
        InvalidSettingError: A share is 0 or less, or nothing is left.
    """
    for key, share in (("valid", valid), ("test", test)):
        if not 0 < share < 1:
            raise InvalidSettingError(
                f"task.{key}{suffix}", f"must be above 0 and below 1, got {share}"
            )
    if valid + test >= 1:
        raise InvalidSettingError(
            f"task.valid{suffix}",
            f"and task.test{suffix} must be below 1 together, got {valid} and {test}",
        )


def check_examples(examples: int | None) -> None:
    """Raise `InvalidSettingError` if `examples` is a number too small to split."""
    if examples is not None and examples < MIN_EXAMPLES:
        raise InvalidSettingError(
            "task.examples", f"must be at least {MIN_EXAMPLES}, got {examples}"
        )


def check_split(seed: int) -> None:
    """Raise `InvalidSettingError` if the seed of a split is none that NumPy takes."""
    if not 0 <= seed <= LARGEST_SEED:
        raise InvalidSettingError("task.split", f"must be from 0 to {LARGEST_SEED}, got {seed}")


def split(
    where: str,
    y: NDArray[Any],
    classes: Sequence[str],
    held: float,
    seed: int,
    least: int = MIN_EXAMPLES,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split examples into two parts at random; classes keep their shares.

    Args:
        where: Names the data in messages.
        y: Class numbers [N], or targets of any shape where there are no classes.
        classes: The names of the classes; empty where there are none.
        held: The size of the second part: a share below 1, or a number of examples.
        seed: Decides the split.
        least: How many examples there have to be; fewer where a part was split off already.

    Returns:
        Indices of the first and of the second part.

    Raises:
        SettingError: There are too few examples, or too few of a class.
    """
    from sklearn.model_selection import train_test_split

    check_split(seed)
    if len(y) < least:
        raise SettingError(
            f"{where}: {len(y)} examples are too few to split into parts: bring"
            f" {MIN_EXAMPLES} or more"
        )
    if classes:
        count = np.bincount(y, minlength=len(classes))
        rarest = int(count.argmin())
        if count[rarest] < 2:
            raise SettingError(
                f"{where}: class '{classes[rarest]}' has {count[rarest]} example, too few for a"
                " training, a validation and a test part: bring more of it, or leave it out"
            )
    size = held if held >= 1 else max(int(np.ceil(held * len(y))), len(classes), 2)
    if not 1 <= size <= len(y) - max(len(classes), 2):
        raise SettingError(
            f"{where}: {len(y)} examples of {max(len(classes), 1)} classes cannot be split so"
            f" that {int(size)} are held back: bring more"
        )
    rest, part = train_test_split(
        np.arange(len(y)),
        test_size=int(size),
        random_state=seed,
        stratify=y if classes else None,
    )
    return rest, part


def subsample(
    where: str, y: NDArray[Any], classes: Sequence[str], count: int | None, seed: int
) -> NDArray[np.int64]:
    """Draw examples at random; classes keep their shares.

    Args:
        where: Names the data in messages.
        y: Class numbers [N], or targets of any shape where there are no classes.
        classes: The names of the classes; empty where there are none.
        count: How many to draw; None draws all.
        seed: Decides which.

    Returns:
        Indices; all of them if there are no more than `count`.

    Raises:
        SettingError: There are more classes than examples to draw.
    """
    if count is None or count >= len(y):
        return np.arange(len(y))
    if count > len(y) - max(len(classes), 2):  # too few are left out to share them by class
        return np.random.default_rng(seed).permutation(len(y))[:count].astype(np.int64)
    if count < len(classes):
        raise SettingError(
            f"{where}: {count} examples cannot hold all of {len(classes)} classes: take more"
        )
    return split(where, y, classes, count, seed)[1]
