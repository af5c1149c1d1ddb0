"""A store in an SQLite file."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.engine import Connection

from reinas.errors import BusyError, StoreError
from reinas.store import migrations, schema, sqlite
from reinas.store.base import AbstractStore
from reinas.store.json import now
from reinas.store.runs import Runs
from reinas.store.sql_record import SqlRecord
from reinas.system import uninterrupted

LONGEST_NAME = 200  # characters; file systems take 255


@dataclass(frozen=True, slots=True)
class Summary:
    """One study in a listing.

    Args:
        name: The study's name.
        space: The space's name.
        task: The task's name; "-" without a task.
        policy: The policy's name.
        trials: The budget in trials.
        finished: Number of finished trials, with failed ones.
        failed: Number of failed trials.
        best: The best reward; None if no trial has one.
        created: When the study began.
    """

    name: str
    space: str
    task: str
    policy: str
    trials: int
    finished: int
    failed: int
    best: float | None
    created: str


class Store(AbstractStore):
    """Studies in one SQLite file, which is created at the first write.

    Args:
        location: A path, or sqlite:///PATH.
        read_only: Whether nothing is ever written, not even to bring an older store up to date.

    Raises:
        SettingError: The location is a URL of another kind.
        StoreError: The location cannot be a file, or the file is not a store that this version of
            reinas can read.
    """

    def __init__(self, location: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.path = sqlite.path_of(os.fspath(location))
        self._engine = sqlite.engine(self.path, read_only=read_only)
        self._is_read_only = read_only
        self._file: tuple[int, int] | None = None
        if self.path.exists():
            self._check()

    @property
    def location(self) -> str:
        """The file's path."""
        return str(self.path)

    @contextmanager
    def begin(self, *, exclusive: bool = False) -> Iterator[Connection]:
        """Run the `with` block as one transaction.

        Args:
            exclusive: Whether other writers must wait, so that the data read stay valid until the
                transaction's own writes.

        Yields:
            The connection.

        Raises:
            StoreError: The database failed; the message says what to do.
        """
        if self._file is not None and self._found() != self._file:
            raise StoreError(
                f"{self.location} was deleted, emptied or replaced while it was in use: put it"
                " back, or begin anew"
            )
        try:
            engine = self._engine.execution_options(exclusive=exclusive)
            with uninterrupted(), engine.begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise StoreError(sqlite.explain(self.location, error)) from error
        except json.JSONDecodeError:
            raise StoreError(
                f"{self.location} is damaged: what should be JSON in it is none; restore a copy of"
                " it, or choose another file"
            ) from None
        if self._file is None:
            self._file = self._found()

    def _found(self) -> tuple[int, int] | None:
        """Which file is there now; None where none is, or an empty one."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if found.st_size else None

    def _create(self) -> None:
        with self._hold("new"):
            sqlite.use_wal(self.path)
        with self.begin(exclusive=True) as connection:
            schema.metadata.create_all(connection)
            if connection.scalar(sa.select(sa.func.count()).select_from(schema.versions)) == 0:
                connection.execute(schema.versions.insert().values(version=schema.VERSION))

    def _check(self) -> None:
        """Migrate a store of an older version; raise unless the file is empty or a store."""
        with self.begin() as connection:
            names = set(sa.inspect(connection).get_table_names())
            if not names:
                return
            if schema.versions.name not in names:
                raise StoreError(
                    f"{self.location} is a database, but not a store of reinas: choose another file"
                )
            version = connection.scalar(sa.select(schema.versions.c.version))
        if version in range(migrations.OLDEST, schema.VERSION):
            if self._is_read_only:
                raise StoreError(
                    f"{self.location} is of an earlier version and is only read here: open it"
                    " once with a command that may write, such as `reinas list`"
                )
            with self.begin(exclusive=True) as connection:
                migrations.migrate(connection)
        elif version != schema.VERSION:
            raise StoreError(
                f"{self.location} has store version {version}, and this reinas reads version"
                f" {schema.VERSION}: use the reinas that made it, or another file"
            )

    @property
    def is_empty(self) -> bool:
        """Whether there is no file, or one without tables, and so without studies."""
        if not self.path.exists():
            return True
        with self.begin() as connection:
            return not sa.inspect(connection).has_table(schema.searches.name)

    def names(self) -> list[str]:
        """The names of all studies, oldest first."""
        if self.is_empty:
            return []
        query = sa.select(schema.searches.c.name).order_by(schema.searches.c.id)
        with self.begin() as connection:
            return list(connection.scalars(query))

    def find(self, name: str) -> SqlRecord | None:
        """Look up a study.

        Args:
            name: The study's name.

        Returns:
            Its record, or None if there is no study of that name.
        """
        if self.is_empty:
            return None
        query = sa.select(schema.searches).where(schema.searches.c.name == name)
        with self.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        settings = self._checked(row.name, row.settings)
        return SqlRecord(self.begin, row.id, row.name, settings, row.trials, row.created)

    def _checked(self, name: str, settings: Any) -> dict[str, Any]:
        if isinstance(settings, dict):
            return settings
        raise StoreError(
            f"{self.location} is damaged: the settings of '{name}' are none; restore a copy of it,"
            " or choose another file"
        )

    def create(self, name: str, settings: dict[str, Any], trials: int) -> None:
        """Create a study, unless there is one of that name.

        Args:
            name: The study's name.
            settings: Everything that changes its results, as JSON has it.
            trials: Its budget.
        """
        if self.is_empty:
            self._create()
        row = {"name": name, "settings": settings, "trials": trials, "created": now()}
        s = schema.searches
        there = sa.select(s.c.id).where(s.c.name == name)
        with self.begin(exclusive=True) as connection:
            if connection.execute(there).one_or_none() is None:
                connection.execute(s.insert().values(row))

    def checkpoints(self, name: str) -> Path:
        """The study's folder in the one beside the store.

        Args:
            name: The study's name.
        """
        # quoted, since a name may have characters that no folder's name can have
        folder = quote(name, safe="").replace(".", "%2E")
        if len(folder) > LONGEST_NAME:
            folder = _digest(name)
        return Path(f"{self.path}.checkpoints") / folder

    def runs(self) -> Runs:
        """The finished runs of all comparisons."""
        if self.is_empty:
            self._create()
        return Runs(self.begin)

    def summaries(self) -> list[Summary]:
        """All studies and their progress, oldest first."""
        if self.is_empty:
            return []
        t, s = schema.trials.c, schema.searches.c
        query = (
            sa.select(
                schema.searches,
                sa.func.count(t.finished).label("finished"),
                sa.func.count(t.error).label("failed"),
                sa.func.max(t.reward).label("best"),
            )
            .select_from(schema.searches.outerjoin(schema.trials, t.search == s.id))
            .group_by(s.id)
            .order_by(s.id)
        )
        with self.begin() as connection:
            rows = connection.execute(query).all()
        every = [(row, self._checked(row.name, row.settings)) for row in rows]
        return [
            Summary(
                name=row.name,
                space=_named(settings, "space"),
                task=_named(settings.get("evaluator", {}), "task"),
                policy=_named(settings, "policy"),
                trials=row.trials,
                finished=row.finished,
                failed=row.failed,
                best=row.best,
                created=row.created,
            )
            for row, settings in every
        ]

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the exclusive lock on a study; the system frees it when the process dies.

        Args:
            name: The study's name.

        Raises:
            BusyError: Another process holds it.
            StoreError: The store's folder is not writable.
        """
        # a digest, since a study's name may be too long or have characters no file name can have
        try:
            with self._hold(_digest(name), timeout=0):
                yield
        except Timeout:
            raise BusyError(
                f"another process is working on search '{name}' in {self.location}:"
                " wait for it or stop it; what it has finished is kept"
            ) from None

    def working(self, name: str) -> bool:
        """Whether a process holds the lock on a study at the moment.

        Args:
            name: The study's name.
        """
        try:
            with self.lock(name):
                return False
        except BusyError:
            return True
        except StoreError:  # the folder is not writable, so no process holds a lock
            return False

    @contextmanager
    def _hold(self, word: str, timeout: float = -1) -> Iterator[None]:
        """Hold a lock on a file beside the store, and remove the file afterwards."""
        lock = FileLock(f"{self.path}.{word}.lock")
        try:
            lock.acquire(timeout=timeout)
        except Timeout:  # an OSError too, but the caller handles it
            raise
        except OSError as error:
            raise StoreError(
                f"{self.location} cannot be locked for writing ({error.strerror or error}):"
                " choose a file in a folder that can be written"
            ) from error
        try:
            yield
        finally:
            # Remove the file before the lock is released: FileLock checks that the file it locked
            # still exists, so a process that waits for this one opens a new file.
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def close(self) -> None:
        """Close all connections to the file."""
        self._engine.dispose()


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()


def _named(settings: dict[str, Any], key: str) -> str:
    value = settings.get(key)
    return str(value.get("name", "-")) if isinstance(value, dict) else "-"
