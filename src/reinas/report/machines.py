"""Which workers trained what, what is running now, and how stale the gradients were."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from reinas.store.values import AttemptRecord, Update

HOUR = 3600.0


@dataclass(frozen=True)
class Machine:
    """One machine's workers; `an_hour` is how many children it finished per hour of work."""

    name: str
    workers: int
    busy: int
    children: int
    an_hour: float
    lost: int


@dataclass(frozen=True)
class UnderWay:
    """A child that is being evaluated now, and for how many seconds it has been."""

    trial: int
    worker: str
    seconds: float


@dataclass(frozen=True)
class Gradients:
    """What parameter servers applied; `late` is the mean staleness in steps, `latest` the most."""

    count: int
    replicas: int
    late: float
    latest: int


@dataclass(frozen=True)
class Machines:
    """All workers; `lost` children had their worker lost, `retried` of them ran again."""

    machines: tuple[Machine, ...]
    under_way: tuple[UnderWay, ...]
    lost: int
    retried: int
    gradients: Gradients | None


def machines(
    attempts: Sequence[AttemptRecord], updates: Sequence[Update], *, working: bool
) -> Machines | None:
    """Sum up each machine's work, from the attempts at trials.

    Args:
        attempts: Every attempt of a worker at a trial.
        updates: The updates that parameter servers applied.
        working: Whether some process works on the search; if not, nothing is under way.

    Returns:
        The machines; None where children had no workers.
    """
    if not attempts:
        return None
    now = time.time()
    if not working:  # a killed search leaves attempts open whose end is unknown
        attempts = [replace(e, ended=e.begun) if e.ended is None else e for e in attempts]
    by_machine: dict[str, list[AttemptRecord]] = defaultdict(list)
    for attempt in attempts:
        by_machine[attempt.worker.rpartition(":")[0]].append(attempt)
    under_way = [UnderWay(e.trial, e.worker, now - e.begun) for e in attempts if e.ended is None]
    tries = Counter(attempt.trial for attempt in attempts)
    lost = Counter(attempt.trial for attempt in attempts if attempt.lost is not None)
    return Machines(
        tuple(_machine(name, some, now) for name, some in sorted(by_machine.items())),
        tuple(under_way),
        lost.total(),
        sum(min(count, tries[trial] - 1) for trial, count in lost.items()),
        _gradients(updates),
    )


def _machine(name: str, attempts: Sequence[AttemptRecord], now: float) -> Machine:
    finished = [e for e in attempts if e.finished]
    span = _at_work([(e.begun, now if e.ended is None else e.ended) for e in attempts])
    return Machine(
        name,
        len({e.worker for e in attempts}),
        sum(e.ended is None for e in attempts),
        len(finished),
        len(finished) / span * HOUR if span > 0 else 0.0,
        sum(e.lost is not None for e in attempts),
    )


def _at_work(times: Iterable[tuple[float, float]]) -> float:
    """Seconds in which at least one attempt was under way."""
    total, until = 0.0, -math.inf
    for begun, ended in sorted(times):
        total += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return total


def _gradients(updates: Sequence[Update]) -> Gradients | None:
    if not updates:
        return None
    late = [update.staleness for update in updates]
    replicas = {update.replica for update in updates}
    return Gradients(len(updates), len(replicas), mean(late), max(late))
