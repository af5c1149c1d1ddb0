"""One child after the other, in this process."""

from collections.abc import Iterator, Sequence
from typing import Any

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, attempt
from reinas.types import Job, Outcome


class Serial(AbstractExecutor):
    """Evaluates in this process. A child that hangs or crashes takes the search with it."""

    def run(
        self, evaluate: AbstractEvaluator[Any], jobs: Sequence[Job[Any]]
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """The jobs in their order."""
        for job in jobs:
            yield job, attempt(evaluate, job)

    def close(self) -> None:
        """Nothing is running between jobs."""
