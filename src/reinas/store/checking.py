"""Whether everything in a store can be read, and fits together."""

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from reinas.errors import ReinasError
from reinas.registry import make
from reinas.store import schema
from reinas.store.packing import unpacked
from reinas.store.sql_record import SqlRecord
from reinas.store.store import Store
from reinas.types import Trial

MOST = 20
"""How many problems of one study are told."""


def problems(store: Store, advance: Callable[[str], None] = lambda name: None) -> list[str]:
    """All that is wrong in a store, one sentence each; none where everything is as it should be.

    Args:
        store: The store.
        advance: Is called with the name of each study that was looked at.

    Raises:
        StoreError: The database as a whole cannot be read.
    """
    if store.is_empty:
        return []
    with store.explained():
        found = list(store.database.problems())
    for name in store.names():
        mine = list(_of_study(store, name))
        found += mine[:MOST]
        if len(mine) > MOST:
            found.append(f"'{name}' has {len(mine) - MOST} more problems")
        advance(name)
    return found + _of_runs(store)


def _of_study(store: Store, name: str) -> Iterator[str]:
    try:
        record = store.find(name)
    except ReinasError as error:
        yield str(error)
        return
    if record is None:  # deleted meanwhile
        return
    if "space" not in record.settings:
        yield f"the settings of '{name}' do not say which space it searches"
    if record.trials < 0:
        yield f"the budget of '{name}' is {record.trials} trials"
    trials = yield from _trials(store, record, name)
    yield from _orphans(store, record, name)
    yield from _order(trials, name)
    yield from _answers(record, trials, name)
    yield from _repeats(trials, name)
    yield from _learned(record, name)


def _trials(store: Store, record: SqlRecord, name: str) -> Generator[str, None, list[Trial]]:
    """Every trial that can be read; what cannot is looked for one by one."""
    with suppress(ReinasError):
        return record.all_trials()
    trials = []
    t = schema.trials.c
    with store.begin() as connection:
        query = sa.select(t.number).where(t.search == record.number).order_by(t.number)
        numbers = list(connection.scalars(query))
    for number in numbers:
        try:
            trials.append(record.trial(number))
        except ReinasError as error:
            yield f"trial {number} of '{name}' cannot be read: {error}"
    return trials


ORPHANS = {
    "the batch {row} of '{name}' has no trials": (schema.batches, "number", schema.trials, "batch"),
    "a trial of '{name}' is of batch {row}": (schema.trials, "batch", schema.batches, "number"),
    "an update of '{name}' is of batch {row}": (schema.updates, "batch", schema.batches, "number"),
    "a report of '{name}' is of trial {row}": (schema.reports, "trial", schema.trials, "number"),
    "an attempt of '{name}' is at trial {row}": (
        *(schema.attempts, "trial", schema.trials, "number"),
    ),
}
"""Rows and what they are of, which has to be there."""


def _orphans(store: Store, record: SqlRecord, name: str) -> Iterator[str]:
    for text, (table, key, other, wanted) in ORPHANS.items():
        there = sa.select(other.c[wanted]).where(other.c.search == record.number)
        query = (
            sa.select(table.c[key])
            .where(table.c.search == record.number, table.c[key].not_in(there))
            .distinct()
        )
        with store.begin() as connection:
            for row in connection.scalars(query):
                missing = "" if "no trials" in text else ", which is not there"
                yield text.format(row=row, name=name) + missing


def _order(trials: list[Trial], name: str) -> Iterator[str]:
    """Numbers without a gap, batches in their order."""
    for place, trial in enumerate(trials):
        if trial.number != place:
            yield f"'{name}' lacks trial {place}"
            break
    for trial in trials:
        reward = None if trial.outcome is None else trial.outcome.reward
        if reward is not None and not math.isfinite(reward):
            yield f"trial {trial.number} of '{name}' has the reward {reward}"
    for before, after in pairwise(trials):
        if after.batch < before.batch:
            yield f"trial {after.number} of '{name}' is in batch {after.batch}, which was over"


def _answers(record: SqlRecord, trials: Iterable[Trial], name: str) -> Iterator[str]:
    """Answers are ones of the space, where that can be made here."""
    try:
        space = make("space", record.settings.get("space", {}))
    except (KeyError, TypeError, ValueError):  # one of a script's own
        return
    for trial in trials:
        try:
            space.check(trial.answers)
        except ReinasError as error:
            yield f"the answers of trial {trial.number} of '{name}' are none of its space: {error}"


def _repeats(trials: Iterable[Trial], name: str) -> Iterator[str]:
    """A repeated trial is an earlier one, and has its outcome."""
    known = {trial.number: trial for trial in trials}
    for trial in known.values():
        if trial.repeat_of is None:
            continue
        first = known.get(trial.repeat_of)
        if first is None or first.number >= trial.number:
            yield f"trial {trial.number} of '{name}' repeats {trial.repeat_of}, no earlier trial"
        elif trial.outcome and first.outcome and trial.outcome.reward != first.outcome.reward:
            yield f"trial {trial.number} of '{name}' repeats {trial.repeat_of}, but not its reward"


def _learned(record: SqlRecord, name: str) -> Iterator[str]:
    """What the policy has learned can be read, and is of a batch that there is."""
    readers: dict[str, Callable[[], Any]] = {
        "the policy's state": record.snapshot,
        "the policy's diagnostics": record.diagnostics,
        "the updates": record.updates,
        "the attempts": record.attempts,
        "the final grid": record.points,
        "the final network": lambda: _final(record),
    }
    for what, read in readers.items():
        try:
            read()
        except Exception as error:  # whatever a damaged value raises
            yield f"{what} of '{name}' cannot be read: {error}"


def _final(record: SqlRecord) -> None:
    final = record.final()
    if final is not None:
        record.trial(final.trial)


def _of_runs(store: Store) -> list[str]:
    r = schema.runs.c
    found = []
    with store.begin() as connection:
        for row in connection.execute(sa.select(r.finished, r.state)):
            try:
                unpacked(row.state)
            except Exception as error:
                found.append(f"a comparison's run of {row.finished} cannot be read: {error}")
    return found
