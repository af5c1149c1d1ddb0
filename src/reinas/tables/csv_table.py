"""Any table as an evaluator: `--table FILE.csv --decisions a,b --reward val`."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, SettingError, nearest
from reinas.spaces.product import ProductSpace
from reinas.tables.array_table import BenchmarkTable
from reinas.tasks.table_encoding import number
from reinas.tasks.tables import Row, read_rows
from reinas.tasks.user_data import absolute_path

LARGEST = 5_000_000  # combinations: beyond that a table has hardly a row of its grid


def csv_table(
    path: str = "",
    decisions: tuple[str, ...] = (),
    reward: tuple[str, ...] = (),
    report: str | None = None,
    cost: str | None = None,
    maximise: bool = True,
) -> BenchmarkTable:
    """Your own table, a CSV file with a header and one row an architecture.

    `decisions` are the columns that name an architecture; `reward` is the column to search by, or
    several of them, one a training seed; `report` is what the search may not see, such as the test
    accuracy; `cost` is in seconds. Combinations without a row are architectures that fail.
    """
    if not path:
        raise SettingError("csv: which file? Say --table FILE.csv")
    path = absolute_path("csv", path, "")
    if not Path(path).exists():
        raise FileError(f"{path}: there is no such file")
    if not decisions or not reward:
        raise SettingError(
            f"{path}: which columns are decisions, and which is the reward? Say --decisions A,B,..."
            " and --reward COLUMN"
        )
    separator, header, rows = read_rows(Path(path))
    extra = [name for name in (report, cost) if name is not None]
    _check_columns(path, header, decisions, reward, extra)
    if len(rows) < 2:
        raise FileError(f"{path} has one row only: there is nothing to search")
    comma = separator == ";"

    def numbers(name: str) -> NDArray[np.float64]:
        return _numbers(path, name, header.index(name), rows, comma)

    cells = [[row[header.index(name)].strip() for _, row in rows] for name in decisions]
    columns = [_values(texts, comma) for texts in cells]
    size = math.prod(len(set(column)) for column in columns)
    if size > LARGEST:
        many = max(range(len(columns)), key=lambda n: len(set(columns[n])))
        raise FileError(
            f"{path}: the decisions have {size:,} combinations, but there are {len(rows):,} rows"
            f" ('{decisions[many]}' alone has {len(set(columns[many])):,} values):"
            " is each of them a decision?"
        )
    values = [tuple(sorted(set(column), key=_order)) for column in columns]
    space = ProductSpace(tuple(zip(decisions, values, strict=True)))
    places = np.ravel_multi_index(
        tuple(
            [options.index(cell) for cell in column]
            for column, options in zip(columns, values, strict=True)
        ),
        [len(options) for options in values],
    )
    _check_doubles(path, places, rows, decisions)

    def spread(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        grid = np.full((size, len(columns)), np.nan)
        grid[places] = np.stack(columns, axis=1)
        return grid

    settings = {
        "name": "csv",
        "path": path,
        "decisions": list(decisions),
        "reward": list(reward),
        "report": report,
        "cost": cost,
        "maximise": maximise,
    }
    return BenchmarkTable(
        space,
        spread([numbers(name) for name in reward]),
        settings,
        reward=reward[0] if len(reward) == 1 else f"mean of {', '.join(reward)}",
        maximise=maximise,
        report=report,
        reported=None if report is None else spread([numbers(report)])[:, 0],
        seconds=None if cost is None else spread([numbers(cost)])[:, 0],
        fingerprint=hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16],
    )


def _check_columns(
    path: str,
    header: Sequence[str],
    decisions: Sequence[str],
    reward: Sequence[str],
    extra: Sequence[str],
) -> None:
    named = [*decisions, *reward, *extra]
    for name in named:
        if name not in header:
            raise SettingError(f"{path} has no column '{name}': {nearest(name, header)}")
    for name in named:
        if named.count(name) > 1:
            raise SettingError(
                f"{path}: column '{name}' is named twice: it is one of decision, reward, report and"
                " cost"
            )


def _numbers(
    path: str, name: str, place: int, rows: Sequence[Row], comma: bool
) -> NDArray[np.float64]:
    """A column of finite numbers; `FileError` names the first line that has none."""
    result = []
    for line, row in rows:
        value = number(row[place], comma)
        if value is None or not math.isfinite(value):
            raise FileError(
                f"{path}, line {line}, column {name}: expected a finite number, got"
                f" {row[place].strip()!r}: leave the row out if that architecture failed"
            )
        result.append(value)
    return np.array(result)


def _values(texts: Sequence[str], comma: bool) -> list[Any]:
    """The cells of a decision: numbers if all of them are, else texts."""
    values: list[Any] = []
    for text in texts:
        value = number(text, comma)
        if value is None or not math.isfinite(value):
            return list(texts)
        values.append(int(value) if value.is_integer() and abs(value) < 1e15 else value)
    return values


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _check_doubles(
    path: str, places: NDArray[np.int64], rows: Sequence[Row], decisions: Sequence[str]
) -> None:
    first: dict[int, int] = {}
    for place, (line, _) in zip(places.tolist(), rows, strict=True):
        if place in first:
            raise FileError(
                f"{path}, line {line} is the same architecture as line {first[place]} (by"
                f" {', '.join(decisions)}): is a decision missing? Several training seeds go into"
                " several columns of one row: --reward VAL_1,VAL_2"
            )
        first[place] = line
