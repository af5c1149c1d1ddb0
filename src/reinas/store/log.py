"""One search in a store: what was proposed, what came out, what was learned."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, Row

from reinas.store import tables
from reinas.store.packing import packed, unpacked
from reinas.types import Answers, Curve, Epoch, Outcome, Trial

t = tables.trials.c
Begin = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A trial as it is first written: its answers, and the trial that it repeats, if any."""

    number: int
    answers: Answers
    key: Answers
    repeat_of: int | None


@dataclass(frozen=True, slots=True)
class Final:
    """The network that was retrained and tested once."""

    trial: int
    recipe: dict[str, Any]
    metrics: dict[str, float]
    finished: str


class Log:
    """Everything about one search. Each writing method is one transaction."""

    def __init__(
        self,
        begin: Begin,
        identity: int,
        name: str,
        settings: dict[str, Any],
        trials: int,
        created: str,
    ) -> None:
        self._begin = begin
        self._id = identity
        self.name = name
        self.settings = settings
        self.trials = trials
        self.created = created

    # ---- writing: one transaction each -------------------------------------------------------

    def raise_budget(self, trials: int) -> None:
        """Let the search run to more trials."""
        query = tables.searches.update().where(tables.searches.c.id == self._id)
        with self._begin() as connection:
            connection.execute(query.values(trials=trials))

    def propose(self, batch: int, proposals: Sequence[Proposal]) -> None:
        """Write a whole batch down before any of its children is evaluated."""
        rows = [
            {
                "search": self._id,
                "number": p.number,
                "batch": batch,
                "answers": list(p.answers),
                "key": _key(p.key),
                "repeat_of": p.repeat_of,
            }
            for p in proposals
        ]
        with self._begin() as connection:
            connection.execute(tables.batches.insert().values(search=self._id, number=batch))
            connection.execute(tables.trials.insert(), rows)

    def record(self, number: int, outcome: Outcome) -> None:
        """Write one trial's outcome."""
        query = tables.trials.update().where(t.search == self._id, t.number == number)
        with self._begin() as connection:
            connection.execute(query.values(_outcome_row(outcome)))

    def learned(
        self, batch: int, diagnostics: Mapping[str, float], state: Mapping[str, NDArray[Any]]
    ) -> None:
        """Write what the policy said of a batch, and all that it knows after it."""
        b = tables.batches.c
        done = tables.batches.update().where(b.search == self._id, b.number == batch)
        old = tables.snapshots.delete().where(tables.snapshots.c.search == self._id)
        snapshot = {
            "search": self._id,
            "batch": batch,
            "state": packed(state),
        }
        with self._begin() as connection:
            connection.execute(done.values(diagnostics=dict(diagnostics)))
            connection.execute(old)
            connection.execute(tables.snapshots.insert().values(snapshot))

    def record_point(self, recipe: Mapping[str, Any], outcome: Outcome) -> None:
        """Write what one point of the final grid gave."""
        row = {"search": self._id, "key": recipe_key(recipe), "recipe": dict(recipe)}
        with self._begin() as connection:
            connection.execute(tables.points.insert().values(row | _outcome_row(outcome)))

    def finish(self, final: Final) -> None:
        """Write the final network's test result: once a search."""
        row = {"search": self._id, **asdict(final)}
        with self._begin() as connection:
            connection.execute(tables.finals.insert().values(row))

    # ---- reading -----------------------------------------------------------------------------

    def snapshot(self) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """The last batch that was learned from, and the policy's state after it."""
        query = sa.select(tables.snapshots).where(tables.snapshots.c.search == self._id)
        with self._begin() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.batch, unpacked(row.state))

    def batch(self, number: int) -> list[Trial]:
        """A batch's trials in the order proposed; empty if it was not proposed yet."""
        return self._trials(t.batch == number)

    def finished(self) -> list[Trial]:
        """All finished trials, in the order proposed."""
        return self._trials(t.finished.is_not(None))

    def trial(self, number: int) -> Trial:
        """One trial."""
        return self._trials(t.number == number)[0]

    def best(self, count: int = 1) -> list[Trial]:
        """The `count` best different architectures: highest reward first, then the earliest."""
        query = (
            sa.select(tables.trials)
            .where(t.search == self._id, t.reward.is_not(None), t.repeat_of.is_(None))
            .order_by(t.reward.desc(), t.number)
        )
        best: dict[str, Trial] = {}
        with self._begin() as connection:
            for row in connection.execute(query):
                best.setdefault(row.key, _trial(row))
                if len(best) == count:
                    break
        return list(best.values())

    def failures(self) -> list[Trial]:
        """The failed trials, in the order proposed."""
        return self._trials(t.error.is_not(None))

    def count(self) -> tuple[int, int]:
        """How many trials were proposed, and how many of them have finished."""
        query = sa.select(sa.func.count(), sa.func.count(t.finished)).where(t.search == self._id)
        with self._begin() as connection:
            proposed, finished = connection.execute(query).one()
        return proposed, finished

    def first_with(self, keys: Iterable[Answers], before: int) -> dict[Answers, int]:
        """For each architecture that was evaluated in an earlier batch, the trial's number."""
        texts = {_key(key): key for key in keys}
        query = (
            sa.select(t.key, sa.func.min(t.number).label("number"))
            .where(t.search == self._id, t.batch < before, t.key.in_(texts))
            .group_by(t.key)
        )
        with self._begin() as connection:
            return {texts[row.key]: row.number for row in connection.execute(query)}

    def diagnostics(self) -> list[tuple[int, dict[str, float]]]:
        """What the policy said of each batch that it learned from."""
        b = tables.batches.c
        query = (
            sa.select(b.number, b.diagnostics)
            .where(b.search == self._id, b.diagnostics.is_not(None))
            .order_by(b.number)
        )
        with self._begin() as connection:
            return [(row.number, row.diagnostics) for row in connection.execute(query)]

    def points(self) -> dict[str, tuple[dict[str, Any], Outcome]]:
        """The points of the final grid that are trained: recipe and outcome, by the key."""
        query = sa.select(tables.points).where(tables.points.c.search == self._id)
        with self._begin() as connection:
            return {row.key: (row.recipe, _outcome(row)) for row in connection.execute(query)}

    def final(self) -> Final | None:
        """The tested network, if `finish` has run."""
        f = tables.finals.c
        query = sa.select(f.trial, f.recipe, f.metrics, f.finished).where(f.search == self._id)
        with self._begin() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Final(**row._mapping)

    def _trials(self, condition: sa.ColumnElement[bool]) -> list[Trial]:
        query = sa.select(tables.trials).where(t.search == self._id, condition).order_by(t.number)
        with self._begin() as connection:
            return [_trial(row) for row in connection.execute(query)]


def _key(answers: Answers) -> str:
    return ",".join(map(str, answers))


def _curve_json(curve: Curve) -> dict[str, Any]:
    rows = [[e.number, e.train_loss, e.loss, e.score] for e in curve.epochs]
    return {"epochs": rows, "stopped": curve.stopped}


def _curve(data: dict[str, Any] | None) -> Curve | None:
    if data is None:
        return None
    return Curve(tuple(Epoch(*row) for row in data["epochs"]), data["stopped"])


def _outcome_row(outcome: Outcome) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "reward": outcome.reward,
        "seconds": outcome.seconds,
        "metrics": dict(outcome.metrics),
        "curve": None if outcome.curve is None else _curve_json(outcome.curve),
        "error": outcome.error,
    }


def _outcome(row: Row[Any]) -> Outcome:
    return Outcome(row.reward, row.seconds, row.metrics, _curve(row.curve), row.error)


def recipe_key(recipe: Mapping[str, Any]) -> str:
    """A recipe as text: equal for equal recipes."""
    return json.dumps(recipe, sort_keys=True)


def _trial(row: Row[Any]) -> Trial:
    outcome = None if row.finished is None else _outcome(row)
    return Trial(row.number, row.batch, tuple(row.answers), outcome, row.repeat_of)
