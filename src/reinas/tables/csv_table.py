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
from reinas.spaces.product import PoolSpace, ProductSpace
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
    invalid: tuple[str, ...] = (),
    pool: bool = False,
) -> BenchmarkTable:
    """Your own table: a CSV file with a header and one row per architecture.

    The space is the product of the decisions' values. A combination without a row is an
    architecture that fails; or, with `pool`, there is none: what a policy proposes is snapped to
    the nearest row.

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
        invalid: What the reward's cells have where the architecture failed, such as nan.
        pool: Whether the rows are the only architectures that there are.

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
    space, places = _space(file, decisions, pool)
    _check_duplicates(file, places, decisions)
    failed = _failed(file, reward, invalid)
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
    if invalid:
        settings["invalid"] = list(invalid)
    if pool:
        settings["pool"] = True

    size = math.prod(decision.num_options for decision in space.decisions)
    nowhere = np.asarray(failed.all(1))[:, None]  # the other columns need no number there

    def grid(names: Sequence[str], without: NDArray[np.bool_] = nowhere) -> NDArray[np.float64]:
        return _grid(file, names, size, places, without)

    return BenchmarkTable(
        space,
        grid(reward, failed),
        settings,
        reward=reward[0] if len(reward) == 1 else f"mean of {', '.join(reward)}",
        maximise=maximise,
        report=report,
        reported=None if report is None else grid([report])[:, 0],
        seconds=None if cost is None else grid([cost])[:, 0],
        fingerprint=hashlib.sha256(Path(file.path).read_bytes()).hexdigest()[:16],
        fidelities=steps,
        partial=grid(fidelities) if fidelities else None,
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


def _space(
    file: _File, decisions: Sequence[str], pool: bool
) -> tuple[ProductSpace, NDArray[np.int64]]:
    """The space of the decisions' values, and each row's index in the product of these."""
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
    named = tuple(zip(decisions, values, strict=True))
    rows = tuple(zip(*indices, strict=True))
    space = PoolSpace(named, rows) if pool else ProductSpace(named)
    return space, np.ravel_multi_index(indices, counts)


def _failed(file: _File, reward: Sequence[str], invalid: Sequence[str]) -> NDArray[np.bool_]:
    """In which rows and columns of the reward the architecture failed [rows, columns]."""
    cells = [[cell in invalid for cell in file.column(name)] for name in reward]
    failed: NDArray[np.bool_] = np.array(cells, np.bool_).T
    if failed.all():
        raise FileError(
            f"{file.path}: every reward is {' or '.join(invalid)}: nothing was measured"
        )
    return failed


def _grid(
    file: _File,
    names: Sequence[str],
    size: int,
    places: NDArray[np.int64],
    failed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Columns of numbers in the order of the product [size, columns]; NaN where there is none.

    `failed` is [rows, columns], or [rows, 1] for all columns.
    """
    grid = np.full((size, len(names)), np.nan)
    without = np.broadcast_to(failed, (len(places), len(names)))
    columns = [_numbers(file, name, without[:, k]) for k, name in enumerate(names)]
    grid[places] = np.stack(columns, axis=1)
    return grid


def _numbers(file: _File, name: str, failed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A column of finite numbers, NaN where it failed; `FileError` names any other line."""
    result = []
    for (line, _), text, none in zip(file.rows, file.column(name), failed, strict=True):
        if none:
            result.append(math.nan)
            continue
        value = number(text, file.comma)
        if value is None or not math.isfinite(value):
            raise FileError(
                f"{file.path}, line {line}, column {name}: expected a finite number, got {text!r};"
                " leave the row out if that architecture failed, or name the value: invalid"
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
