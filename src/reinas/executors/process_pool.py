"""Worker processes on this machine, killed and replaced one by one."""

import contextlib
import math
import pickle
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection, resource_tracker
from typing import Any, Generic, TypeVar

from reinas.errors import ExecutorError, SettingError
from reinas.executors.base import seconds_left
from reinas.executors.worker import PATIENCE, Lost, Worker, death, result_of
from reinas.system import (
    GIB,
    interrupts_blocked,
    machine_memory,
    start_method,
    uninterrupted,
)

T = TypeVar("T")
R = TypeVar("R")
MOST = 1 << 20  # GiB; more does not fit the system's own numbers
FOOTPRINT = 0.5  # GiB that a worker needs before it trains anything
LOOK = 0.5  # seconds between two looks at the memory of busy workers
BROKEN_LIMIT = 3  # how often in a row workers may die before they are ready


class _Work(Generic[T, R]):
    """The items of one `run`: which wait, which have lost a worker, how many are left."""

    def __init__(self, function: Callable[[T], R], items: Sequence[T]) -> None:
        self.function = pickle.dumps(function)
        self.items = items
        self.waiting = deque(range(len(items)))
        self.left = len(items)
        self._died: set[int] = set()

    def may_repeat(self, place: int) -> bool:
        """Whether an item whose worker died is run once more; then it waits again."""
        if place in self._died:
            return False
        self._died.add(place)
        self.waiting.appendleft(place)
        return True


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
        self._limit = math.inf if time_limit is None else time_limit
        self._memory = int(memory * GIB)
        self._workers: list[Worker] = []
        self._broken = 0
        self._look = 0.0  # when memory is looked at again
        self._starting = threading.Lock()  # `start` may run in a thread of its own
        self._numbers: tempfile.TemporaryDirectory[str] | None = None

    @property
    def busy(self) -> int:
        """How many workers have an item."""
        return sum(worker.place is not None for worker in self._workers)

    def run(
        self, function: Callable[[T], R], work: Sequence[T], deadline: float = math.inf
    ) -> Iterator[tuple[T, R | Lost]]:
        """Apply the function to every item.

        An item whose worker died is run once more, since the worker may have been killed from
        outside. Workers that die, busy or idle, are replaced.

        Args:
            function: What to run in a worker; it must be picklable.
            work: Its arguments, one per item.
            deadline: When to stop, on the clock of `time.monotonic()`. Items that are not finished
                by then yield no result.

        Yields:
            Each item with its result, or with the reason of its failure, as they finish.

        Raises:
            ExecutorError: Workers died several times in a row before they were ready.
        """
        every: _Work[T, R] = _Work(function, work)
        try:
            while every.left:
                self.start()
                self._give(every)
                ready = self._wait(deadline)
                if not ready and time.monotonic() >= deadline:
                    return
                for worker in ready:
                    if (found := self._settled(worker, every)) is not None:
                        every.left -= 1
                        yield work[found[0]], found[1]
        finally:
            # stopped early (Ctrl-C, an error, the deadline): kill what still runs
            if self.busy:
                self.close()

    def start(self) -> None:
        """Start the workers that are missing, such as all of them ahead of the first work item.

        Raises:
            ExecutorError: They cannot be started.
        """
        with self._starting:
            # those that died while nobody had work for them
            for worker in [w for w in self._workers if w.place is None and not w.is_alive]:
                self._bury(worker)
            if self._numbers is None:
                self._numbers = tempfile.TemporaryDirectory(prefix="reinas-workers-")
            while len(self._workers) < self.count:
                try:
                    self._workers.append(self._started(self._numbers.name))
                except (OSError, EOFError) as error:  # such as a killed server
                    self._count_broken(str(error) or type(error).__name__)

    def _started(self, numbers: str) -> Worker:
        """A new worker.

        A server that was killed refuses connections for a moment before the system says that it
        is dead, and only then Python starts another one.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with deaf_to_ctrl_c():
                    return Worker(self._memory, numbers)
            except ConnectionRefusedError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def _give(self, every: _Work[T, R]) -> None:
        """An item to each worker that has none."""
        for worker in self._workers:
            if not every.waiting:
                return
            if worker.is_ready and worker.place is None:
                place = every.waiting.popleft()
                if not worker.give(every.function, place, every.items[place]):
                    every.waiting.appendleft(place)

    def _wait(self, deadline: float) -> list[Worker]:
        """The workers that have sent something, have died, or exceed a limit."""
        busy = [w for w in self._workers if w.place is not None]
        soonest = min((w.begun + self._limit for w in busy), default=math.inf)
        if busy:
            soonest = min(soonest, self._look)
        handles: list[Any] = [h for w in self._workers for h in (w.connection, w.sentinel)]
        found = set(connection.wait(handles, timeout=seconds_left(min(deadline, soonest))))
        self._find_excess(busy)
        return [
            w
            for w in self._workers
            if w.connection in found or w.sentinel in found or w.excess is not None
        ]

    def _find_excess(self, busy: list[Worker]) -> None:
        """Note which workers exceed a limit; now and then also that of memory."""
        now = time.monotonic()
        looks = now >= self._look
        if looks:
            self._look = now + LOOK
        for worker in busy:
            if worker.overdue(self._limit):
                worker.excess = f"took longer than the limit of {self._limit:g} s"
            elif looks and worker.memory > self._memory:
                limit = f"{self._memory / GIB:g} GiB"
                worker.excess = f"out of memory: with what it shares it has more than {limit}"

    def _settled(self, worker: Worker, every: _Work[T, R]) -> tuple[int, R | Lost] | None:
        """The place of an item that is done, and its result; None where none is."""
        place, took = worker.place, time.monotonic() - worker.begun
        if (message := worker.read()) is not None:
            if not worker.is_ready:
                worker.is_ready, self._broken = True, 0
                return None
            worker.place = None
            return None if place is None else (place, result_of(message))
        if worker.is_alive:
            if place is None or worker.excess is None:
                return None
            self._bury(worker)
            return place, Lost(worker.excess, min(took, self._limit))
        why = self._bury(worker)
        if place is None or every.may_repeat(place):
            return None
        return place, Lost(why, took)

    def _bury(self, worker: Worker) -> str:
        """Kill a worker, or say how it died; another one takes its place."""
        self._workers.remove(worker)
        why = death(worker.end())
        if not worker.is_ready:
            self._count_broken(why)
        return why

    def _count_broken(self, why: str) -> None:
        self._broken += 1
        if self._broken >= BROKEN_LIMIT:
            raise ExecutorError(
                f"worker processes ended {self._broken} times in a row before they were ready"
                f" ({why}): a script has to start its search under"
                ' `if __name__ == "__main__":`; else start fewer workers'
            )

    def close(self) -> None:
        """Kill the workers, busy or not."""
        while self._workers:
            self._workers.pop().end()
        self._broken = 0
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
    with uninterrupted(), interrupts_blocked():
        yield
