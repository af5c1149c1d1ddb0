"""What a table's target column is: classes or numbers."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, SettingError
from reinas.objectives.labels import check_classes, encode_labels
from reinas.tasks.table_encoding import beyond, missing, number, odd_one

FEW = 20
"""At most this many different whole numbers are taken for classes."""
Cell = tuple[int, str]
"""A cell, and its line in the file."""
Targets = tuple[NDArray[np.int64] | NDArray[np.float32], tuple[str, ...]]
"""Class numbers [N] and class names, or float32 [N, 1] and no names."""


def targets(where: str, cells: Sequence[Cell], kind: str, *, comma: bool) -> Targets:
    """Encode the target column of a table.

    Args:
        where: Names the column in messages.
        cells: Every cell with its line.
        kind: `auto`, `classification` or `regression`.
        comma: Whether the decimal sign may be a comma.

    Returns:
        The targets, and the names of the classes.

    Raises:
        FileError: A cell is empty or no number, or all are the same.
        SettingError: There is one class, or so many that they cannot be learned.
    """
    _check_filled(where, cells)
    if all(beyond(cell, comma) or number(cell, comma) is not None for _, cell in cells):
        for line, cell in cells:
            if beyond(cell, comma):
                raise FileError(
                    f"{where}, line {line}: {cell.strip()} is more than float32 holds: scale the"
                    " column"
                )
    numbers = [number(cell, comma) for _, cell in cells]
    texts = [place for place, value in enumerate(numbers) if value is None]
    if kind == "auto":
        kind = _recognised(cells, numbers, comma)
    if kind == "classification":
        labels = [cell.strip() for _, cell in cells] if texts else numbers
        return _classes(where, cells, labels)
    if texts:
        line, cell = cells[texts[0]]
        raise FileError(
            f"{where}, line {line}: expected a finite number, got {cell!r}: correct it, or leave"
            " the row out"
        )
    values = np.array(numbers, np.float32)[:, None]
    if bool((values == values[0]).all()):
        raise FileError(f"{where}: every value is {cells[0][1]}: nothing to predict")
    return values, ()


def _check_filled(where: str, cells: Sequence[Cell]) -> None:
    empty = [(line, cell) for line, cell in cells if missing(cell)]
    if empty:
        lines = ", ".join(str(line) for line, _ in empty[:5]) + (", ..." if len(empty) > 5 else "")
        raise FileError(
            f"{where}: {len(empty)} rows have no value ({empty[0][1]!r}), in line {lines}: fill"
            " them in or leave the rows out"
        )


def _recognised(cells: Sequence[Cell], numbers: Sequence[float | None], comma: bool) -> str:
    """Text and a few whole numbers are classes; many numbers with a slip are still numbers."""
    plain = [cell for _, cell in cells]
    if None in numbers:
        slip = odd_one(plain, comma) is not None and len(set(plain)) > FEW
        return "regression" if slip else "classification"
    different = {value for value in numbers if value is not None}
    whole = all(value == round(value) for value in different)
    few = len(different) <= min(FEW, len(cells) // 2)
    return "classification" if whole and few else "regression"


def _classes(
    where: str, cells: Sequence[Cell], labels: Sequence[str] | Sequence[float | None]
) -> Targets:
    values = np.array(labels)
    if values.dtype.kind == "f" and bool(((values % 1 == 0) & (np.abs(values) < 2**53)).all()):
        values = values.astype(np.int64)
    y, classes = encode_labels(values)
    check_classes(where, classes)
    rare = [name for name, count in Counter(y.tolist()).items() if count < 3]
    if len(rare) > len(classes) / 2:
        raise SettingError(
            f"{where}: {len(classes)} classes, most with one or two rows, are too many to learn:"
            f" is it the right column? Its first value is {cells[0][1]!r}; numbers must be plain,"
            " without signs of money or thousands"
        )
    return y, classes
