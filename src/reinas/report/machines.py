"""The work of each machine, the children under way, and the staleness of gradients."""

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
    """The work of one machine.

    Args:
        name: The machine's name.
        workers: Number of its workers.
        busy: Number of children that it evaluates now.
        children: Number of children that it has finished.
        an_hour: Children finished per hour in which at least one was under way.
        lost: Number of attempts that ended because a worker was lost.
    """

    name: str
    workers: int
    busy: int
    children: int
    an_hour: float
    lost: int


@dataclass(frozen=True)
class UnderWay:
    """A child that is being evaluated now.

    Args:
        trial: The trial's number.
        worker: The worker, as machine:process.
        seconds: How long it has been running.
    """

    trial: int
    worker: str
    seconds: float


@dataclass(frozen=True)
class Gradients:
    """The gradients that the parameter servers applied (section 3.2, figure 3).

    Args:
        count: Number of gradients.
        replicas: Number of replicas that computed them.
        late: Their mean staleness in steps.
        latest: Their largest staleness in steps.
    """

    count: int
    replicas: int
    late: float
    latest: int


@dataclass(frozen=True)
class Machines:
    """The work of all machines.

    Args:
        machines: Each machine, in the order of names.
        under_way: The children that are being evaluated now.
        lost: Number of attempts that ended because a worker was lost.
        retried: How many of these were followed by another attempt.
        gradients: The gradients applied; None without parameter servers.
    """

    machines: tuple[Machine, ...]
    under_way: tuple[UnderWay, ...]
    lost: int
    retried: int
    gradients: Gradients | None


def machines(
    attempts: Sequence[AttemptRecord], updates: Sequence[Update], *, working: bool
) -> Machines | None:
    """Summarise the work of each machine.

    Args:
        attempts: All attempts of workers at trials.
        updates: The updates that the parameter servers applied.
        working: Whether a process is working on the search. If not, no child is under way.

    Returns:
        The summary; None without attempts, as in a search that ran in one process.
    """
    if not attempts:
        return None
    now = time.time()
    if not working:  # a killed search leaves attempts open, and their end is unknown
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
    """The seconds in which at least one attempt was under way, from (begin, end) pairs."""
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
