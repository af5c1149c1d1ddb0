"""The contract of an executor, and how a bad child becomes a failed outcome."""

import math
import os
import platform
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reinas.errors import reason
from reinas.evaluators.base import AbstractEvaluator
from reinas.types import Attempt, Curve, Job, Outcome

OnAttempt = Callable[[Attempt], None]
"""Told which worker takes up which trial, and which worker was lost."""
OnReport = Callable[[int, int, float], None]
"""Told of every (trial, step, score) that a running child reports, from any thread."""


@dataclass(frozen=True, slots=True)
class Status:
    """What an executor is doing; as text it is empty where there is nothing to show.

    Args:
        busy: How many children are being evaluated.
        places: How many fit at a time; 0 where that is not known yet.
        nodes: How many machines there are; 0 for this one alone.
        lost: How many workers were lost.
    """

    busy: int = 0
    places: int = 0
    nodes: int = 0
    lost: int = 0

    def __str__(self) -> str:
        parts = [f"busy {self.busy}/{self.places}"] if self.places else []
        parts += [f"nodes {self.nodes}"] if self.nodes else []
        parts += [f"lost {self.lost}"] if self.lost else []
        return "  ".join(parts)


class AbstractExecutor(ABC):
    """Runs an evaluator over jobs. Whatever a child does, its job yields an outcome."""

    @abstractmethod
    def open(self) -> None:
        """Start what `run` needs, or refuse, before anything has begun; it may be called twice.

        Raises:
            SettingError: The children fit nowhere.
            ExecutorError: The workers cannot be started or reached.
        """

    @abstractmethod
    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
        on_report: OnReport | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """Every job once, with its outcome, in the order in which they finish.

        Args:
            evaluate: The evaluator.
            jobs: What to evaluate.
            deadline: When to stop, on the clock of `time.monotonic()`: children under way are
                given up then, and have no outcome.
            on_attempt: Where children run in workers, told which worker takes up which child, at
                the latest when its outcome comes, and of lost workers.
            on_report: Told of scores while children run. It may miss some: an outcome has all.

        Yields:
            Jobs and their outcomes.
        """

    @abstractmethod
    def status(self) -> Status:
        """What it is doing now."""

    @abstractmethod
    def close(self) -> None:
        """Stop whatever is running. A later `run` starts anew."""


def seconds_left(deadline: float) -> float | None:
    """How many seconds are left until the deadline; None without one."""
    if deadline == math.inf:
        return None
    # more than a lock can wait for is no limit
    return max(0.0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX))


def worker_name() -> str:
    """The machine and the process that run this."""
    return f"{platform.node()}:{os.getpid()}"


def attempt(
    evaluate: AbstractEvaluator[Any], job: Job[Any], on_report: OnReport | None = None
) -> Outcome:
    """The job's outcome; an exception or a reward that is not finite becomes a failure.

    Args:
        evaluate: The evaluator.
        job: What to evaluate.
        on_report: Told of every (trial, step, score) at once.

    Returns:
        The outcome with all that was reported, and with the seconds that the call took unless the
        evaluator says how many there were.
    """
    reports: list[tuple[int, float]] = []

    def report(step: int, score: float) -> None:
        if math.isfinite(score):
            reports.append((step, score))
            if on_report is not None:
                on_report(job.trial, step, score)

    start = time.perf_counter()
    try:
        outcome = _checked(evaluate(replace(job, on_report=report)))
    except Exception as error:
        outcome = Outcome(None, error=reason(error))
    if not outcome.seconds and evaluate.timed:
        outcome = replace(outcome, seconds=time.perf_counter() - start)
    if reports and not outcome.reports:
        outcome = replace(outcome, reports=tuple(reports))
    if not math.isfinite(outcome.value):
        return replace(outcome, reward=None, pruned=None, error=f"the reward was {outcome.value}")
    return outcome


def _checked(outcome: Any) -> Outcome:
    """The outcome with plain floats, which a store can hold; raises where it is none."""
    if not isinstance(outcome, Outcome):
        raise TypeError(f"the evaluator returned {type(outcome).__name__}, not an Outcome")
    if not isinstance(outcome.curve, Curve | None):
        raise TypeError(f"the curve is a {type(outcome.curve).__name__}, not a Curve")
    return replace(
        outcome,
        reward=None if outcome.reward is None else float(outcome.reward),
        seconds=float(outcome.seconds),
        metrics={str(name): float(value) for name, value in outcome.metrics.items()},
    )
