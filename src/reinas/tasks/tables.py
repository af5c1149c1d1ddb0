"""A table in a CSV file."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from reinas.errors import FileError, InvalidSettingError, SettingError, nearest
from reinas.objectives.metrics import MetricSetting
from reinas.rewards import RewardSetting, check_reward
from reinas.system import check_ends
from reinas.tasks.base import Part
from reinas.tasks.measuring import ClassWeight, check_class_weight
from reinas.tasks.recipes import TABLE_RECIPE, Recipe
from reinas.tasks.scaling import WHITENING
from reinas.tasks.table_encoding import Column, Columns, learn, missing, odd_one
from reinas.tasks.targets import FEW, targets
from reinas.tasks.user_data import (
    MIN_EXAMPLES,
    MIN_REST,
    Data,
    FileTask,
    absolute_path,
    check_shares,
    check_words,
    split,
)
from reinas.tasks.user_data import missing as unreadable

SEPARATORS = ",;\t|"
Row = tuple[int, list[str]]
"""A row's line in the file, and its cells."""


@dataclass(frozen=True)
class Table(FileTask):
    """Your own table, a CSV file with a header: numbers and categories, missing values too.

    Missing numbers are replaced by the median and flagged in a column of their own; categories
    become columns of 0 and 1. Rows are split at random, classes in equal shares.

    Args:
        path: The file.
        target: The column to predict.
        kind: Whether it holds classes or numbers; `auto` takes text and a few whole numbers for
            classes.
        valid_share: The share of the validation part.
        test_share: The share of the test part.
        split: Seed of the split.
        reward: As for every task.
        whitening: As for every task.
        metric: The score that people, curves and the reward `auto` go by: a name such as f1_macro,
            roc_auc or mae, or a function (targets, predictions) of a module; `auto` is the usual
            one.
        class_weight: How much each class counts in the loss: `balanced`, or weights by class.
    """

    path: str = ""
    target: str = ""
    kind: Literal["auto", "classification", "regression"] = "auto"
    valid_share: float = 0.2
    test_share: float = 0.2
    split: int = 0
    reward: RewardSetting = "auto"
    whitening: str = "channel"
    metric: MetricSetting = "auto"
    class_weight: ClassWeight = None
    name: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", absolute_path(self.path, "task.path", "table:FILE.csv"))
        if not self.target:
            raise InvalidSettingError("task.target", "is missing: name the column to predict")
        check_words(
            kind=(self.kind, ("auto", "classification", "regression")),
            whitening=(self.whitening, WHITENING),
        )
        object.__setattr__(self, "reward", check_reward(self.reward))
        object.__setattr__(self, "class_weight", check_class_weight(self.class_weight))
        check_shares(self.valid_share, self.test_share)

    @property
    def recipe(self) -> Recipe:
        """Adam: widths and activations vary too much for one rate of plain SGD."""
        return TABLE_RECIPE

    def load(self) -> Data:
        """All three parts, split and encoded."""
        separator, header, rows = read_rows(Path(self.path))
        if self.target not in header:
            raise InvalidSettingError(
                "task.target",
                f"should be a column of {self.path}, got '{self.target}':"
                f" {nearest(self.target, header)}",
            )
        if len(rows) < MIN_EXAMPLES:
            raise SettingError(
                f"{self.path}: {len(rows)} rows are too few to split into parts: bring"
                f" {MIN_EXAMPLES} or more"
            )
        comma = separator == ";"
        cells = [(line, row[header.index(self.target)]) for line, row in rows]
        y, classes = targets(f"{self.path}, column {self.target}", cells, self.kind, comma=comma)
        rest, test = split(self.path, y, classes, self.test_share, self.split)
        train, valid = split(
            self.path,
            y[rest],
            classes,
            self.valid_share / (1 - self.test_share),
            self.split,
            MIN_REST,
        )
        train, valid = rest[train], rest[valid]
        columns, remarks = self._columns(header, rows, train, comma)
        named_rows = [dict(zip(header, cells, strict=True)) for _, cells in rows]
        x = columns.encode(named_rows)
        parts = (Part(x[train], y[train]), Part(x[valid], y[valid]), Part(x[test], y[test]))
        notes = (*self._notes(rows, classes, columns), *remarks)
        labels = {"reader": "table", "target": self.target, "columns": columns.json()}
        return Data(*parts, classes, notes, labels)

    def test(self) -> Part:
        """The held-back rows."""
        held = self.data.test
        assert held is not None, "a table's test part is split off when it is read"
        return held

    def _columns(
        self, header: list[str], rows: Sequence[Row], train: NDArray[np.int64], comma: bool
    ) -> tuple[Columns, list[str]]:
        """How each column is encoded, and what a person should know about that."""
        kept: list[Column] = []
        left_out: list[str] = []
        gaps: dict[str, int] = {}
        doubts: list[str] = []
        for place, name in enumerate(header):
            if name == self.target:
                continue
            cells = [row[place] for _, row in rows]
            column = learn(name, cells, [cells[n] for n in train], comma)
            odd = odd_one(cells, comma)
            doubt = "" if odd is None else f"line {rows[odd][0]}: {cells[odd]!r} is no number"
            if doubt and len(set(cells)) > FEW:
                raise FileError(
                    f"{self.path}, column {name}, {doubt}, as most of the column's cells are:"
                    " correct it, or leave the cell empty"
                )
            if isinstance(column, str):
                left_out.append(f"{name} ({column})")
                continue
            kept.append(column)
            if doubt:
                doubts.append(f"{name} is taken for categories, since {doubt}")
            if count := sum(map(missing, cells)):
                gaps[name] = count
        if not kept:
            raise FileError(
                f"{self.path}: no column to predict {self.target} from:"
                f" {', '.join(left_out) or 'it is the only one'}"
            )
        remarks = doubts
        if gaps:
            counts = ", ".join(f"{name} {count:,}" for name, count in gaps.items())
            remarks.append(
                f"missing values ({counts}): missing numbers are replaced by the median and"
                " flagged, missing categories are encoded as all zeros"
            )
        if left_out:
            remarks.append(f"left out: {', '.join(left_out)}")
        return Columns(tuple(kept)), remarks

    def _notes(
        self,
        rows: Sequence[Row],
        classes: tuple[str, ...],
        columns: Columns,
    ) -> tuple[str, ...]:
        """What was recognised."""
        what = (
            f"classification, {len(classes)} classes ({', '.join(classes[:6])}"
            f"{', ...' if len(classes) > 6 else ''})"
            if classes
            else "regression"
        )
        categories = sum(bool(column.values) for column in columns.columns)
        width = sum(column.width for column in columns.columns)
        numbers = len(columns.columns) - categories
        return (
            f"{self.path}: {len(rows):,} rows, {self.target}: {what}",
            f"columns of numbers: {numbers}, of categories: {categories}; {width} inputs",
        )


