"""The contract of an executor, and how a bad child becomes a failed outcome."""

import math
import os
import platform
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from reinas.errors import reason
from reinas.evaluators.base import AbstractEvaluator
from reinas.types import Attempt, Curve, Job, Outcome

OnAttempt = Callable[[Attempt], None]


class AbstractExecutor(ABC):
    """Runs an evaluator over jobs. Whatever a child does, its job yields an outcome."""

    @abstractmethod
    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """Every job once, with its outcome, in the order in which they finish.

        At `until` (on the clock of `time.monotonic()`) it stops: children under way are given up,
        and have no outcome. Where children run in workers, `note` is told which worker takes up
        which child, at the latest when its outcome comes, and, if the executor knows, of lost ones.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop whatever is running. A later `run` starts anew."""


def seconds_left(deadline: float) -> float | None:
    """How many seconds there are until then; None for all there are."""
    if deadline == math.inf:
        return None
    # more than a lock can wait for is no limit
    return max(0.0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX))


def worker_name() -> str:
    """The machine and the process that run this."""
    return f"{platform.node()}:{os.getpid()}"


def attempt(evaluate: AbstractEvaluator[Any], job: Job[Any]) -> Outcome:
    """The job's outcome; an exception or a reward that is no number becomes a failure."""
    start = time.perf_counter()
    try:
        outcome = evaluate(job)
        outcome = _checked(outcome)
    except Exception as error:
        return Outcome(None, time.perf_counter() - start, error=reason(error))
    if outcome.reward is not None and not math.isfinite(outcome.reward):
        error_text = f"the reward was {outcome.reward}"
        return Outcome(None, outcome.seconds, outcome.metrics, outcome.curve, error_text)
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
