"""The contract of an executor, and the evaluation of one child, whose errors become outcomes."""

import math
import os
import platform
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reinas.errors import reason, recordable
from reinas.evaluators.base import AbstractEvaluator
from reinas.types import Attempt, Curve, Job, Outcome, Pruned

Endings = type[BaseException] | tuple[type[BaseException], ...]
ENDINGS = (Exception, SystemExit, GeneratorExit)
"""What ends a child alone in the process that searches, for which Ctrl-C is meant."""
OnAttempt = Callable[[Attempt], None]
"""Called when a worker begins a trial, and when a worker is lost."""
OnReport = Callable[[int, int, float], None]
"""Called with the (trial, step, score) that a running child reports, from any thread."""


@dataclass(frozen=True, slots=True)
class Status:
    """The current state of an executor; as text, counts of 0 are left out.

    Args:
        busy: Number of children under evaluation.
        places: Number of children that can run at a time; 0 if unknown.
        nodes: Number of machines of a cluster; 0 without a cluster.
        lost: Number of workers lost so far.
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
    """Runs an evaluator over jobs. A child that fails still yields an outcome, with its error."""

    @abstractmethod
    def open(self) -> None:
        """Start or check what `run` needs, before a search begins; calling it twice is harmless.

        Raises:
            SettingError: No machine has the resources that a child needs.
            ExecutorError: The workers cannot be started or reached.
        """

    def check(self, evaluate: AbstractEvaluator[Any]) -> None:  # noqa: B027 (optional)
        """Refuse an evaluator that cannot be run here at all, before a search begins.

        Args:
            evaluate: The evaluator. By default nothing is refused.

        Raises:
            SettingError: It cannot be sent to the workers.
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
        """Evaluate every job once.

        Args:
            evaluate: The evaluator.
            jobs: The architectures to evaluate, with their trial numbers and seeds.
            deadline: When to stop, on the clock of `time.monotonic()`. Jobs that are not finished
                by then yield no outcome.
            on_attempt: Called when a worker begins a child, at the latest just before the child's
                outcome, and when a worker is lost. Never called where there are no workers.
            on_report: Called with scores while children run. It may miss some; an outcome has
                all of them.

        Yields:
            Each job with its outcome, in the order in which they finish.
        """

    @abstractmethod
    def status(self) -> Status:
        """What the executor is doing now."""

    @abstractmethod
    def close(self) -> None:
        """Stop all children and workers. A later `run` starts new workers."""


def seconds_left(deadline: float) -> float | None:
    """The seconds until the deadline, as a timeout: at least 0, or None without a deadline.

    Args:
        deadline: A time on the clock of `time.monotonic()`, or infinity.
    """
    if deadline == math.inf:
        return None
    # locks refuse timeouts above TIMEOUT_MAX
    return max(0.0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX))


def worker_name() -> str:
    """The current process as machine:process id."""
    return f"{platform.node()}:{os.getpid()}"


def attempt(
    evaluate: AbstractEvaluator[Any],
    job: Job[Any],
    on_report: OnReport | None = None,
    *,
    endings: Endings = ENDINGS,
) -> Outcome:
    """Evaluate one job; an exception or a reward that is not finite becomes a failure.

    Args:
        evaluate: The evaluator.
        job: The architecture to evaluate, with its trial number and seed.
        on_report: Called with every finite (trial, step, score) as soon as it is reported.
        endings: The exceptions that become failures; others are raised.

    Returns:
        The outcome. Unless the evaluator filled them in, its `reports` are the scores reported,
        and its `seconds` the duration of the call.
    """
    reports: list[tuple[int, float]] = []

    def report(step: int, score: float) -> None:
        if math.isfinite(score):
            reports.append((step, score))
            if on_report is not None:
                on_report(job.trial, step, score)

    start = time.perf_counter()
    try:
        outcome = _returned(evaluate(replace(job, on_report=report)))
    except endings as error:
        outcome = Outcome(None, error=reason(error))
    if not outcome.seconds and evaluate.timed:
        outcome = replace(outcome, seconds=time.perf_counter() - start)
    if reports and not outcome.reports:
        outcome = replace(outcome, reports=tuple(reports))
    return outcome


def _returned(outcome: Any) -> Outcome:
    try:
        return checked(outcome)
    except TypeError as error:
        raise TypeError(f"what the evaluator returned {error}") from None


def checked(outcome: Any) -> Outcome:
    """The outcome as a store keeps it: plain floats, and a value that is finite.

    Args:
        outcome: What an evaluator returned, or a caller of `Study.tell` gave.

    Returns:
        The same; a failure where the reward or the last score of a pruned child is not finite.

    Raises:
        TypeError: It is no outcome, or a part of it is of another type; as a phrase about it.
    """
    if not isinstance(outcome, Outcome):
        raise TypeError(f"is a {type(outcome).__name__}, not an Outcome")
    for key, part, kind in (
        ("a curve", outcome.curve, Curve | None),
        ("a pruned", outcome.pruned, Pruned | None),
        ("metrics", outcome.metrics, Mapping),
    ):
        if not isinstance(part, kind):
            raise TypeError(f"has {key} of type {type(part).__name__}")
    seconds = _number("the seconds", outcome.seconds)
    pruned = outcome.pruned
    if pruned is not None:
        pruned = Pruned(int(pruned.step), _number("the score", pruned.score))
    kept: Outcome = replace(
        outcome,
        reward=None if outcome.reward is None else _number("the reward", outcome.reward),
        seconds=seconds if math.isfinite(seconds) else 0.0,
        metrics={
            str(name): _number(f"the metric {name} =", value)
            for name, value in outcome.metrics.items()
        },
        error=None if outcome.error is None else recordable(str(outcome.error)),
        pruned=pruned,
    )
    if not math.isfinite(kept.value):
        return replace(kept, reward=None, pruned=None, error=f"the reward was {kept.value}")
    return kept


def _number(what: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"has {what} {value!r}, which is no number") from None
