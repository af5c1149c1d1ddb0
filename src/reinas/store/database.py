"""The contract of a database that can hold a store."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

Mark = tuple[int, int]
"""Which database it is, and the version of its data: other marks, other data."""


class AbstractEye(ABC):
    """Tells whether a database has changed since the last look. Any thread may look."""

    @abstractmethod
    def look(self) -> Mark | None:
        """What is there now; None where it cannot be read."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


class AbstractDatabase(ABC):
    """Where the tables of a store are: how they are reached, locked and watched.

    Args:
        address: What opens it again; it may hold a password.
        location: Where it is, for people.
        read_only: Whether every write is refused.
    """

    def __init__(self, address: str, location: str, *, read_only: bool) -> None:
        self.address = address
        self.location = location
        self.is_read_only = read_only

    @abstractmethod
    def exists(self) -> bool:
        """Whether there may be something to read; False where there is certainly nothing."""

    @abstractmethod
    def prepare(self) -> None:
        """Make it ready for its first tables."""

    @abstractmethod
    def transaction(self, *, writing: bool, study: int) -> AbstractContextManager[Connection]:
        """One transaction, which sees one state of the data.

        Args:
            writing: Whether it writes: what was read in it then stays true until its end.
            study: The study that is written to; 0 for all of them.

        Raises:
            StoreError: The database is another one than before.
        """

    @abstractmethod
    def explain(self, error: sa.exc.DBAPIError) -> str:
        """An error, and what to do about it, in one sentence."""

    @abstractmethod
    def lock(self, word: str) -> AbstractContextManager[None]:
        """Hold a word alone within the block; freed at once when the process dies.

        Raises:
            TimeoutError: Another process holds it.
            StoreError: Nothing can be held, as in a folder that is read-only.
        """

    @abstractmethod
    def eye(self) -> AbstractEye:
        """Looks for changes by a connection of its own; the database may come and go."""

    @abstractmethod
    def size(self) -> int:
        """How many bytes it takes."""

    @abstractmethod
    def compact(self) -> None:
        """Give back the space of what was deleted."""

    @abstractmethod
    def problems(self) -> list[str]:
        """What the database itself finds damaged, one sentence each."""

    @property
    def path(self) -> Path | None:
        """The file; None where it is none."""
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """What people who search there should know, one sentence each."""
        return ()

    @property
    def folder(self) -> Path | None:
        """Where files that belong to the store may be; None where there is no such place."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""
