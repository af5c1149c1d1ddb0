"""Writes for many coroutines: what comes in quick succession is one transaction."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from reinas.store import AbstractRecord

T = TypeVar("T")
PAUSE = 0.002  # seconds for which writes are gathered


class WriteBatcher:
    """Does what it is given in the order given, many in one transaction."""

    def __init__(self, record: AbstractRecord) -> None:
        self._record = record
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    def write(self, operation: Callable[[], T]) -> asyncio.Future[T]:
        """What the operation on the log gives, once that is kept. It is done, awaited or not."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        future.add_done_callback(_seen)
        if not self._waiting:
            loop.call_later(PAUSE, self.flush)
        self._waiting.append((operation, future))
        return future

    def flush(self) -> None:
        """Do what is waiting, now."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            with self._record.together():
                results = [operation() for operation, _ in waiting]
        except Exception as error:
            for _, future in waiting:
                if not future.cancelled():
                    future.set_exception(error)
            return
        for (_, future), result in zip(waiting, results, strict=True):
            if not future.cancelled():
                future.set_result(result)


def _seen(future: asyncio.Future[Any]) -> None:
    """Keep asyncio from complaining of an error that nobody waited for: the next write has it."""
    if not future.cancelled():
        future.exception()
