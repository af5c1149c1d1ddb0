"""Who trained what, who is at it now, and how late the gradients were."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from reinas.store.values import AttemptRecord, Update

HOUR = 3600.0
FEW = 8  # children under way that are listed


@dataclass(frozen=True)
class Machine:
    """One machine's workers: `children` finished, and how many `an_hour` while it was at work."""

    name: str
    workers: int
    busy: int
    children: int
    an_hour: float
    lost: int


@dataclass(frozen=True)
class UnderWay:
    """A child that is being evaluated now, for so many seconds."""

    trial: int
    worker: str
    seconds: float


@dataclass(frozen=True)
class Gradients:
    """What parameter servers applied: how many from how many replicas, how many steps late."""

    count: int
    replicas: int
    late: float
    latest: int


@dataclass(frozen=True)
class Machines:
    """`lost` children whose worker was lost, of which `retried` were taken up again."""

    machines: tuple[Machine, ...]
    under_way: tuple[UnderWay, ...]
    lost: int
    retried: int
    gradients: Gradients | None


def machines(
    attempts: Sequence[AttemptRecord], updates: Sequence[Update], *, working: bool
) -> Machines | None:
    """None where children had no workers. Unless somebody is `working`, nothing is under way."""
    if not attempts:
        return None
    now = time.time()
    if not working:  # of what a killed search left open nobody knows more than when it began
        attempts = [replace(e, ended=e.begun) if e.ended is None else e for e in attempts]
    by_machine: dict[str, list[AttemptRecord]] = defaultdict(list)
    for effort in attempts:
        by_machine[effort.worker.rpartition(":")[0]].append(effort)
    under_way = [UnderWay(e.trial, e.worker, now - e.begun) for e in attempts if e.ended is None]
    tries = Counter(effort.trial for effort in attempts)
    lost = Counter(effort.trial for effort in attempts if effort.lost is not None)
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
    """For how many seconds somebody was; stops, as over night, do not count."""
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


Table = tuple[str, list[str], list[tuple[str, ...]]]
"""A title, the head, the rows."""


def tables(found: Machines, duration: Callable[[float], str]) -> list[Table]:
    """All of it for people; `duration` puts seconds into words."""
    retried = f": {found.retried} run again" if found.lost else ""
    title = f"Machines ({found.lost} children lost{retried})"
    head = ["machine", "workers", "busy", "children", "an hour", "lost"]
    rows: list[tuple[str, ...]] = [
        (m.name, str(m.workers), str(m.busy), str(m.children), f"{m.an_hour:,.0f}", str(m.lost))
        for m in found.machines
    ]
    result: list[Table] = [(title, head, rows)]
    if found.under_way:
        longest = sorted(found.under_way, key=lambda child: -child.seconds)[:FEW]
        of = f", the longest of {len(found.under_way)}" if len(found.under_way) > FEW else ""
        result.append(
            (
                f"Under way{of}",
                ["trial", "worker", "for"],
                [(str(c.trial), c.worker, duration(c.seconds)) for c in longest],
            )
        )
    if (g := found.gradients) is not None:
        cells = (str(g.count), str(g.replicas), f"{g.late:.2f}", str(g.latest))
        head = ["gradients", "replicas", "steps late on average", "at most"]
        result.append(("Parameter servers", head, [cells]))
    return result