def read_rows(path: Path) -> tuple[str, list[str], list[Row]]:
    """Read a CSV file.

    Args:
        path: UTF-8 text with a header line.

    Returns:
        The separator, the header, and every row with its line number.

    Raises:
        FileError: The file cannot be read, or a row does not fit the header.
    """
    check_ends(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(unreadable(path, error)) from None
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as such; Excel calls that"
            " 'CSV UTF-8'"
        ) from None
    if "\0" in text:
        raise FileError(f"{path} has NUL characters, as UTF-16 text has: save it as UTF-8")
    text = text.lstrip("\r\n")
    if text[:1] in ("{", "[", "<"):
        kind = "HTML or XML" if text[0] == "<" else "JSON"
        raise FileError(
            f"{path} looks like {kind}: expected CSV, a header line and one per example"
        )
    # Excel's own way to name the separator
    text = re.sub(r"\Asep=.\r?\n", "", text, flags=re.IGNORECASE)
    first = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise FileError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells, but the header has"
                    f" {len(header)}"
                )
            rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise FileError(f"{path}, line {reader.line_num} is not CSV: {error}") from None
    if not header or not rows:
        raise FileError(f"{path} has no rows: expected a header line and one line per example")
    double = [name for name, count in Counter(header).items() if count > 1]
    if double:
        raise FileError(f"{path}: two columns are called '{double[0]}': names must differ")
    return separator, header, rows
