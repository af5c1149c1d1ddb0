"""One child after the other, in this process."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, OnAttempt, OnReport, Status, attempt
from reinas.types import Job, Outcome


class Serial(AbstractExecutor):
    """Evaluates in this process. A child that hangs or crashes takes the search with it."""

    def open(self) -> None:
        """Nothing to start."""

    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
        on_report: OnReport | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """The jobs in their order; a child that has begun is finished. There are no workers."""
        for job in jobs:
            if time.monotonic() >= deadline:
                return
            yield job, attempt(evaluate, job, on_report)

    def status(self) -> Status:
        """Nothing to show."""
        return Status()

    def close(self) -> None:
        """Nothing is running between jobs."""
