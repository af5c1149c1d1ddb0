"""The trials of one study as rows, read once each and kept up to date."""

import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reinas.fronts import goodness, measured, undominated
from reinas.store import Store, schema
from reinas.study.claims import is_gone
from reinas.types import Outcome
from reinas.web.assets import json_text

Row = list[Any]
"""number, batch, state, value, seconds, when it finished (seconds since 1970), the step after
which it was stopped early, why it failed; of several objectives also what was measured of each."""

t = schema.trials.c
HELD = (t.finished.is_(None), t.worker.is_not(None))
"""What is so of a trial that a worker holds."""
COLUMNS = (
    t.number,
    t.batch,
    t.reward,
    t.seconds,
    t.finished,
    t.error,
    t.pruned,
    t.repeat_of,
)


@dataclass
class Feed:
    """The finished trials of one study, in the order in which they were seen to be finished.

    Args:
        store: The store.
        study: The study's number in its table.
        objectives: What the study seeks, where that is more than the reward.
    """

    store: Store
    study: int
    objectives: Sequence[str] = ()
    identity: str = field(default_factory=lambda: uuid.uuid4().hex)
    rows: list[Row] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """The rows as JSON, each written once."""
    _good: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    _latest: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def update(self) -> None:
        """Append what has finished since the last time; the cost is in proportion to that."""
        # trials that finish in the same millisecond may be written one after another
        query = (
            sa.select(*COLUMNS, *([t.metrics] if self.objectives else ()))
            .where(t.search == self.study, t.finished >= self._latest)
            .order_by(t.finished, t.number)
        )
        with self._lock:
            with self.store.begin() as connection:
                found = connection.execute(query).all()
            for row in found:
                if row.number not in self._seen:
                    self._seen.add(row.number)
                    self._latest = row.finished
                    self.rows.append(_row(row))
                    if self.objectives:
                        self._measure(row)
                    self.texts.append(json_text(self.rows[-1]))

    def _measure(self, row: Any) -> None:
        outcome = None if row.reward is None else Outcome(row.reward, metrics=row.metrics or {})
        values = [None if outcome is None else measured(outcome, o) for o in self.objectives]
        self.rows[-1].append(values)
        value = goodness(outcome, self.objectives)
        if value is not None and row.repeat_of is None:
            self._good.append((row.number, value))

    def front(self) -> list[int]:
        """The trials on the Pareto front; none where there is one objective."""
        return undominated(self._good)


def living(held: Iterable[Any]) -> list[Any]:
    """Those rows of held trials whose worker has not ended, as far as is known.

    Args:
        held: Rows with `worker` and `lease`.
    """
    now = time.time()
    return [
        row for row in held if not is_gone(row.worker) and (row.lease is None or row.lease > now)
    ]


def running(store: Store, study: int, limit: int) -> list[dict[str, Any]]:
    """The trials that a living worker holds, and their reports.

    Args:
        store: The store.
        study: The study's number.
        limit: At most so many.

    Returns:
        Trial, worker, architecture, and (step, score) pairs each.
    """
    held = (
        sa.select(t.number, t.worker, t.lease, t.architecture)
        .where(t.search == study, *HELD)
        .order_by(t.number)
    )
    r = schema.reports.c
    with store.begin() as connection:
        rows = living(connection.execute(held).all())[:limit]
        numbers = [row.number for row in rows]
        reports = connection.execute(
            sa.select(r.trial, r.step, r.score)
            .where(r.search == study, r.trial.in_(numbers))
            .order_by(r.trial, r.step)
        ).all()
    points: dict[int, list[tuple[int, float]]] = {number: [] for number in numbers}
    for report in reports:
        points[report.trial].append((report.step, report.score))
    return [
        {
            "trial": row.number,
            "worker": row.worker,
            "architecture": row.architecture,
            "points": points[row.number],
        }
        for row in rows
    ]


def curves(store: Store, study: int, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """The learning curves of finished trials: score by epoch or reported step.

    Args:
        store: The store.
        study: The study's number.
        numbers: The trials.
    """
    query = sa.select(t.number, t.curve, t.reports, t.pruned, t.error).where(
        t.search == study, t.number.in_(numbers)
    )
    with store.begin() as connection:
        rows = connection.execute(query).all()
    found = []
    for row in rows:
        points = row.reports or [[e[0], e[3]] for e in (row.curve or {}).get("epochs", ())]
        if points:
            state = "pruned" if row.pruned else "failed" if row.error else "complete"
            found.append({"trial": row.number, "state": state, "points": points})
    return found


def workers(store: Store, study: int) -> list[dict[str, Any]]:
    """What each worker has done: children begun, lost with it, and the last that it began."""
    a = schema.attempts.c
    query = (
        sa.select(
            a.worker,
            sa.func.count().label("children"),
            sa.func.count(a.lost).label("lost"),
            sa.func.max(a.begun).label("last"),
        )
        .where(a.search == study)
        .group_by(a.worker)
        .order_by(a.worker)
    )
    with store.begin() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def diagnostics(store: Store, study: int, after: int) -> list[dict[str, Any]]:
    """What the policy reports of the batches after one, and their numbers."""
    b = schema.batches.c
    query = (
        sa.select(b.number, b.diagnostics)
        .where(b.search == study, b.number > after, b.diagnostics.is_not(None))
        .order_by(b.number)
    )
    with store.begin() as connection:
        return [{"batch": row.number, **row.diagnostics} for row in connection.execute(query)]


def _row(row: Any) -> Row:
    state = "complete"
    value, step = row.reward, None
    if row.pruned is not None:
        state, (step, value) = "pruned", row.pruned
    elif row.reward is None:
        state = "failed"
    if row.repeat_of is not None:
        state = "repeat"
    at = datetime.fromisoformat(row.finished).timestamp()
    return [row.number, row.batch, state, value, row.seconds or 0.0, at, step, row.error]
