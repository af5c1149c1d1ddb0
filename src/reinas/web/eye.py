"""Looks whether a store's file has changed."""

import sqlite3
import threading
from pathlib import Path

Mark = tuple[int, int]
"""Which file it is (its inode), and the version of its data."""


class Eye:
    """Tells which file is at a path, and whether its data are other ones.

    Each has a connection of its own, since SQLite counts versions by connection. Any thread may
    look.

    Args:
        path: The file; it may come and go.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode: int | None = None
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def look(self) -> Mark | None:
        """What is there now, by one PRAGMA; None where it cannot be read."""
        with self._lock:
            try:
                inode = self._path.stat().st_ino
                if self._connection is None or inode != self._inode:
                    self._open(inode)
                assert self._connection is not None
                (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            except (OSError, sqlite3.Error):
                self._inode = None  # what comes back is opened anew
                return None
            return inode, version

    def _open(self, inode: int) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )
        self._inode = inode

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
