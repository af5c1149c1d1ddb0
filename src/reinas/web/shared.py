"""What many readers ask for at once is computed once per change of the store."""

import threading
import time
from collections.abc import Callable, Hashable

from reinas.store.database import AbstractEye, Mark

AGE = 1.0
"""Seconds after which a document is computed again though nothing has changed: some tell how long
ago something was."""


class Shared:
    """Documents of the store as it is.

    Args:
        eye: Looks at the store.
    """

    def __init__(self, eye: AbstractEye) -> None:
        self._eye = eye
        self._lock = threading.Lock()
        self._kept: dict[Hashable, str] = {}
        self._mark: Mark | None = None
        self._begun = 0.0

    def close(self) -> None:
        """Close the connection that looks for changes."""
        self._eye.close()

    def get(self, key: Hashable, make: Callable[[], str]) -> str:
        """A document.

        Args:
            key: Which document.
            make: Computes it; takes milliseconds, since all others wait.
        """
        with self._lock:
            now, mark = time.monotonic(), self._eye.look()
            if mark is None or mark != self._mark or now - self._begun > AGE:
                self._kept.clear()
                self._mark, self._begun = mark, now
            if key not in self._kept:
                self._kept[key] = make()
            return self._kept[key]
