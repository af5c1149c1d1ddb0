"""A benchmark table from a CSV file."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, InvalidSettingError, nearest
from reinas.spaces.product import ProductSpace
from reinas.tables.array_table import BenchmarkTable
from reinas.tasks.table_encoding import number
from reinas.tasks.tables import Row, read_rows
from reinas.tasks.user_data import absolute_path

MAX_COMBINATIONS = 5_000_000  # with more, hardly any combination has a row in the file


def csv_table(
    path: str = "",
    decisions: tuple[str, ...] = (),
    reward: tuple[str, ...] = (),
    report: str | None = None,
    cost: str | None = None,
    maximise: bool = True,
    fidelities: tuple[str, ...] = (),
) -> BenchmarkTable:
    """Your own table: a CSV file with a header and one row per architecture.

    The space is the product of the decisions' values. A combination without a row is an
    architecture that fails.

    Args:
        path: The file; separated by commas, semicolons or tabs.
        decisions: The columns that identify an architecture.
        reward: The column to optimise, or one column per training seed.
        report: A column that is reported but hidden from the search, such as test accuracy.
        cost: The column with the duration of one training, in seconds.
        maximise: Whether a higher reward is better.
        fidelities: Columns with the reward earlier in the training, for early stopping. Their
            names end in the number of the step, such as loss_1, loss_3 and loss_9, and so does
            then the one column of the reward, such as loss_27.

    Returns:
        The table.

    Raises:
        InvalidSettingError: A parameter is missing, or names a column that does not exist or is
            named already.
        FileError: The file cannot be read, or its contents are not such a table.
    """
    if not path:
        raise InvalidSettingError("table.path", "is missing: give a CSV file")
    file = _read(absolute_path(path, "table.path", "csv:FILE.csv"))
    named = {
        "table.decisions": decisions,
        "table.reward": reward,
        "table.report": () if report is None else (report,),
        "table.cost": () if cost is None else (cost,),
        "table.fidelities": fidelities,
    }
    _check_columns(file, named)
    if len(file.rows) < 2:
        raise FileError(f"{file.path} has one row only: there is nothing to search")
    steps = _steps(fidelities, reward)
    space, places = _space(file, decisions)
    _check_duplicates(file, places, decisions)
    settings = {
        "name": "csv",
        "path": file.path,
        "decisions": list(decisions),
        "reward": list(reward),
        "report": report,
        "cost": cost,
        "maximise": maximise,
    }
    if fidelities:
        settings["fidelities"] = list(fidelities)
    return BenchmarkTable(
        space,
        _grid(file, reward, space.size, places),
        settings,
        reward=reward[0] if len(reward) == 1 else f"mean of {', '.join(reward)}",
        maximise=maximise,
        report=report,
        reported=None if report is None else _grid(file, [report], space.size, places)[:, 0],
        seconds=None if cost is None else _grid(file, [cost], space.size, places)[:, 0],
        fingerprint=hashlib.sha256(Path(file.path).read_bytes()).hexdigest()[:16],
        fidelities=steps,
        partial=_grid(file, fidelities, space.size, places) if fidelities else None,
    )


def _steps(fidelities: Sequence[str], reward: Sequence[str]) -> list[int]:
    """The steps of the fidelities and of the whole training; none without fidelities."""
    if not fidelities:
        return []
    if len(reward) != 1:
        raise InvalidSettingError(
            "table.fidelities",
            f"goes with one column as the reward, the whole training's; got {len(reward)}",
        )
    steps = []
    for column in (*fidelities, *reward):
        found = re.search(r"\d+$", column)
        if found is None or int(found[0]) < 1:
            raise InvalidSettingError(
                "table.fidelities",
                "takes columns that end in the number of their step, and so has the reward's to:"
                f" '{column}' does not",
            )
        steps.append(int(found[0]))
    if steps != sorted({*steps}):
        raise InvalidSettingError(
            "table.fidelities", f"should ascend to the reward's step, got the steps {steps}"
        )
    return steps


@dataclass(frozen=True)
class _File:
    """The rows of a CSV file with their line numbers."""

    path: str
    header: Sequence[str]
    rows: Sequence[Row]
    comma: bool  # whether decimals have a comma

    def column(self, name: str) -> list[str]:
        place = self.header.index(name)
        return [row[place].strip() for _, row in self.rows]


def _read(path: str) -> _File:
    if not Path(path).exists():
        raise FileError(f"{path}: there is no such file")
    separator, header, rows = read_rows(Path(path))
    return _File(path, header, rows, comma=separator == ";")


def _check_columns(file: _File, named: Mapping[str, Sequence[str]]) -> None:
    """Raise unless the parameters name columns of the file, each of them once."""
    there = ", ".join(file.header)
    for key in ("table.decisions", "table.reward"):
        if not named[key]:
            raise InvalidSettingError(key, f"is missing: the columns of {file.path} are {there}")
    every = [name for names in named.values() for name in names]
    for key, names in named.items():
        for name in names:
            if name not in file.header:
                raise InvalidSettingError(
                    key,
                    f"is wrong: {file.path} has no column '{name}': {nearest(name, file.header)}",
                )
            if every.count(name) > 1:
                raise InvalidSettingError(
                    key,
                    f"is wrong: column '{name}' is named twice, but can be only one of decision,"
                    " reward, report, cost and fidelity",
                )


def _space(file: _File, decisions: Sequence[str]) -> tuple[ProductSpace, NDArray[np.int64]]:
    """The product of the decisions' values, and the index of each row's architecture in it."""
    columns = [_values(file.column(name), file.comma) for name in decisions]
    values = [tuple(sorted(set(column), key=_order)) for column in columns]
    counts = [len(options) for options in values]
    size = math.prod(counts)
    if size > MAX_COMBINATIONS:
        most = int(np.argmax(counts))
        raise FileError(
            f"{file.path}: the decisions have {size:,} combinations, but there are"
            f" {len(file.rows):,} rows ('{decisions[most]}' alone has {counts[most]:,} values):"
            " is each of these columns a decision?"
        )
    indices = tuple(
        [options.index(cell) for cell in column]
        for column, options in zip(columns, values, strict=True)
    )
    space = ProductSpace(tuple(zip(decisions, values, strict=True)))
    return space, np.ravel_multi_index(indices, counts)


def _grid(
    file: _File, names: Sequence[str], size: int, places: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Columns of numbers in the order of the space [size, columns]; NaN where there is no row."""
    grid = np.full((size, len(names)), np.nan)
    grid[places] = np.stack([_numbers(file, name) for name in names], axis=1)
    return grid


