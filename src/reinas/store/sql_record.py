"""One search in a store: what was proposed, what came out, what was learned."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from reinas.store import schema
from reinas.store.packing import packed, unpacked
from reinas.store.rows import (
    AttemptRecord,
    FinalRecord,
    Proposal,
    Update,
    attempt_record_of,
    key_text,
    outcome_of,
    outcome_row,
    recipe_key,
    trial_of,
)
from reinas.types import Answers, Attempt, Outcome, Trial

t = schema.trials.c
Begin = Callable[[], AbstractContextManager[Connection]]


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

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within, all that is written and read is one transaction."""
        alone = self._begin
        with alone() as connection:
            self._begin = lambda: nullcontext(connection)
            try:
                yield
            finally:
                self._begin = alone

    def raise_budget(self, trials: int) -> None:
        """Let the search run to more trials."""
        query = schema.searches.update().where(schema.searches.c.id == self._id)
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
                "key": key_text(p.key),
                "repeat_of": p.repeat_of,
            }
            for p in proposals
        ]
        with self._begin() as connection:
            connection.execute(schema.batches.insert().values(search=self._id, number=batch))
            connection.execute(schema.trials.insert(), rows)

    def record(self, number: int, outcome: Outcome) -> None:
        """Write one trial's outcome."""
        query = schema.trials.update().where(t.search == self._id, t.number == number)
        with self._begin() as connection:
            connection.execute(query.values(outcome_row(outcome)))

    def learned(
        self, batch: int, diagnostics: Mapping[str, float], state: Mapping[str, NDArray[Any]]
    ) -> None:
        """Write what the policy said of a batch, and all that it knows after it."""
        with self._begin() as connection:
            self._said(connection, batch, diagnostics)
            self._snapshot(connection, batch, state)

    def applied(self, updates: Sequence[Update], state: Mapping[str, NDArray[Any]]) -> None:
        """Write updates in the order applied, and all that the policy knows after the last."""
        keys = ("number", "batch", "replica", "version", "applied_to")
        rows = [{"search": self._id, **{k: getattr(u, k) for k in keys}} for u in updates]
        with self._begin() as connection:
            connection.execute(schema.updates.insert(), rows)
            for update in updates:
                self._said(connection, update.batch, update.diagnostics)
            self._snapshot(connection, updates[-1].number, state)

    def _said(self, connection: Connection, batch: int, said: Mapping[str, float]) -> None:
        b = schema.batches.c
        done = schema.batches.update().where(b.search == self._id, b.number == batch)
        connection.execute(done.values(diagnostics=dict(said)))

    def _snapshot(
        self, connection: Connection, update: int, state: Mapping[str, NDArray[Any]]
    ) -> None:
        s = schema.snapshots
        row = {"search": self._id, "batch": update, "state": packed(state)}
        connection.execute(s.delete().where(s.c.search == self._id))
        connection.execute(s.insert().values(row))

    def attempted(self, attempt: Attempt) -> None:
        """Write who has taken a child up, or that its worker was lost."""
        a = schema.attempts
        mine = (a.c.search == self._id, a.c.trial == attempt.trial, a.c.ended.is_(None))
        begun = {"trial": attempt.trial, "worker": attempt.worker, "begun": attempt.begun}
        with self._begin() as connection:
            if attempt.lost is None:
                connection.execute(a.insert().values(search=self._id, **begun))
            else:
                end = {"ended": time.time(), "lost": attempt.lost}
                connection.execute(a.update().where(*mine).values(end))

    def close_attempts(self, *, long_ago: bool = False) -> None:
        """Write that nobody works on unfinished trials any more: the search has stopped.

        If that was `long_ago`, when its process was killed, nobody knows for how long they did.
        """
        a = schema.attempts
        left = sa.select(t.number).where(t.search == self._id, t.finished.is_(None))
        query = a.update().where(
            a.c.search == self._id, a.c.ended.is_(None), a.c.trial.in_(left.scalar_subquery())
        )
        with self._begin() as connection:
            connection.execute(query.values(ended=a.c.begun if long_ago else time.time()))

    def record_point(self, recipe: Mapping[str, Any], outcome: Outcome) -> None:
        """Write what one point of the final grid gave."""
        row = {"search": self._id, "key": recipe_key(recipe), "recipe": dict(recipe)}
        with self._begin() as connection:
            connection.execute(schema.points.insert().values(row | outcome_row(outcome)))

    def finish(self, final: FinalRecord) -> None:
        """Write the final network's test result: once a search."""
        row = {"search": self._id, **asdict(final)}
        with self._begin() as connection:
            connection.execute(schema.finals.insert().values(row))

    # ---- reading -----------------------------------------------------------------------------

    def snapshot(self) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """The number of the last update (one a batch, from 0 on), and the policy's state after it.

        The synchronous search learns from batches in their order, so there it is the batch's.
        """
        query = sa.select(schema.snapshots).where(schema.snapshots.c.search == self._id)
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
            sa.select(schema.trials)
            .where(t.search == self._id, t.reward.is_not(None), t.repeat_of.is_(None))
            .order_by(t.reward.desc(), t.number)
        )
        best: dict[str, Trial] = {}
        with self._begin() as connection:
            for row in connection.execute(query):
                best.setdefault(row.key, trial_of(row))
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

    def batches(self) -> int:
        """How many batches were proposed."""
        query = sa.select(sa.func.count()).where(schema.batches.c.search == self._id)
        with self._begin() as connection:
            return int(connection.execute(query).scalar_one())

    def first_with(self, keys: Iterable[Answers], before: int) -> dict[Answers, int]:
        """For each architecture that was evaluated in an earlier batch, the trial's number."""
        texts = {key_text(key): key for key in keys}
        query = (
            sa.select(t.key, sa.func.min(t.number).label("number"))
            .where(t.search == self._id, t.batch < before, t.key.in_(texts))
            .group_by(t.key)
        )
        with self._begin() as connection:
            return {texts[row.key]: row.number for row in connection.execute(query)}

    def diagnostics(self) -> list[tuple[int, dict[str, float]]]:
        """What the policy said of each batch that it learned from."""
        b = schema.batches.c
        query = (
            sa.select(b.number, b.diagnostics)
            .where(b.search == self._id, b.diagnostics.is_not(None))
            .order_by(b.number)
        )
        with self._begin() as connection:
            return [(row.number, row.diagnostics) for row in connection.execute(query)]

    def open_batches(self) -> list[int]:
        """The batches that were proposed and not learned from yet, in order."""
        b = schema.batches.c
        query = sa.select(b.number).where(b.search == self._id, b.diagnostics.is_(None))
        with self._begin() as connection:
            return list(connection.scalars(query.order_by(b.number)))

    def updates(self) -> list[Update]:
        """The updates that parameter servers applied, in that order, without diagnostics."""
        u = schema.updates.c
        query = (
            sa.select(u.number, u.batch, u.replica, u.version, u.applied_to)
            .where(u.search == self._id)
            .order_by(u.number)
        )
        with self._begin() as connection:
            return [Update(*row) for row in connection.execute(query)]

    def attempts(self) -> list[AttemptRecord]:
        """Every worker's every go at a trial, in the order begun."""
        a = schema.attempts.c
        query = (
            sa.select(a.trial, a.worker, a.begun, a.ended, a.lost, t.finished)
            .join(schema.trials, sa.and_(t.search == a.search, t.number == a.trial))
            .where(a.search == self._id)
            .order_by(a.begun, a.id)
        )
        with self._begin() as connection:
            return [attempt_record_of(row) for row in connection.execute(query)]

    def points(self) -> dict[str, tuple[dict[str, Any], Outcome]]:
        """The points of the final grid that are trained: recipe and outcome, by the key."""
        query = sa.select(schema.points).where(schema.points.c.search == self._id)
        with self._begin() as connection:
            return {row.key: (row.recipe, outcome_of(row)) for row in connection.execute(query)}

    def final(self) -> FinalRecord | None:
        """The tested network, if `finish` has run."""
        f = schema.finals.c
        query = sa.select(f.trial, f.recipe, f.metrics, f.finished).where(f.search == self._id)
        with self._begin() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else FinalRecord(**row._mapping)

    def _trials(self, condition: sa.ColumnElement[bool]) -> list[Trial]:
        query = sa.select(schema.trials).where(t.search == self._id, condition).order_by(t.number)
        with self._begin() as connection:
            return [trial_of(row) for row in connection.execute(query)]
