"""Evaluation in worker processes on this machine."""

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from reinas.errors import SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import (
    AbstractExecutor,
    OnAttempt,
    OnReport,
    Status,
    attempt,
    worker_name,
)
from reinas.executors.portable import check_picklable, portable
from reinas.executors.process_pool import WorkerPool
from reinas.executors.report_channel import ReportChannel, send
from reinas.executors.worker import Lost
from reinas.types import Attempt, Job, Outcome


class Processes(AbstractExecutor):
    """Evaluates children in worker processes.

    A child that exceeds a limit becomes a failed trial with the reason, and the search goes on.
    Workers are forked from a server process that has already imported what children need, so a new
    one starts in milliseconds. As always with processes in Python, a script that uses this needs
    `if __name__ == "__main__":`.

    Where children train on `cuda` without a number, worker i has `cuda:(i % N)` of N devices: as
    many workers as devices give each child a device of its own.

    Args:
        workers: Number of worker processes.
        time_limit: Seconds after which a child is killed. None: no limit.
        memory_limit: GiB beyond which a worker's allocations fail. None: a worker's share of 90 %
            of this machine's memory.

    Raises:
        SettingError: A number is out of range.
    """

    def __init__(
        self, workers: int, *, time_limit: float | None = None, memory_limit: float | None = None
    ) -> None:
        self._workers = WorkerPool(workers, time_limit=time_limit, memory_limit=memory_limit)

    def open(self) -> None:
        """Start the workers ahead of the first job, which takes seconds; may run in a thread."""
        self._workers.start()

    def check(self, evaluate: AbstractEvaluator[Any]) -> None:
        """Refuse what cannot be pickled, such as a lambda.

        Raises:
            SettingError: The evaluator cannot be sent to worker processes.
        """
        try:
            check_picklable(evaluate)
        except Exception as error:  # whatever __reduce__ and __getstate__ raise
            text = str(error).partition("\n")[0]
            raise SettingError(
                "the evaluator cannot be sent to worker processes, as a lambda and what a function"
                f" defines cannot ({text}): define it at the top of a module, or evaluate in this"
                " process"
            ) from error

    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
        on_report: OnReport | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """Evaluate every job once; one whose worker died is run a second time.

        Yields:
            Each job with its outcome, in the order in which they finish.

        Raises:
            ExecutorError: The worker processes died several times without a result in between.
        """
        with contextlib.ExitStack() as stack:
            path = None
            if on_report is not None and jobs:
                path = stack.enter_context(ReportChannel(on_report)).path
            work, *sent = portable([partial(_attempted, evaluate, path), *jobs])
            known = {id(item): job for item, job in zip(sent, jobs, strict=True)}
            for item, result in self._workers.run(work, sent, deadline):
                job = known[id(item)]
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
    """Evaluate a job in this worker, and name the worker."""
    taken = Attempt(job.trial, worker_name(), time.time())
    # here nothing else than the child raises anything
    return taken, attempt(evaluate, job, partial(send, path), endings=BaseException)
