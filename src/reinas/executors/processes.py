"""Children in worker processes on this machine."""

import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, OnAttempt, attempt, worker_name
from reinas.executors.process_pool import Lost, WorkerPool
from reinas.types import Attempt, Job, Outcome


class Processes(AbstractExecutor):
    """Evaluates in `workers` processes.

    A child that takes longer than `time_limit` seconds is killed, one that asks for more than
    `memory_limit` GiB is refused it; both fail with their reason, and the search goes on. The
    memory limit defaults to a worker's share of 90 % of this machine's memory.

    Workers are forked from a server process that has imported what children need, so a new
    one starts in milliseconds. As always with processes in Python, a script that uses this
    needs `if __name__ == "__main__":`.
    """

    def __init__(
        self, workers: int, *, time_limit: float | None = None, memory_limit: float | None = None
    ) -> None:
        self._workers = WorkerPool(workers, time_limit=time_limit, memory_limit=memory_limit)

    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """Every job once, as they finish; one whose worker died is run once more."""
        for job, result in self._workers.run(partial(_attempted, evaluate), jobs, deadline):
            if isinstance(result, Lost):
                yield job, Outcome(None, result.seconds, error=result.reason)
                continue
            taken, outcome = result
            if on_attempt is not None:
                on_attempt(taken)
            yield job, outcome

    def close(self) -> None:
        """Kill the workers, busy or not."""
        self._workers.close()


def _attempted(evaluate: AbstractEvaluator[Any], job: Job[Any]) -> tuple[Attempt, Outcome]:
    """The job's outcome, and who made it."""
    taken = Attempt(job.trial, worker_name(), time.time())
    return taken, attempt(evaluate, job)
