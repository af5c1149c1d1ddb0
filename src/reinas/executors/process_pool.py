"""Worker processes on this machine, killed and replaced one by one (pebble)."""

import contextlib
import math
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TypeVar

from filelock import BaseFileLock, FileLock, Timeout
from pebble import ProcessExpired, ProcessPool

from reinas.devices import number_worker
from reinas.errors import ExecutorError, SettingError, reason
from reinas.executors.base import seconds_left
from reinas.system import GIB, interrupts_blocked, limit_memory, machine_memory, start_method

T = TypeVar("T")
R = TypeVar("R")
MOST = 1 << 20  # GiB; more does not fit the system's own numbers
# What children import when they first load data and step an optimiser. That takes seconds, so
# workers are forked with it loaded: imports should not count against a time limit.
NEEDED = (
    "reinas.evaluators.trained",
    "sklearn.datasets",
    "sklearn.model_selection",
    "torch._dynamo",
)
PRELOAD = ("reinas.executors.forkserver_preload", *NEEDED)
FOOTPRINT = 0.5  # GiB that a worker needs before it trains anything
BROKEN_LIMIT = 3  # how often in a row the pool may break without a result in between


@dataclass(frozen=True, slots=True)
class Lost:
    """The failure of one work item.

    Args:
        reason: Why it has no result.
        seconds: How long it ran.
    """

    reason: str
    seconds: float


