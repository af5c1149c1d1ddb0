"""Writes of many coroutines, several in one transaction."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from reinas.store import AbstractRecord

T = TypeVar("T")
PAUSE = 0.002  # seconds for which writes are collected


class WriteBatcher:
    """Runs writes to a record in the order in which they come, several in one transaction.

    Args:
        record: The search's record in the store.
    """

    def __init__(self, record: AbstractRecord) -> None:
        self._record = record
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._failure: Exception | None = None

    def write(self, operation: Callable[[], T]) -> asyncio.Future[T]:
        """Schedule a write; it runs whether its result is awaited or not.

        Args:
            operation: The write.

        Returns:
            A future of its result, done once the transaction is committed. If any write fails,
            all of its transaction and all later ones fail with its error: a batch after one that
            is missing would leave a gap, with which a search cannot go on.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        future.add_done_callback(_seen)
        if not self._waiting:
            loop.call_later(PAUSE, self.flush)
        self._waiting.append((operation, future))
        return future

    def flush(self) -> None:
        """Run the scheduled writes now."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            if self._failure is not None:
                raise self._failure
            with self._record.together():
                results = [operation() for operation, _ in waiting]
        except Exception as error:
            self._failure = error
            for _, future in waiting:
                if not future.cancelled():
                    future.set_exception(error)
            return
        for (_, future), result in zip(waiting, results, strict=True):
            if not future.cancelled():
                future.set_result(result)


def _seen(future: asyncio.Future[Any]) -> None:
    """Keep asyncio from logging an error that was not awaited: all later writes fail with it."""
    if not future.cancelled():
        future.exception()
