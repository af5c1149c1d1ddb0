"""The Ray task that evaluates one child and streams its scores and its outcome."""

import faulthandler
import importlib
import math
import sys
import time
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

from reinas.errors import reason
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import attempt, worker_name
from reinas.executors.worker import NEEDED
from reinas.system import limit_memory
from reinas.types import Job, Outcome

APART = 0.25  # seconds, at least, between two scores that a running child sends


def evaluated(
    evaluate: AbstractEvaluator[Any], job: Job[Any], time_limit: float | None, memory: int | None
) -> Iterator[tuple[str, float] | tuple[int, float] | Outcome]:
    """Evaluate one child in a Ray worker.

    The time limit ends the worker's process from within. To cancel the task from outside just as it
    finishes can crash the whole driver (Ray 2.60).

    Args:
        evaluate: The evaluator.
        job: The architecture to evaluate, with its trial number and seed.
        time_limit: Seconds after which the process ends. None: no limit.
        memory: Bytes beyond which allocations fail. None: no limit.

    Yields:
        First the worker's name and the time at which it began, in seconds since 1970; then pairs
        (step, score); at last the outcome.
    """
    if "torch" in sys.modules:  # the rest follows soon, but should not count against the limit
        for name in NEEDED:
            importlib.import_module(name)
    yield worker_name(), time.time()
    if memory is not None:
        limit_memory(memory, hard=False)
    if time_limit is not None:
        faulthandler.dump_traceback_later(time_limit, exit=True)
    yield from _reported(evaluate, job)
    faulthandler.cancel_dump_traceback_later()


def _reported(
    evaluate: AbstractEvaluator[Any], job: Job[Any]
) -> Iterator[tuple[int, float] | Outcome]:
    """Run the child in a thread; yield its scores, a few per second at most, then its outcome."""
    news: SimpleQueue[tuple[int, float] | Outcome] = SimpleQueue()
    last = -math.inf

    def report(_trial: int, step: int, score: float) -> None:
        nonlocal last
        if time.monotonic() - last >= APART:
            last = time.monotonic()
            news.put((step, score))

    def run() -> None:
        try:
            news.put(attempt(evaluate, job, report))
        except BaseException as error:  # without an outcome, the loop below would wait forever
            news.put(Outcome(None, error=reason(error)))

    thread = Thread(target=run, daemon=True)
    thread.start()
    while not isinstance(item := news.get(), Outcome):
        yield item
    thread.join()
    yield item
