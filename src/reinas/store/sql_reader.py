"""Reading a record from an SQL database."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from reinas.errors import StoreError, TrialError
from reinas.store import schema
from reinas.store.packing import unpacked
from reinas.store.record import AbstractRecord
from reinas.store.rows import NO_REWARD, attempt_record_of, key_text, outcome_of, trial_of
from reinas.store.values import AttemptRecord, Count, FinalRecord, Update
from reinas.types import Answers, Outcome, Trial

t = schema.trials.c
CURE = "restore a copy of the store"
CHUNK = 500  # values per query: SQLite takes a limited number of them


class Begin(Protocol):
    """Begins a transaction; in one that writes, what was read stays true until its end."""

    def __call__(self, *, writing: bool = False) -> AbstractContextManager[Connection]:
        """The transaction's connection."""


class SqlReader(AbstractRecord):
    """The reading half of `SqlRecord`.

    Args:
        begin: Begins a transaction.
        identity: The study's row.
        name, settings, trials, created: As in `AbstractRecord`.
    """

    def __init__(
        self,
        begin: Begin,
        identity: int,
        name: str,
        settings: dict[str, Any],
        trials: int,
        created: str,
    ) -> None:
        super().__init__(name, settings, trials, created)
        self._begin = begin
        self._id = identity

    @property
    def number(self) -> int:
        """The study's number in its table."""
        return self._id

    def last_update(self) -> int:
        """The number of the last update in the snapshot; -1 before the first."""
        s = schema.snapshots.c
        with self._begin() as connection:
            found = connection.scalar(sa.select(s.batch).where(s.search == self._id))
        return -1 if found is None else int(found)

    def snapshot(self) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """The last update's number and the policy's state after it."""
        query = sa.select(schema.snapshots).where(schema.snapshots.c.search == self._id)
        with self._begin() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.batch, unpacked(row.state))

    def batch(self, number: int) -> list[Trial]:
        """A batch's trials in the order proposed; empty where it was not proposed yet."""
        return self._trials(t.batch == number)

    def unfinished(self, batch: int) -> list[Trial]:
        """A batch's trials without an outcome."""
        return self._trials(sa.and_(t.batch == batch, t.finished.is_(None)))

    def all_trials(self) -> list[Trial]:
        """Every trial, finished or not."""
        return self._trials(sa.true())

    def finished(self) -> list[Trial]:
        """The finished trials."""
        return self._trials(t.finished.is_not(None))

    def trial(self, number: int) -> Trial:
        """One trial."""
        found = self._trials(t.number == number)
        if not found:
            raise TrialError(f"'{self.name}' has no trial {number}")
        return found[0]

    def texts(self, numbers: Iterable[int]) -> dict[int, str]:
        """The architectures as text; the answers where an older store has no text."""
        wanted, found = list(numbers), {}
        with self._begin() as connection:
            for start in range(0, len(wanted), CHUNK):
                query = sa.select(t.number, t.architecture, t.answers).where(
                    t.search == self._id, t.number.in_(wanted[start : start + CHUNK])
                )
                for row in connection.execute(query):
                    found[row.number] = row.architecture or ",".join(map(str, row.answers))
        return found

    def reports(self, number: int) -> list[tuple[int, float]]:
        """The reported scores, of a running trial or of a finished one."""
        r = schema.reports.c
        query = sa.select(r.step, r.score).where(r.search == self._id, r.trial == number)
        done = sa.select(t.reports).where(t.search == self._id, t.number == number)
        with self._begin() as connection:
            rows = connection.scalar(done) or connection.execute(query.order_by(r.step)).all()
        return [(step, score) for step, score in rows]

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

    def count(self) -> tuple[int, int]:
        """How many trials were proposed, and how many of them have finished."""
        mine = t.search == self._id
        # neither reads the whole study: numbers go up from 0, and open trials have an index
        last = sa.select(sa.func.max(t.number)).where(mine)
        left = sa.select(sa.func.count()).where(mine, t.finished.is_(None))
        query = sa.select(last.scalar_subquery(), left.scalar_subquery())
        with self._begin() as connection:
            highest, waiting = connection.execute(query).one()
        if not isinstance(highest, int | None):
            raise StoreError(f"'{self.name}' is damaged: a trial's number is {highest!r}; {CURE}")
        proposed = 0 if highest is None else highest + 1
        return proposed, proposed - waiting

    def counts(self) -> list[Count]:
        """What the finished trials came to, in the order in which each end was first met."""
        pruned, repeat = t.pruned.is_not(None), t.repeat_of.is_not(None)
        lost = sa.and_(t.error.is_(None), t.pruned.is_(None), t.reward.is_(None))
        error = sa.case((lost, NO_REWARD), else_=t.error)
        ends = sa.select(
            error.label("error"),
            pruned.label("pruned"),
            repeat.label("repeat"),
            t.number,
            t.seconds,
        ).where(t.search == self._id, t.finished.is_not(None))
        e = ends.subquery().c
        query = (
            sa.select(e.error, e.pruned, e.repeat, sa.func.count(), sa.func.sum(e.seconds))
            .group_by(e.error, e.pruned, e.repeat)
            .order_by(sa.func.min(e.number))
        )
        with self._begin() as connection:
            rows = connection.execute(query).all()
        for error, *_ in rows:
            if not isinstance(error, str | None):
                raise StoreError(f"'{self.name}' is damaged: a trial's error is {error!r}; {CURE}")
        return [
            Count(reason, bool(early), bool(again), number, seconds or 0.0)
            for reason, early, again, number, seconds in rows
        ]

    def held(self) -> list[Trial]:
        """The unfinished trials that workers hold."""
        return self._trials(sa.and_(t.finished.is_(None), t.worker.is_not(None)))

    def batches(self) -> int:
        """How many batches were proposed."""
        query = sa.select(sa.func.count()).where(schema.batches.c.search == self._id)
        with self._begin() as connection:
            return int(connection.execute(query).scalar_one())

    def own_with(self, keys: Iterable[Answers], before: int) -> dict[Answers, int]:
        """For each architecture that an earlier batch has, the trial that evaluated it last."""
        texts = {key_text(key): key for key in keys}
        # batches are compared in the rows that have a key: as a condition SQLite would rather
        # read all earlier batches than look for a few keys
        earlier = sa.func.max(sa.case((t.batch < before, t.number)))
        query = (
            sa.select(t.key, earlier.label("number"))
            .where(t.search == self._id, t.key.in_(texts), t.repeat_of.is_(None))
            .group_by(t.key)
            .having(earlier.is_not(None))
        )
        with self._begin() as connection:
            return {texts[row.key]: row.number for row in connection.execute(query)}

    def diagnostics(self) -> list[tuple[int, dict[str, float]]]:
        """Each batch that the policy has learned from, and its diagnostics."""
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
        """Every attempt of a worker at a trial, in the order begun."""
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
        """The trained recipes of the final grid."""
        query = sa.select(schema.points).where(schema.points.c.search == self._id)
        with self._begin() as connection:
            return {row.key: (row.recipe, outcome_of(row)) for row in connection.execute(query)}

    def final(self) -> FinalRecord | None:
        """The tested network; None before `finish`."""
        f = schema.finals.c
        query = sa.select(
            f.trial,
            f.recipe,
            f.metrics,
            f.finished,
            sa.func.coalesce(f.summary, "").label("summary"),
        ).where(f.search == self._id)
        with self._begin() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else FinalRecord(**row._mapping)

    def _trials(self, condition: sa.ColumnElement[bool]) -> list[Trial]:
        query = sa.select(schema.trials).where(t.search == self._id, condition).order_by(t.number)
        with self._begin() as connection:
            return [trial_of(row) for row in connection.execute(query).all()]