def _numbers(file: _File, name: str) -> NDArray[np.float64]:
    """A column of finite numbers; `FileError` names the first line with anything else."""
    result = []
    for (line, _), text in zip(file.rows, file.column(name), strict=True):
        value = number(text, file.comma)
        if value is None or not math.isfinite(value):
            raise FileError(
                f"{file.path}, line {line}, column {name}: expected a finite number, got {text!r};"
                " leave the row out if that architecture failed"
            )
        result.append(value)
    return np.array(result)


def _values(texts: Sequence[str], comma: bool) -> list[Any]:
    """The values of a decision: numbers if every cell is one, else texts."""
    values: list[Any] = []
    for text in texts:
        value = number(text, comma)
        if value is None or not math.isfinite(value):
            return list(texts)
        values.append(int(value) if value.is_integer() and abs(value) < 1e15 else value)
    return values


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _check_duplicates(file: _File, places: NDArray[np.int64], decisions: Sequence[str]) -> None:
    first: dict[int, int] = {}
    for place, (line, _) in zip(places.tolist(), file.rows, strict=True):
        if place in first:
            raise FileError(
                f"{file.path}, line {line} is the same architecture as line {first[place]} (by"
                f" {', '.join(decisions)}): is a decision missing? Several training seeds go into"
                " several columns of one row, all of which are rewards"
            )
        first[place] = line
