"""The time that a fit has: it goes on where an interrupted one was."""

import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from reinas.errors import FileError

BEAT = 1.0
"""Seconds between two entries of the time spent: what an interruption may add."""


class Clock:
    """Minutes that run, and are kept in a file once a second.

    Args:
        file: Where the time spent is kept.
        seconds: All the time that there is, earlier sessions included.
        begun: When this session began, in seconds since 1970.

    Raises:
        FileError: The file cannot be read.
    """

    def __init__(self, file: Path, seconds: float, begun: float) -> None:
        self._file, self.seconds = file, seconds
        self.earlier = _read(file)
        self._zero = begun - self.earlier

    @property
    def spent(self) -> float:
        """Seconds so far, in all sessions."""
        return time.time() - self._zero

    @property
    def left(self) -> float:
        """Seconds that are left; below 0 once the time is over."""
        return self.seconds - self.spent

    def at(self, seconds: float) -> float:
        """When so many seconds are spent, in seconds since 1970."""
        return self._zero + seconds

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Within, the time spent is kept.

        Raises:
            FileError: The file cannot be written.
        """
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        try:
            self._keep()
        except OSError as error:
            raise FileError(f"{self._file} cannot be written: {error.strerror}") from None
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            with contextlib.suppress(OSError):  # the last beat is kept
                self._keep()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT):
            with contextlib.suppress(OSError):  # the next one may be kept, and a fit goes on
                self._keep()

    def _keep(self) -> None:
        write_whole(self._file, json.dumps({"spent": self.spent}))


def write_whole(file: Path, text: str) -> None:
    """Write a file, whole or not at all.

    Args:
        file: Is replaced.
        text: Its new content.
    """
    draft = file.with_name(file.name + ".part")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, file)


def _read(file: Path) -> float:
    """The seconds that earlier sessions took."""
    if not file.exists():
        return 0.0
    try:
        spent = float(json.loads(file.read_text(encoding="utf-8"))["spent"])
        if not 0 <= spent < math.inf:
            raise ValueError(f"{spent} seconds")
        return spent
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{file} should hold the time spent, and cannot be read: {error}") from None
