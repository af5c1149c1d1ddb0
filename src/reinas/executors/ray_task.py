"""What a Ray worker does: one child, its scores while it runs, its outcome."""

import contextlib
import faulthandler
import importlib
import math
import resource
import sys
import time
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

from reinas.errors import reason
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import attempt, worker_name
from reinas.executors.process_pool import NEEDED
from reinas.types import Job, Outcome

APART = 0.25  # seconds between two scores that a child sends while it runs


def evaluated(
    evaluate: AbstractEvaluator[Any], job: Job[Any], time_limit: float | None, memory: int | None
) -> Iterator[tuple[str, float] | tuple[int, float] | Outcome]:
    """First the worker and when it began, then scores as they are reported, then the outcome.

    The time limit ends the process, whatever the child is doing: cancelling a task from outside
    while it finishes can take the whole driver down (Ray 2.60).
    """
    if "torch" in sys.modules:  # the evaluator needs it: no time limit should pay for the rest
        for name in NEEDED:
            importlib.import_module(name)
    yield worker_name(), time.time()
    if memory is not None:
        with contextlib.suppress(ValueError, OSError):  # a system with a lower hard limit keeps it
            resource.setrlimit(resource.RLIMIT_DATA, (memory, resource.RLIM_INFINITY))
    if time_limit is not None:
        faulthandler.dump_traceback_later(time_limit, exit=True)
    yield from _reported(evaluate, job)
    faulthandler.cancel_dump_traceback_later()


def _reported(
    evaluate: AbstractEvaluator[Any], job: Job[Any]
) -> Iterator[tuple[int, float] | Outcome]:
    """Scores while the child runs in a thread of its own, at most a few per second; the outcome."""
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
        except BaseException as error:  # the loop below waits for an outcome
            news.put(Outcome(None, error=reason(error)))

    thread = Thread(target=run, daemon=True)
    thread.start()
    while not isinstance(item := news.get(), Outcome):
        yield item
    thread.join()
    yield item
