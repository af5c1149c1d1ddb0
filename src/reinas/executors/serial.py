"""One child after the other, in this process."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, OnAttempt, attempt
from reinas.types import Job, Outcome


class Serial(AbstractExecutor):
    """Evaluates in this process. A child that hangs or crashes takes the search with it."""

    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """The jobs in their order; a child that has begun is finished. There are no workers."""
        for job in jobs:
            if time.monotonic() >= deadline:
                return
            yield job, attempt(evaluate, job)

    def close(self) -> None:
        """Nothing is running between jobs."""
