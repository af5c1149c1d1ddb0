"""Sends scores from worker processes to the search as datagrams.

A datagram is sent whole or not at all and needs no lock, so a worker that is killed while it sends
cannot block the others. A score is dropped when the socket's buffer is full; the child's outcome
still has all scores.
"""

import json
import tempfile
import threading
from types import TracebackType

from reinas.executors.base import OnReport
from reinas.system import datagrams, send_datagram

LARGEST = 4096  # bytes per datagram


class ReportChannel:
    """A context manager: a socket, and a thread that reads scores from it.

    Inside the `with` block, `path` is the socket's address.

    Args:
        on_report: Called on that thread with every (trial, step, score). An exception from it ends
            the thread and is raised again at the end of the block.
    """

    def __init__(self, on_report: OnReport) -> None:
        self._on_report = on_report
        self._error: Exception | None = None

    def __enter__(self) -> "ReportChannel":
        self._folder = tempfile.TemporaryDirectory(prefix="reinas-")
        self._socket, self.path = datagrams(self._folder.name)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def _read(self) -> None:
        while message := self._socket.recv(LARGEST):
            try:
                trial, step, score = json.loads(message)
                self._on_report(trial, step, score)
            except Exception as error:
                self._error = error
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        send_datagram(self.path, b"", seconds=5)
        self._thread.join(timeout=5)
        self._socket.close()
        self._folder.cleanup()
        if self._error is not None and error is None:
            raise self._error


def send(path: str | None, trial: int, step: int, score: float) -> None:
    """Send a score from a worker process; dropped if the socket is full or closed.

    Args:
        path: The channel's address. None: nothing is sent.
        trial: The trial's number.
        step: The step of training that the score belongs to.
        score: The score.
    """
    if path is not None:
        send_datagram(path, json.dumps([trial, step, score]).encode())
