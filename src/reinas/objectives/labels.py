"""Classes and labels as people write them, and as networks take them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError


def encode_labels(labels: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number the classes: numbers by size, text by alphabet.

    Args:
        labels: [N].

    Returns:
        Class numbers [N] and the classes' names, in order.
    """
    values, numbers = np.unique(labels, return_inverse=True)
    return numbers.reshape(len(labels)).astype(np.int64), tuple(str(v) for v in values.tolist())


def encode_labels_like(
    where: str, labels: NDArray[Any], classes: Sequence[str]
) -> NDArray[np.int64]:
    """Number another part's labels like those of the training part.

    Args:
        where: Names the data in messages.
        labels: [N].
        classes: The classes of the training part.

    Returns:
        Class numbers [N].

    Raises:
        SettingError: A label is none of the classes.
    """
    place = {name: n for n, name in enumerate(classes)}
    for row, label in enumerate(labels.tolist()):
        if str(label) not in place:
            raise SettingError(
                f"{where}, row {row}: class '{label}' is not in the training part: its classes"
                f" are {', '.join(classes)}"
            )
    return np.array([place[str(label)] for label in labels.tolist()], np.int64)


def check_classes(where: str, classes: Sequence[str]) -> None:
    """Raise `SettingError` unless there are two classes or more."""
    if len(classes) < 2:
        found = f"only class '{classes[0]}'" if classes else "no classes"
        raise SettingError(f"{where}: there is {found}; two or more are needed to tell apart")


def check_finite(where: str, values: NDArray[Any]) -> None:
    """Raise `SettingError` with the first row that has NaN, or what float32 cannot hold."""
    if values.dtype.kind != "f":
        return
    # what float32 cannot hold would become infinite later; NaN compares as False
    good = (np.abs(values) <= np.finfo(np.float32).max).reshape(len(values), -1).all(axis=1)
    if not good.all():
        raise SettingError(
            f"{where}: row {int(good.argmin())} has NaN or infinity, or a number beyond float32,"
            f" as have {int((~good).sum())} rows in all: fill them in or leave the rows out"
        )


def are_flags(y: NDArray[Any]) -> bool:
    """Whether targets are [N, 2 or more] of 0 and 1."""
    if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "biuf":
        return False
    return bool(np.isin(y, (0, 1)).all())


def are_one_hot(y: NDArray[Any]) -> bool:
    """Whether every row has a single 1 among zeros: a class, as some tools write it."""
    return are_flags(y) and bool((y.sum(axis=1) == 1).all())


def are_whole(y: NDArray[Any]) -> bool:
    """Whether values are text or whole numbers, as classes are."""
    if y.dtype.kind != "f":
        return y.dtype.kind in "biuUS"
    return bool((np.isfinite(y) & (y == np.round(y)) & (np.abs(y) < 2**53)).all())


def are_column(y: NDArray[Any]) -> bool:
    """Whether there is one target per example: [N] or [N, 1]."""
    return y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)


def plain_labels(where: str, y: NDArray[Any]) -> NDArray[Any]:
    """Labels [N] as text or numbers, whole numbers as integers.

    Args:
        where: Names the data in messages.
        y: [N], [N, 1], or one-hot [N, classes].

    Returns:
        [N]; of one-hot rows the place of the 1.

    Raises:
        SettingError: There are several labels per row, or a number is not finite.
    """
    if are_one_hot(y):
        y = y.argmax(axis=1)
    if not are_column(y):
        raise SettingError(f"{where}: classes are one per row, got targets of shape {y.shape}")
    check_finite(where, y)
    if y.dtype.kind == "S":
        try:
            y = y.astype(str)
        except UnicodeDecodeError:
            raise SettingError(
                f"{where}: class names given as bytes are ASCII: save them as text"
            ) from None
    labels = y.reshape(len(y))
    return labels.astype(np.int64) if y.dtype.kind == "f" and are_whole(y) else labels
