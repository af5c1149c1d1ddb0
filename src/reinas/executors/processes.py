"""Children in worker processes on this machine."""

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import (
    AbstractExecutor,
    OnAttempt,
    OnReport,
    Status,
    attempt,
    worker_name,
)
from reinas.executors.process_pool import Lost, WorkerPool
from reinas.executors.report_channel import ReportChannel, send
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

    def open(self) -> None:
        """Nothing: the workers start with the first job."""

    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
        on_report: OnReport | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """Every job once, as they finish; one whose worker died is run once more."""
        with contextlib.ExitStack() as stack:
            path = None
            if on_report is not None and jobs:
                path = stack.enter_context(ReportChannel(on_report)).path
            work = partial(_attempted, evaluate, path)
            for job, result in self._workers.run(work, jobs, deadline):
                if isinstance(result, Lost):
                    yield job, Outcome(None, result.seconds, error=result.reason)
                    continue
                taken, outcome = result
                if on_attempt is not None:
                    on_attempt(taken)
                yield job, outcome

    def status(self) -> Status:
        """How many of the workers are busy."""
        return Status(self._workers.busy, self._workers.count)

    def close(self) -> None:
        """Kill the workers, busy or not."""
        self._workers.close()


def _attempted(
    evaluate: AbstractEvaluator[Any], path: str | None, job: Job[Any]
) -> tuple[Attempt, Outcome]:
    """The job's outcome, and which worker made it."""
    taken = Attempt(job.trial, worker_name(), time.time())
    return taken, attempt(evaluate, job, partial(send, path))
