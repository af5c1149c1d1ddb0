"""What targets given as arrays are: classes, numbers, or labels that hold or not."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, SettingError
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression
from reinas.tasks.user_data import check_classes, encode_labels, encode_labels_like

Kind = Literal["auto", "classification", "multilabel", "regression"]
KINDS = get_args(Kind)
MAX_CLASSES = 1000
"""More different whole numbers than these are rather measurements than classes."""


def recognise(
    where: str, y: NDArray[Any], kind: Kind
) -> tuple[NDArray[Any], tuple[str, ...], Objective]:
    """Tell what targets are, and encode them.

    Args:
        where: Names the data in messages.
        y: [N], [N, targets], or one-hot [N, classes].
        kind: What they are; `auto` takes text and whole numbers for classes, rows of 0 and 1
            that are not one-hot for labels, and all else for numbers.

    Returns:
        The targets; the classes' names, empty where they are none; the objective.

    Raises:
        ReinasError: The targets are not of that kind.
    """
    if kind == "multilabel" or (kind == "auto" and _are_labels(y)):
        if not _are_flags(y):
            raise FileError(
                f"{where}, y: expected labels [N, 2 or more] of 0 and 1, got {y.dtype} {y.shape}"
            )
        return y.astype(np.float32), (), MultiLabel()
    if kind != "regression" and _one_hot(y):
        y = y.argmax(axis=1)
    flat = y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)
    if kind == "regression" or (kind == "auto" and not (flat and _whole(y))):
        return encode_like(f"{where}, y", y, ()), (), Regression()
    if not flat:
        raise FileError(f"{where}: classes are one per row, got targets of shape {y.shape}")
    numbers, classes = encode_labels(_labels(f"{where}, y", y))
    check_classes(where, classes)
    if len(classes) > MAX_CLASSES:
        raise SettingError(
            f"{where}: {len(classes):,} different whole numbers as targets: set kind to regression"
            " if they are measurements"
        )
    return numbers, classes, Classification()


def encode_like(where: str, y: NDArray[Any], classes: tuple[str, ...]) -> NDArray[Any]:
    """Encode another part's targets like the training part's.

    Args:
        where: Names the data in messages.
        y: Raw targets.
        classes: The classes of the training part; empty for numbers and labels.

    Returns:
        int64 [N] for classes, else float32 [N, targets].

    Raises:
        ReinasError: They are other classes, or no numbers.
    """
    if classes and _one_hot(y):
        y = y.argmax(axis=1)
    if classes:
        return encode_labels_like(where, _labels(where, y), classes)
    if y.dtype.kind not in "biuf" or y.ndim > 2:
        raise FileError(f"{where}: expected numbers [N] or [N, targets], got {y.dtype} {y.shape}")
    check_finite(where, y)
    return y.reshape(len(y), -1).astype(np.float32)


def check_finite(where: str, values: NDArray[Any]) -> None:
    """Raise `FileError` with the first row that has NaN or infinity."""
    if values.dtype.kind != "f":
        return
    # what float32 cannot hold would become infinite later; NaN compares as False
    good = (np.abs(values) <= np.finfo(np.float32).max).reshape(len(values), -1).all(axis=1)
    if not good.all():
        raise FileError(
            f"{where}: row {int(good.argmin())} has NaN or infinity, or a number beyond float32,"
            f" as have {int((~good).sum())} rows in all: fill them in or leave the rows out"
        )


def _are_flags(y: NDArray[Any]) -> bool:
    """Whether the targets are [N, 2 or more] of 0 and 1."""
    if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "biuf":
        return False
    return bool(np.isin(y, (0, 1)).all())


def _one_hot(y: NDArray[Any]) -> bool:
    """Whether every row has a single 1 among zeros: a class, as some tools write it."""
    return _are_flags(y) and bool((y.sum(axis=1) == 1).all())


def _are_labels(y: NDArray[Any]) -> bool:
    return _are_flags(y) and not _one_hot(y)


def _whole(y: NDArray[Any]) -> bool:
    """Whether the targets are text or whole numbers: classes."""
    if y.dtype.kind != "f":
        return y.dtype.kind in "biuUS"
    return bool((np.isfinite(y) & (y == np.round(y)) & (np.abs(y) < 2**53)).all())


def _labels(where: str, y: NDArray[Any]) -> NDArray[Any]:
    """Labels [N] as text or numbers, whole ones as such."""
    check_finite(where, y)
    if y.dtype.kind == "S":
        y = y.astype(str)
    labels = y.reshape(len(y))
    return labels.astype(np.int64) if y.dtype.kind == "f" and _whole(y) else labels
