"""A record in an SQL database, by SQLAlchemy."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from reinas.errors import TrialError
from reinas.store import schema
from reinas.store.packing import packed
from reinas.store.record import State
from reinas.store.rows import key_text, outcome_row, recipe_key
from reinas.store.sql_reader import SqlReader
from reinas.store.values import Claim, FinalRecord, Proposal, Report, Update
from reinas.types import Attempt, Outcome

t = schema.trials.c


class SqlRecord(SqlReader):
    """One study in a database: `AbstractRecord` has the contract."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for all that is read and written within."""
        alone = self._begin
        with alone(writing=True) as connection:
            self._begin = lambda *, writing=False: nullcontext(connection)
            try:
                yield
            finally:
                self._begin = alone

    def set_budget(self, trials: int) -> None:
        """Let the study run to so many trials; fewer than before where it has ended early."""
        query = schema.searches.update().where(schema.searches.c.id == self._id)
        with self._begin(writing=True) as connection:
            connection.execute(query.values(trials=trials))
        self.trials = trials

    def propose(
        self, batch: int, proposals: Sequence[Proposal], claim: Claim | None = None
    ) -> bool:
        """Write a whole batch, unless another process has."""
        b = schema.batches
        rows = [
            {
                "search": self._id,
                "number": p.number,
                "batch": batch,
                "answers": list(p.answers),
                "key": key_text(p.key),
                "architecture": p.architecture,
                "repeat_of": p.repeat_of,
                "worker": claim.worker if claim and p.repeat_of is None else None,
                "lease": claim.expires if claim and p.repeat_of is None else None,
            }
            for p in proposals
        ]
        there = sa.select(b.c.number).where(b.c.search == self._id, b.c.number == batch)
        with self._begin(writing=True) as connection:
            if connection.execute(there).one_or_none() is not None:
                return False
            connection.execute(b.insert().values(search=self._id, number=batch))
            connection.execute(schema.trials.insert(), rows)
        return True

    def claim(
        self, batch: int, claim: Claim, count: int, *, now: float, gone: Callable[[str], bool]
    ) -> list[int]:
        """Hand waiting trials to a worker, within one exclusive transaction."""
        r = schema.reports
        query = (
            sa.select(t.number, t.worker, t.lease)
            .where(
                t.search == self._id, t.batch == batch, t.finished.is_(None), t.repeat_of.is_(None)
            )
            .order_by(t.number)
        )
        with self._begin(writing=True) as connection:
            free = [
                row.number
                for row in connection.execute(query)
                if row.worker is None
                or (row.worker != claim.worker and (row.lease <= now or gone(row.worker)))
            ][:count]
            if free:
                mine = schema.trials.update().where(t.search == self._id, t.number.in_(free))
                connection.execute(mine.values(worker=claim.worker, lease=claim.expires))
                old = r.delete().where(r.c.search == self._id, r.c.trial.in_(free))
                connection.execute(old)
        return free

    def renew(self, claim: Claim) -> None:
        """Put off the end of the worker's claims."""
        query = schema.trials.update().where(
            t.search == self._id, t.worker == claim.worker, t.finished.is_(None)
        )
        with self._begin(writing=True) as connection:
            connection.execute(query.values(lease=claim.expires))

    def report(self, report: Report) -> None:
        """Write a running trial's score."""
        r = schema.reports
        same = (r.c.search == self._id, r.c.trial == report.trial, r.c.step == report.step)
        row = {"search": self._id, **asdict(report)}
        with self._begin(writing=True) as connection:
            connection.execute(r.delete().where(*same))
            connection.execute(r.insert().values(row))

    def record(self, number: int, outcome: Outcome) -> Outcome:
        """Write one trial's outcome, and take over what it reported."""
        unfinished = (t.search == self._id, t.number == number, t.finished.is_(None))
        r = schema.reports
        mine = (r.c.search == self._id, r.c.trial == number)
        with self._begin(writing=True) as connection:
            taken = connection.execute(r.delete().where(*mine).returning(r.c.step, r.c.score))
            reports = tuple(sorted((row.step, row.score) for row in taken))
            outcome = replace(outcome, reports=outcome.reports or reports)
            query = schema.trials.update().where(*unfinished).values(outcome_row(outcome))
            if connection.execute(query).rowcount != 1:
                raise TrialError(
                    f"trial {number} of '{self.name}' has an outcome already, which is kept"
                )
        return outcome

    def learned(self, batch: int, diagnostics: Mapping[str, float], state: State) -> None:
        """Write diagnostics and snapshot, unless another process has."""
        b = schema.batches.c
        open_ = sa.select(b.number).where(
            b.search == self._id, b.number == batch, b.diagnostics.is_(None)
        )
        with self._begin(writing=True) as connection:
            if connection.execute(open_).one_or_none() is not None:
                self._diagnostics(connection, batch, diagnostics)
                self._snapshot(connection, batch, state)

    def applied(self, updates: Sequence[Update], state: State) -> None:
        """Write updates and a snapshot."""
        keys = ("number", "batch", "replica", "version", "applied_to")
        rows = [{"search": self._id, **{k: getattr(u, k) for k in keys}} for u in updates]
        with self._begin(writing=True) as connection:
            connection.execute(schema.updates.insert(), rows)
            for update in updates:
                self._diagnostics(connection, update.batch, update.diagnostics)
            self._snapshot(connection, updates[-1].number, state)

    def _diagnostics(
        self, connection: Connection, batch: int, diagnostics: Mapping[str, float]
    ) -> None:
        b = schema.batches.c
        done = schema.batches.update().where(b.search == self._id, b.number == batch)
        connection.execute(done.values(diagnostics=dict(diagnostics)))

    def _snapshot(self, connection: Connection, update: int, state: State) -> None:
        s = schema.snapshots
        row = {"search": self._id, "batch": update, "state": packed(state)}
        connection.execute(s.delete().where(s.c.search == self._id))
        connection.execute(s.insert().values(row))

    def attempted(self, attempt: Attempt) -> None:
        """Write that a worker has taken up a trial, or that it was lost."""
        a = schema.attempts
        mine = (a.c.search == self._id, a.c.trial == attempt.trial, a.c.ended.is_(None))
        begun = {"trial": attempt.trial, "worker": attempt.worker, "begun": attempt.begun}
        with self._begin(writing=True) as connection:
            if attempt.lost is None:
                connection.execute(a.insert().values(search=self._id, **begun))
            else:
                end = {"ended": time.time(), "lost": attempt.lost}
                connection.execute(a.update().where(*mine).values(end))

    def close_attempts(
        self, trials: Collection[int] | None = None, *, unknown_end: bool = False
    ) -> None:
        """Close the attempts at unfinished trials."""
        a = schema.attempts
        left = sa.select(t.number).where(t.search == self._id, t.finished.is_(None))
        query = a.update().where(
            a.c.search == self._id, a.c.ended.is_(None), a.c.trial.in_(left.scalar_subquery())
        )
        if trials is not None:
            query = query.where(a.c.trial.in_(sorted(trials)))
        with self._begin(writing=True) as connection:
            connection.execute(query.values(ended=a.c.begun if unknown_end else time.time()))

    def record_point(self, recipe: Mapping[str, Any], outcome: Outcome) -> None:
        """Write what one recipe of the final grid gave."""
        row = {"search": self._id, "key": recipe_key(recipe), "recipe": dict(recipe)}
        with self._begin(writing=True) as connection:
            connection.execute(schema.points.insert().values(row | outcome_row(outcome)))

    def finish(self, final: FinalRecord) -> None:
        """Write the final network's test result: once per study."""
        row = {"search": self._id, **asdict(final)}
        with self._begin(writing=True) as connection:
            connection.execute(schema.finals.insert().values(row))
