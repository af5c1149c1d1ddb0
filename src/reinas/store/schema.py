"""The tables, and their version."""

import json
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

VERSION = 6
"""Raised by one whenever the tables or the words in them change; see `migrations.py`."""

metadata = MetaData()


class Json(TypeDecorator[Any]):
    """A value as the text of its JSON; Python's None is SQL's NULL: "not yet".

    Databases' own JSON types differ: PostgreSQL's refuses the NaN of a loss that diverged.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """To the database."""
        return None if value is None else json.dumps(value)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """From the database; given whole, since a long study has hundreds of thousands."""
        return _value


def _value(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (TypeError, UnicodeDecodeError, RecursionError) as error:  # a damaged value
        raise json.JSONDecodeError(str(error), "", 0) from None


class String(TypeDecorator[str]):
    """Text of any length; PostgreSQL knows no NUL character, so there it is U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """To the database."""
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\0", "\ufffd")


versions = Table("reinas_version", metadata, Column("version", Integer, nullable=False))

searches = Table(
    "searches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("settings", Json, nullable=False),
    Column("trials", Integer, nullable=False),
    Column("created", String, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("search", ForeignKey("searches.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    # null until the policy has learned from the batch
    Column("diagnostics", Json),
)


def _outcome() -> list[Column[Any]]:
    """The columns of an outcome, for each table that has one."""
    return [
        Column("reward", Float),
        Column("seconds", Float),
        Column("metrics", Json),
        Column("curve", Json),
        Column("error", String),
        # [step, score] of a child that was stopped early
        Column("pruned", Json),
        # [[step, score], ...] as reported while it ran
        Column("reports", Json),
    ]


trials = Table(
    "trials",
    metadata,
    Column("search", ForeignKey("searches.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("answers", Json, nullable=False),
    # the architecture's key as text: equal for equal architectures
    Column("key", String, nullable=False),
    # the architecture for people; null in stores that were made before version 5
    Column("architecture", String),
    Column("repeat_of", Integer),
    # which worker holds the trial while it is running, and until when (seconds since 1970)
    Column("worker", String),
    Column("lease", Float),
    # null until the trial has finished
    Column("finished", String),
    *_outcome(),
    # with the number: else SQLite takes the primary key for its order, and reads the whole study
    Index("trials_by_batch", "search", "batch", "number"),
)

t = trials.c
# few rows at any time, however long the study is; the column that is NULL in all of them is there
# since SQLite, which has no statistics, takes the index with the most equalities
_open = t.finished.is_(None)
Index(
    "trials_open",
    *(t.search, t.finished, t.batch, t.number),
    sqlite_where=_open,
    postgresql_where=_open,
)
# one row an architecture, however often it is proposed again
_own = t.repeat_of.is_(None)
Index("trials_by_key", t.search, t.key, t.repeat_of, sqlite_where=_own, postgresql_where=_own)

snapshots = Table(
    "snapshots",
    metadata,
    Column("search", ForeignKey("searches.id"), primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

points = Table(
    "points",
    metadata,
    Column("search", ForeignKey("searches.id"), primary_key=True),
    # the recipe as text: a point that was trained is found again, whatever grid it is in
    Column("key", String, primary_key=True),
    Column("recipe", Json, nullable=False),
    Column("finished", String, nullable=False),
    *_outcome(),
)

reports = Table(
    "reports",
    metadata,
    # scores of running trials; once a trial has finished they are in its own row
    Column("search", ForeignKey("searches.id"), primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("score", Float, nullable=False),
    Column("at", Float, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("search", ForeignKey("searches.id"), nullable=False),
    Column("trial", Integer, nullable=False),
    # the machine and the process
    Column("worker", String, nullable=False),
    # seconds since 1970; `ended` where it came to no outcome, `lost` why, if the worker was lost
    Column("begun", Float, nullable=False),
    Column("ended", Float),
    Column("lost", String),
    Index("attempts_by_trial", "search", "trial"),
)

updates = Table(
    "updates",
    metadata,
    Column("search", ForeignKey("searches.id"), primary_key=True),
    # in the order applied
    Column("number", Integer, primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("replica", Integer, nullable=False),
    # how many steps the parameters had taken that the gradient came from, and that it was added to
    Column("version", Integer, nullable=False),
    Column("applied_to", Integer, nullable=False),
)

finals = Table(
    "finals",
    metadata,
    Column("search", ForeignKey("searches.id"), primary_key=True),
    Column("trial", Integer, nullable=False),
    Column("recipe", Json, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("finished", String, nullable=False),
    # the test metrics as one line for people; null in stores of earlier versions
    Column("summary", String),
)

runs = Table(
    "runs",
    metadata,
    # all settings of the run as text: the same run is found again, whatever it is compared with
    Column("key", String, primary_key=True),
    Column("finished", String, nullable=False),
    Column("state", LargeBinary, nullable=False),
)
