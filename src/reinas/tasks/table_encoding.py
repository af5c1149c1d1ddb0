"""From the cells of a table to numbers: what each column is, and how it is encoded."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
"""What stands for a missing value, in any case."""
MAX_FLOAT = float(np.finfo(np.float32).max)
MAX_CATEGORIES = 100
"""A text column with more different values than these is left out: it is a name, not a category."""


def missing(cell: str) -> bool:
    """Whether the cell has no value."""
    return cell.strip().lower() in MISSING


def number(cell: str, comma: bool) -> float | None:
    """The cell as a number.

    Args:
        cell: A cell's text.
        comma: Whether the decimal sign may be a comma.

    Returns:
        The number; None if the cell is no finite number that float32 holds.
    """
    text = cell.strip().replace(",", ".") if comma else cell.strip()
    if "_" in text or not text.isascii():  # Python takes 1_000 for a number
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= MAX_FLOAT else None


def beyond(cell: str, comma: bool) -> bool:
    """Whether the cell is a number that float32 does not hold, or infinite."""
    text = cell.strip().replace(",", ".") if comma else cell.strip()
    try:
        return "_" not in text and text.isascii() and abs(float(text)) > MAX_FLOAT
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Column:
    """How one column of a table is encoded as numbers.

    Args:
        name: The column's name.
        values: The categories, each of which becomes a column of 0 and 1; other and missing
            cells are all zeros. Empty for a column of numbers.
        fill: Replaces a missing number.
        gaps: Whether missing numbers are flagged in a column of their own.
        comma: Whether the decimal sign may be a comma.
    """

    name: str
    values: tuple[str, ...] = ()
    fill: float = 0.0
    gaps: bool = False
    comma: bool = False

    @property
    def width(self) -> int:
        """How many numbers it becomes."""
        return len(self.values) or 1 + self.gaps

    def encode(self, cells: Sequence[str]) -> NDArray[np.float32]:
        """Encode cells.

        Args:
            cells: N texts.

        Returns:
            float32 [N, width].

        Raises:
            FileError: A cell of a column of numbers is none.
        """
        result = np.zeros((len(cells), self.width), np.float32)
        place = {value: n for n, value in enumerate(self.values)}
        for row, cell in enumerate(cells):
            if self.values:
                if cell.strip() in place:
                    result[row, place[cell.strip()]] = 1.0
            elif missing(cell):
                result[row, 0] = self.fill
                result[row, 1:] = 1.0
            elif (value := number(cell, self.comma)) is not None:
                result[row, 0] = value
            else:
                raise FileError(f"column {self.name}: expected a finite number, got {cell!r}")
        return result


@dataclass(frozen=True, slots=True)
class Columns:
    """How the rows of a table become the inputs of a network."""

    columns: tuple[Column, ...]

    def encode(self, rows: Sequence[Mapping[str, str]]) -> NDArray[np.float32]:
        """Encode rows.

        Args:
            rows: Cells by the column's name.

        Returns:
            float32 [N, width].

        Raises:
            FileError: A column is missing, or a cell of a column of numbers is none.
        """
        for column in self.columns:
            if rows and column.name not in rows[0]:
                raise FileError(f"the table has no column {column.name}, which the network needs")
        encoded = [c.encode([row[c.name] for row in rows]) for c in self.columns]
        return np.concatenate(encoded, axis=1)

    def json(self) -> list[dict[str, Any]]:
        """As JSON takes it."""
        return [asdict(column) for column in self.columns]

    @staticmethod
    def of_json(data: Sequence[Mapping[str, Any]]) -> "Columns":
        """What `json` gave."""
        return Columns(tuple(Column(**{**c, "values": tuple(c["values"])}) for c in data))


def odd_one(cells: Sequence[str], comma: bool) -> int | None:
    """Find a slip in a column of numbers.

    Args:
        cells: The column.
        comma: Whether the decimal sign may be a comma.

    Returns:
        The place of the first cell that is no number, where most are; None if there is none, or
        most are text.
    """
    texts = [n for n, cell in enumerate(cells) if not missing(cell) and number(cell, comma) is None]
    numbers = sum(number(cell, comma) is not None for cell in cells)
    return texts[0] if texts and numbers > len(texts) else None


def learn(name: str, every: Sequence[str], train: Sequence[str], comma: bool) -> Column | str:
    """Decide how a column is encoded.

    Args:
        name: The column's name.
        every: All of its cells; they decide whether it holds numbers.
        train: Those of the training part; categories, median and gaps are taken from these only.
        comma: Whether the decimal sign may be a comma.

    Returns:
        The column, or why it is left out.
    """
    known = [cell for cell in every if not missing(cell)]
    if not known:
        return "is empty"
    large = [cell for cell in known if beyond(cell, comma)]
    if large and all(beyond(cell, comma) or number(cell, comma) is not None for cell in known):
        return f"has {large[0].strip()}, more than float32 holds: scale it"
    seen = [cell.strip() for cell in train if not missing(cell)]
    values = [value for cell in seen if (value := number(cell, comma)) is not None]
    numeric = all(number(cell, comma) is not None for cell in known)
    different = len(set(values if numeric else seen))
    if not seen or (different < 2 and len(seen) == len(train)):
        return "is constant"
    if numeric:
        return Column(name, fill=float(median(values)), gaps=len(seen) < len(train), comma=comma)
    counted = Counter(seen)
    if len(counted) > MAX_CATEGORIES or (len(counted) > 10 and len(counted) > len(seen) / 2):
        return f"has {len(counted):,} different texts"
    return Column(name, values=tuple(sorted(counted)))
