"""Notices that a store has changed, and tells everybody who waits."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

INTERVAL = 0.4
"""Seconds between two looks: one PRAGMA, however large the store is."""
SILENCE = 15.0
"""Seconds after which a stream says that it is alive, so that lost readers are noticed."""


class Pulse:
    """Counts the changes of a store's file.

    Args:
        path: The file; it may come and go.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._mark: tuple[int, int] | None = None
        self._changed = asyncio.Condition()
        self.count = 0
        self.closing = False

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            mark = await asyncio.to_thread(self._look)
            if mark != self._mark:
                self._mark = mark
                async with self._changed:
                    self.count += 1
                    self._changed.notify_all()
            await asyncio.sleep(INTERVAL)

    async def close(self) -> None:
        """End all streams."""
        self.closing = True
        async with self._changed:
            self._changed.notify_all()
        if self._connection is not None:
            self._connection.close()

    async def stream(self) -> AsyncIterator[str]:
        """Server-sent events: one with the count now, and one per change."""
        told = -1
        while not self.closing:
            if told != self.count:
                told = self.count
                yield f"id: {told}\ndata: {told}\n\n"
            else:
                yield ": still here\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news(told), SILENCE)

    async def _news(self, told: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.closing or self.count != told)

    def _look(self) -> tuple[int, int] | None:
        """Which file it is, and the version of its data; None where it cannot be read."""
        try:
            inode = self._path.stat().st_ino
            if self._connection is None or self._mark is None or self._mark[0] != inode:
                if self._connection is not None:
                    self._connection.close()
                # one thread at a time: each look is awaited
                self._connection = sqlite3.connect(
                    f"{self._path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
                )
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except (OSError, sqlite3.Error):
            return None
        return inode, version
