"""Evaluation in this process, one child after the other."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, OnAttempt, OnReport, Status, attempt
from reinas.types import Job, Outcome


class Serial(AbstractExecutor):
    """Evaluates children in this process. One that hangs or crashes takes the search with it."""

    def open(self) -> None:
        """Do nothing: there is nothing to start."""

    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
        on_report: OnReport | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """Evaluate the jobs in order; a child under way at the deadline is still finished.

        Yields:
            Each job with its outcome.
        """
        for job in jobs:
            if time.monotonic() >= deadline:
                return
            yield job, attempt(evaluate, job, on_report)

    def status(self) -> Status:
        """An empty status: there are no workers."""
        return Status()

    def close(self) -> None:
        """Do nothing: nothing runs between jobs."""
