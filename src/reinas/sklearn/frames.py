"""Data frames and arrays as numbers: missing values and categories, as `Table` encodes files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.tasks.table_encoding import Column, Columns, learn

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FrameReader:
    """How the columns of a data frame, or of an array [N, columns], become inputs.

    Args:
        columns: One per column that is used.
        names: The names of all columns, in order.
    """

    columns: Columns
    names: tuple[str, ...]

    @property
    def labels(self) -> Mapping[str, Any]:
        """What a saved network needs to read rows, as `Table` gives it."""
        return {"reader": "table", "columns": self.columns.json()}

    def read(self, x: Any) -> Floats:
        """Encode rows.

        Args:
            x: A data frame with these columns, or an array [N, columns] in their order.

        Returns:
            float32 [N, inputs].
        """
        place = {name: n for n, name in enumerate(self.names)}
        parts = [_encoded(c, _cells(x, place[c.name])) for c in self.columns.columns]
        return np.concatenate(parts, axis=1)


def learn_frame(x: Any, train: NDArray[np.int64]) -> FrameReader:
    """Learn from the training rows how columns are encoded.

    Numbers are taken as they are; a missing one becomes the median, and a column of its own says
    where. Categories, which are texts and pandas's own, become columns of 0 and 1.

    Args:
        x: A data frame, or an array of numbers [N, columns].
        train: Which rows are trained on.

    Returns:
        The reader.

    Raises:
        SettingError: A column is neither.
    """
    names = tuple(map(str, x.columns)) if _is_frame(x) else _numbered(x.shape[1])
    columns = [_column(name, _cells(x, n), train) for n, name in enumerate(names)]
    used = [column for column in columns if column is not None]
    # where nothing varies the network still has to have an input
    return FrameReader(Columns(tuple(used or [Column(names[0])])), names)


def _column(name: str, cells: NDArray[Any], train: NDArray[np.int64]) -> Column | None:
    if cells.dtype.kind == "f":
        seen = cells[train]
        known = seen[~np.isnan(seen)]
        if not len(known):
            return None
        constant = len(known) == len(seen) and bool((known == known[0]).all())
        return (
            None if constant else Column(name, (), float(np.median(known)), len(known) < len(seen))
        )
    texts = cells.tolist()
    found = learn(name, texts, [texts[n] for n in train], comma=False)
    return found if isinstance(found, Column) else None


def _cells(x: Any, place: int) -> NDArray[Any]:
    """A column: float32 numbers with NaN for missing ones, or texts, empty where missing."""
    if not _is_frame(x):
        return np.asarray(x[:, place], np.float32)
    column = x.iloc[:, place]
    kind = getattr(column.dtype, "kind", "O")
    if kind in "biuf":
        numbers: NDArray[Any] = column.to_numpy(np.float32, na_value=np.nan)
        return numbers
    if kind in "mMc":
        raise SettingError(
            f"column '{column.name}' holds {column.dtype}: make numbers or categories of it"
        )
    missing = column.isna().to_numpy()
    texts = column.astype(str).to_numpy(object)
    return np.where(missing, "", texts)


def _encoded(column: Column, cells: NDArray[Any]) -> Floats:
    if cells.dtype.kind != "f":
        return column.encode(cells.tolist())
    missing = np.isnan(cells)
    filled = np.where(missing, np.float32(column.fill), cells)
    return np.stack([filled, missing.astype(np.float32)][: column.width], axis=1)


def _is_frame(x: Any) -> bool:
    return hasattr(x, "iloc") and hasattr(x, "columns")


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"x{n}" for n in range(count))
