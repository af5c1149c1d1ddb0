"""One worker process on this machine: a pipe of its own, and what it works on.

Workers share no lock and no pipe, so one that is killed at any moment can stop no other one.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from reinas.devices import number_worker
from reinas.errors import reason
from reinas.system import kill_group, lead_group, limit_memory, memory_of, start_method

# What children import when they first load data and step an optimiser. That takes seconds, so
# workers are forked with it loaded: imports should not count against a time limit.
NEEDED = (
    "reinas.evaluators.trained",
    "sklearn.datasets",
    "sklearn.model_selection",
    "torch._dynamo",
)
FUNCTION, ITEM = b"f", b"i"
"""How a message begins: the function of the items that follow, or one of them."""
UNKNOWN = 255
"""What Python says of a worker whose fork server is gone, so that nobody knows how it ended."""
PATIENCE = 10.0  # seconds for a killed process to be gone


@dataclass(frozen=True, slots=True)
class Lost:
    """The failure of one work item.

    Args:
        reason: Why it has no result.
        seconds: How long it ran.
    """

    reason: str
    seconds: float


class Worker:
    """A worker process, seen from the process that has work for it.

    Args:
        memory: Bytes that it may allocate.
        numbers: The folder in which workers find their numbers.

    Raises:
        OSError: It cannot be started.
        EOFError: The server that forks workers died meanwhile.
    """

    def __init__(self, memory: int, numbers: str) -> None:
        context: Any = multiprocessing.get_context(start_method())
        if start_method() == "forkserver":
            context.set_forkserver_preload(list(NEEDED))
        self.connection, answers = context.Pipe(duplex=False)
        questions, self._sender = context.Pipe(duplex=False)
        self._process = context.Process(
            target=serve, args=(questions, answers, memory, numbers), daemon=True
        )
        try:
            self._process.start()
        except BaseException:
            self._close()
            raise
        finally:
            questions.close()
            answers.close()
        self.sentinel: int = self._process.sentinel
        self.is_ready = False
        self.place: int | None = None
        self.begun = 0.0
        self.excess: str | None = None
        self._function: bytes | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        alive: bool = self._process.is_alive()
        return alive

    def give(self, function: bytes, place: int, item: Any) -> bool:
        """Let it work on an item.

        Args:
            function: What to apply to it, pickled; it is sent once.
            place: The item's place.
            item: The item.

        Returns:
            Whether it was sent; else the worker is about to be found dead.
        """
        data = ITEM + pickle.dumps(item)
        try:
            if function is not self._function:
                self._sender.send_bytes(FUNCTION + function)
                self._function = function
            self._sender.send_bytes(data)
        except OSError:
            return False
        self.place, self.begun, self.excess = place, time.monotonic(), None
        return True

    def overdue(self, limit: float) -> bool:
        """Whether its item takes longer than so many seconds."""
        return self.place is not None and time.monotonic() >= self.begun + limit

    @property
    def memory(self) -> int:
        """Bytes that it holds, shared ones included."""
        return memory_of(self._process.pid or 0)

    def read(self) -> bytes | None:
        """What it has sent; None where there is nothing, or it died."""
        try:
            return self.connection.recv_bytes() if self.connection.poll() else None
        except (EOFError, OSError):
            return None

    def end(self) -> int | None:
        """Kill it if it is alive.

        Returns:
            The status with which it ended.
        """
        if self.is_alive:
            self._process.kill()
        if self._process.pid:
            kill_group(self._process.pid)  # what its child has started
        self._process.join(PATIENCE)
        self._close()
        status: int | None = self._process.exitcode
        return status

    def _close(self) -> None:
        self.connection.close()
        self._sender.close()


def result_of(message: bytes) -> Any:
    """What a worker has sent as the result of an item, or `Lost`."""
    try:
        return pickle.loads(message)
    except Exception as error:  # whatever __setstate__ raises
        return Lost(reason(error), 0.0)


def death(status: int | None) -> str:
    """In words how a process ended."""
    if status == UNKNOWN:
        return (
            f"the worker process ended with status {status}, or the server that forks workers was"
            " killed; systems do that when memory runs out"
        )
    if status is None or status >= 0:
        return f"the worker process ended with status {status}"
    name = signal.Signals(-status).name
    hint = "; systems do that when memory runs out" if name == "SIGKILL" else ""
    return f"the worker process was killed by {name}{hint}"


# ---- in the worker -------------------------------------------------------------------------------


def serve(questions: Connection, answers: Connection, memory: int, numbers: str) -> None:
    """Work on what comes, until nobody is there any more.

    Args:
        questions: Where functions and items come from.
        answers: Where results go.
        memory: Bytes that this process may allocate.
        numbers: The folder in which workers find their numbers.
    """
    _begin(memory, numbers)
    function: Callable[[Any], Any] = _no_function
    try:
        answers.send_bytes(b"")  # ready
        while message := questions.recv_bytes():
            kind, data = message[:1], message[1:]
            if kind == FUNCTION:
                function = _function(data)
            else:
                answers.send_bytes(_answer(function, data))
    except (EOFError, OSError):
        return


def _no_function(item: Any) -> Any:
    raise RuntimeError("there is no function yet")


def _function(data: bytes) -> Callable[[Any], Any]:
    try:
        function: Callable[[Any], Any] = pickle.loads(data)
    except BaseException as error:
        text = reason(error)
        return lambda item: Lost(text, 0.0)
    return function


def _answer(function: Callable[[Any], Any], data: bytes) -> bytes:
    """The result of an item, or why there is none; what the function raises does not leave it."""
    begun = time.monotonic()
    try:
        return pickle.dumps(function(pickle.loads(data)))
    except BaseException as error:  # also sys.exit(), and results that cannot be pickled
        return pickle.dumps(Lost(reason(error), time.monotonic() - begun))


def _begin(memory: int, numbers: str) -> None:
    """Prepare a worker: ignore Ctrl-C, end with the parent, limit memory, one thread for torch."""
    number_worker(_number(numbers))
    lead_group()
    # where there are no groups, Ctrl-C reaches this process too, but only the parent handles it
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
        kill_group(0)  # with whatever the child has started
        os._exit(1)
