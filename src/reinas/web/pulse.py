"""Notices that a store has changed, and tells everybody who waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from reinas.store.database import AbstractEye, Mark

INTERVAL = 0.4
"""Seconds between two looks."""
SILENCE = 15.0
"""Seconds after which a stream says that it is alive, so that lost readers are noticed."""


class Pulse:
    """Counts the changes of a store.

    Args:
        eye: Looks at the store, which may come and go.
    """

    def __init__(self, eye: AbstractEye) -> None:
        self._eye = eye
        self._mark: Mark | None = None
        self._changed = asyncio.Condition()
        self.count = 0
        self.closing = False

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            mark = await asyncio.to_thread(self._eye.look)
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
        self._eye.close()

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
