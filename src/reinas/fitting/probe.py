"""Measures how fast networks train here, and chooses where the search begins."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinas.executors.base import AbstractExecutor
from reinas.fitting.clock import Clock
from reinas.fitting.pieces import PASSES, SECONDS, Piece, PieceEvaluator
from reinas.fitting.plan import Plan
from reinas.training.costs import costs
from reinas.types import Job

PROBE = 0.02
"""The share of the time that the smallest start trains."""
FINAL = 0.7
"""About the share of the time that a network trains in all, if it is among the best."""
SLICE_PASSES = 3.0
"""Passes that a candidate should make at first."""
LEAST_SLICE, MOST_SLICE = 0.03, 0.1
"""The share of the time that a candidate trains at first, at least and at most."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """What the probe has decided.

    Args:
        starts: The places of the plan's starts to begin with, the most promising first.
        slice: Seconds that a candidate trains at first.
        begun: When the exploration begins, in seconds since the beginning.
    """

    starts: tuple[int, ...]
    slice: float
    begun: float


def probe(
    plan: Plan, evaluator: PieceEvaluator, executor: AbstractExecutor, clock: Clock, folder: Path
) -> Pacing:
    """Train the smallest start for a moment, and estimate the others by their multiply-adds.

    Args:
        plan: Its starts are in ascending order of their costs.
        evaluator: Trains.
        executor: Where.
        clock: The time.
        folder: For the checkpoint of the measured training, which is not used again.

    Returns:
        The largest start that still makes enough passes over the data in the time, the next
        smaller and the next larger one; all starts where nothing could be measured.
    """
    least, most = LEAST_SLICE * clock.seconds, MOST_SLICE * clock.seconds
    seconds = None
    if plan.starts and not plan.by_recipe:
        seconds = _seconds_per_pass(plan, evaluator, executor, clock, folder)
    if seconds is None:
        return Pacing(tuple(range(len(plan.starts))), least, clock.spent)
    flops = [costs(start, evaluator.task, evaluator.build)[1] for start in plan.starts]
    estimated = [seconds * own / flops[0] for own in flops]
    place = chosen(estimated, FINAL * clock.seconds, plan.passes)
    around = [n for n in (place, place - 1, place + 1) if 0 <= n < len(flops)]
    length = min(max(SLICE_PASSES * estimated[place], least), most)
    return Pacing(tuple(around), length, clock.spent)


def chosen(seconds_per_pass: Sequence[float], seconds: float, passes: float) -> int:
    """The last network that makes enough passes in the time; the first if none does.

    Args:
        seconds_per_pass: Of networks in ascending order of their costs.
        seconds: The time that there is.
        passes: How many are enough.
    """
    enough = [n for n, own in enumerate(seconds_per_pass) if seconds / own >= passes]
    return max(enough, default=0)


def _seconds_per_pass(
    plan: Plan, evaluator: PieceEvaluator, executor: AbstractExecutor, clock: Clock, folder: Path
) -> float | None:
    """Measured with the smallest start; None where it failed."""
    file = folder / "probe.pt"
    until = PROBE * clock.seconds
    piece = Piece(plan.starts[0], plan.recipe, str(file), time.time() + 3 * until, until)
    job: Job[Any] = Job(0, piece, plan.recipe.seed)
    limit = time.monotonic() + 4 * until
    found = [outcome for _, outcome in executor.run(evaluator, [job], deadline=limit)]
    file.unlink(missing_ok=True)
    if not found or not found[0].metrics.get(PASSES):
        return None
    return found[0].metrics[SECONDS] / found[0].metrics[PASSES]
