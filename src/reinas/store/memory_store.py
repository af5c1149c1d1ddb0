"""A store in memory, for studies that nobody needs to keep."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from reinas.store.base import AbstractStore
from reinas.store.json import now
from reinas.store.memory_record import MemoryRecord


class MemoryStore(AbstractStore):
    """Studies that end with the process."""

    def __init__(self) -> None:
        self._records: dict[str, MemoryRecord] = {}

    @property
    def location(self) -> str:
        """Memory."""
        return "memory"

    def names(self) -> list[str]:
        """The names of all studies, oldest first."""
        return list(self._records)

    def create(self, name: str, settings: dict[str, Any], trials: int) -> None:
        """Begin a study, unless there is one of that name."""
        self._records.setdefault(name, MemoryRecord(name, settings, trials, now()))

    def find(self, name: str) -> MemoryRecord | None:
        """The study of that name; None where there is none."""
        return self._records.get(name)

    def lock(self, name: str) -> AbstractContextManager[None]:
        """No other process has it."""
        return nullcontext()
