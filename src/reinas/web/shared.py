"""What many readers ask for at once is computed once per change of the store."""

import threading
import time
from collections.abc import Callable, Hashable

AGE = 1.0
"""Seconds after which a document is computed again though nothing has changed: some tell how long
ago something was."""


class Shared:
    """Documents of the store as it was at its last change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, str] = {}
        self._change: int | None = None
        self._begun = 0.0

    def forget(self) -> None:
        """The store is another one."""
        with self._lock:
            self._kept.clear()

    def get(self, version: Callable[[], int | None], key: Hashable, make: Callable[[], str]) -> str:
        """A document.

        Args:
            version: Tells the store's version, which every change changes.
            key: Which document.
            make: Computes it; takes milliseconds, since all others wait.
        """
        with self._lock:
            now, change = time.monotonic(), version()
            if change is None or change != self._change or now - self._begun > AGE:
                self._kept.clear()
                self._change, self._begun = change, now
            if key not in self._kept:
                self._kept[key] = make()
            return self._kept[key]