class WorkerPool:
    """Runs a function over work items in worker processes, with a time and a memory limit.

    Args:
        workers: Number of worker processes.
        time_limit: Seconds after which an item's worker is killed. None: no limit.
        memory_limit: GiB that each worker may allocate. None: its share of 90 % of the machine's
            memory.

    Raises:
        SettingError: A number is out of range.
    """

    def __init__(
        self, workers: int, *, time_limit: float | None = None, memory_limit: float | None = None
    ) -> None:
        if workers < 1:
            raise SettingError(f"workers must be at least 1 for worker processes, got {workers}")
        if time_limit is not None and not 0 < time_limit < math.inf:
            raise SettingError(f"the time limit must be above 0 and finite, got {time_limit}")
        memory = 0.9 * machine_memory() / workers if memory_limit is None else memory_limit
        if not FOOTPRINT <= memory <= MOST:
            raise SettingError(
                f"the memory limit must be {FOOTPRINT} to {MOST} GiB per worker, which needs"
                f" {FOOTPRINT} GiB before it trains anything; got {memory:g} with {workers} workers"
            )
        self.count = workers
        self.busy = 0
        self._time_limit = time_limit
        self._memory = int(memory * GIB)
        self._pool: ProcessPool | None = None
        self._numbers: tempfile.TemporaryDirectory[str] | None = None

    def run(
        self, function: Callable[[T], R], work: Sequence[T], deadline: float = math.inf
    ) -> Iterator[tuple[T, R | Lost]]:
        """Apply the function to every item.

        An item whose worker died is run once more, since the worker may have been killed from
        outside. If an idle worker is killed from outside, pebble's whole pool breaks: a new pool
        is made, and the items without a result are run again.

        Args:
            function: What to run in a worker; it must be picklable.
            work: Its arguments, one per item.
            deadline: When to stop, on the clock of `time.monotonic()`. Items that are not finished
                by then yield no result.

        Yields:
            Each item with its result, or with the reason of its failure, as they finish.

        Raises:
            ExecutorError: The worker processes died several times without a result in between.
        """
        waiting = dict(enumerate(work))
        died: set[int] = set()
        broken = 0
        while waiting:
            try:
                for place, result in self._pass(function, dict(waiting), died, deadline):
                    broken = 0
                    yield waiting.pop(place), result
                return
            except BrokenExecutor as error:
                self.close()
                broken += 1
                if broken == BROKEN_LIMIT:
                    raise ExecutorError(
                        f"the worker processes died {broken} times in a row before any child was"
                        f" finished ({error}): a script has to start its search under"
                        ' `if __name__ == "__main__":`; else start fewer workers'
                    ) from error

    def _pass(
        self, function: Callable[[T], R], work: Mapping[int, T], died: set[int], deadline: float
    ) -> Iterator[tuple[int, R | Lost]]:
        pool = self._start()
        started = time.perf_counter()

        def schedule(place: int) -> "Future[R]":
            future: Future[R] = pool.schedule(
                function, args=(work[place],), timeout=self._time_limit
            )
            return future

        futures: dict[Future[R], int] = {schedule(place): place for place in work}
        try:
            while futures:
                self.busy = min(len(futures), self.count)
                done, _ = wait(futures, timeout=seconds_left(deadline), return_when=FIRST_COMPLETED)
                if not done:
                    return
                for future in done:
                    place = futures.pop(future)
                    if isinstance(future.exception(), ProcessExpired) and place not in died:
                        died.add(place)
                        futures[schedule(place)] = place
                        continue
                    result: R | Lost = self._result(future, time.perf_counter() - started)
                    yield place, result
        finally:
            self.busy = 0
            # stopped early (Ctrl-C, an error, the deadline): kill what still runs
            if futures:
                self.close()

    def _result(self, future: "Future[R]", elapsed: float) -> R | Lost:
        try:
            return future.result()
        except TimeoutError:
            limit = self._time_limit or 0.0
            return Lost(f"took longer than the limit of {limit:g} s", limit)
        except ProcessExpired as expired:
            return Lost(_death(expired.exitcode), elapsed)
        except (BrokenExecutor, CancelledError) as error:
            raise BrokenExecutor(str(error)) from error
        except Exception as error:  # the function raised, or its result cannot be pickled
            return Lost(reason(error), elapsed)

    def _start(self) -> ProcessPool:
        if self._pool is None or not self._pool.active:
            context: Any = multiprocessing.get_context(start_method())
            if start_method() == "forkserver":
                context.set_forkserver_preload(list(PRELOAD))
            if self._numbers is None:
                self._numbers = tempfile.TemporaryDirectory(prefix="reinas-workers-")
            with deaf_to_ctrl_c():
                self._pool = ProcessPool(
                    max_workers=self.count,
                    initializer=_begin,
                    initargs=(self._memory, self._numbers.name),
                    context=context,
                )
                _ = self._pool.active  # reading it starts the server and the workers
        return self._pool

    def start(self) -> None:
        """Start the workers, if there are none, ahead of the first work item."""
        self._start()

    def close(self) -> None:
        """Kill the workers, busy or not."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None
        if self._numbers is not None:
            self._numbers.cleanup()
            self._numbers = None


@contextlib.contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Delay Ctrl-C to the end of the `with` block, in which worker processes are started.

    A worker that is interrupted while it starts would print a traceback. So the signal is blocked,
    which workers inherit. Another thread of this process may still receive it, so the handler is
    replaced too.
    """
    if start_method() == "forkserver":
        resource_tracker.ensure_running()  # starting it later would unblock the signal
    came: list[int] = []
    # only the main thread may set handlers
    here = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda *_: came.append(1)) if here else None
    try:
        with interrupts_blocked():
            yield
    finally:
        if here:
            signal.signal(signal.SIGINT, handler)
    if came:
        signal.raise_signal(signal.SIGINT)


def _begin(memory: int, numbers: str) -> None:
    """Prepare a worker: ignore Ctrl-C, end with the parent, limit memory, one thread for torch."""
    number_worker(_number(numbers))
    # Ctrl-C reaches the whole process group, but only the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # before the limit: if no memory is left for the thread's stack, the worker would hang
    threading.Thread(target=_watch, daemon=True).start()
    limit_memory(memory)
    import torch

    torch.set_num_threads(1)


def _number(folder: str) -> int:
    """The least number from 0 on that no living worker has.

    Each worker locks a file called like its number. The system unlocks it when the worker ends,
    however it ends, so that the one that replaces it gets the number.
    """
    number = 0
    while True:
        if not Path(folder).is_dir():  # the pool was closed while this worker started
            os._exit(0)
        lock = FileLock(Path(folder, str(number)))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            number += 1
        except FileNotFoundError:
            os._exit(0)
        else:
            _held.append(lock)  # the file stays locked as long as the process lives
            return number


_held: list[BaseFileLock] = []


def _watch() -> None:
    """Wait for the parent process to end, then end this one, even in the middle of a child."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _death(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"the worker process ended with status {exitcode}"
    name = signal.Signals(-exitcode).name
    hint = "; systems do that when memory runs out" if name == "SIGKILL" else ""
    return f"the worker process was killed by {name}{hint}"
