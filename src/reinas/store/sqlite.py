"""A store in an SQLite file: the file, its journal mode, transactions, locks and errors."""

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.engine import Connection

from reinas.errors import SettingError, StoreError
from reinas.store.database import AbstractDatabase, AbstractEye, Mark
from reinas.system import network_file_system

PREFIX = "sqlite:///"
PATIENCE = 10.0
"""Seconds for which a transaction waits for another one."""
CURES = {
    "not a database": "is not a database: choose another file",
    "malformed": "is damaged: restore a copy of it, or choose another file",
    "decode to UTF-8": "is damaged: restore a copy of it, or choose another file",
    "readonly": "is read-only: make it and its folder writable, or choose another file",
    "is full": "is on a full disk: make room, then resume; what was finished is kept",
    "disk I/O error": "cannot be read or written (the disk reports an error): see to the disk,"
    " then resume; what was finished is kept",
    "unable to open": "cannot be opened: check the path and its permissions",
    "locked": "is locked by another program: close it, then resume",
}


def path_of(location: str) -> Path:
    """The path of the file in a store's location.

    Args:
        location: A path, or sqlite:///PATH.

    Raises:
        SettingError: The location is a URL of another kind.
        StoreError: It is empty or a folder, or the folder around it does not exist.
    """
    if location.startswith(PREFIX):
        location = location.removeprefix(PREFIX)
    elif "://" in location:
        raise SettingError(
            f"store: expected a file, {PREFIX}FILE or postgresql+psycopg://HOST/DATABASE, got"
            f" {location.partition('://')[0] + '://...'!r}"
        )
    if location == ":memory:":
        raise StoreError("store: ':memory:' would be gone with the command: give a file")
    path = Path(location)
    if re.search(r":[^/]*@|:/", location) and not path.parent.is_dir():
        raise SettingError(
            "store: what was given looks like an address; those begin with postgresql+psycopg://"
        )
    if not location.strip() or path.is_dir() or location.endswith(("/", os.sep)):
        raise StoreError(f"store: expected a file, got {location!r}")
    if not path.absolute().parent.is_dir():
        raise StoreError(f"store: there is no folder {path.absolute().parent}: make it first")
    return path


class SqliteFile(AbstractDatabase):
    """One file, which is created at the first write.

    Args:
        path: The file.
        read_only: Whether SQLite refuses every write.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(str(path), str(path), read_only=read_only)
        self._path = path
        self._immutable = False
        self._file: tuple[int, int] | None = None
        # creator: whether the file can be locked is seen when it is opened
        self._engine = sa.create_engine("sqlite://", creator=self._connect, poolclass=sa.QueuePool)

        self._writer = self._engine.execution_options(writing=True)

        @sa.event.listens_for(self._engine, "begin")
        def _begin(connection: Connection) -> None:
            writing = connection.get_execution_options().get("writing")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    def _connect(self) -> sqlite3.Connection:
        self._immutable = self._is_still()
        connection = _opened(self._path, self.is_read_only, self._immutable)
        connection.isolation_level = None  # transactions begin in `_begin`, not in sqlite3
        connection.execute(f"PRAGMA busy_timeout = {round(1000 * PATIENCE)}")
        if not self.is_read_only and (not self._path.exists() or os.access(self._path, os.W_OK)):
            # commits survive the death of any process; a power cut may undo the last of them,
            # and then a search repeats that work
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _is_still(self) -> bool:
        """Whether nobody can write: SQLite could not even lock a file on read-only media."""
        if not self._path.exists() or os.access(self._path.absolute().parent, os.W_OK):
            return False
        log = Path(f"{self._path}-wal")
        return not log.exists() or log.stat().st_size == 0

    def exists(self) -> bool:
        """Whether there is a file."""
        return self._path.exists()

    def prepare(self) -> None:
        """Switch the file to write-ahead logging, so that readers never wait for a writer.

        Its index is in memory that processes share, which no network file system has: there the
        journal is a file.
        """
        mode = "TRUNCATE" if network_file_system(self._path) else "WAL"
        try:
            with self.lock("new", patience=-1):
                _use_journal(self._path, mode)
        except sqlite3.OperationalError as error:
            raise StoreError(f"{self._path} cannot be made a store: {error}") from error

    @contextmanager
    def transaction(self, *, writing: bool, study: int) -> Iterator[Connection]:
        """One transaction on the file, which is locked as a whole."""
        if self._file is not None and self._found() != self._file:
            raise StoreError(
                f"{self.location} was deleted, emptied or replaced while it was in use: put it"
                " back, or begin anew"
            )
        if self._immutable and not self._is_still():
            self._engine.dispose()  # somebody writes now
        with (self._writer if writing else self._engine).begin() as connection:
            yield connection
        if self._file is None:
            self._file = self._found()

    def _found(self) -> tuple[int, int] | None:
        """Which file is there now; None where none is, or an empty one."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if found.st_size else None

    def explain(self, error: sa.exc.DBAPIError) -> str:
        """An error, and what to do about it, in one sentence."""
        return self._sentence(str(error.orig))

    def _sentence(self, text: str) -> str:
        for sign, cure in CURES.items():
            if sign in text:
                return f"{self.location} {cure}"
        return f"{self.location} cannot be used: {text}"

    @contextmanager
    def lock(self, word: str, patience: float = 0) -> Iterator[None]:
        """Hold a lock on a file beside the store, and remove the file afterwards.

        Args:
            word: What is locked.
            patience: Seconds to wait for it; any number below 0 for as long as it takes.
        """
        lock = FileLock(f"{self._path}.{word}.lock")
        try:
            lock.acquire(timeout=patience)
        except Timeout:  # an OSError and a TimeoutError
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

    def eye(self) -> AbstractEye:
        """Looks at the file."""
        return FileEye(self._path)

    def size(self) -> int:
        """The file's size with that of its log."""
        files = [self._path, Path(f"{self._path}-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def compact(self) -> None:
        """Write the file anew, without what was deleted, and empty its log."""
        try:
            with self._engine.connect() as connection:
                cursor = connection.connection.cursor()  # neither works within a transaction
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                cursor.close()
        except sqlite3.Error as error:
            raise StoreError(self._sentence(str(error))) from error

    def problems(self) -> list[str]:
        """What SQLite's own checks of pages, indices and references find."""
        with self.transaction(writing=False, study=0) as connection:
            pages = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        found = [f"the file is damaged: {page}" for page in pages if page != "ok"]
        return found + [f"row {row[1]} of {row[0]} is of no search" for row in lost]

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def notes(self) -> tuple[str, ...]:
        """Where locks are not to be relied on."""
        kind = network_file_system(self._path)
        if kind is None:
            return ()
        return (
            f"{self.location} is on a network file system ({kind}), which SQLite can use from one"
            " machine at a time: for several, take a PostgreSQL store",
        )

    @property
    def folder(self) -> Path:
        """The folder of checkpoints, beside the file."""
        return Path(f"{self._path}.checkpoints")

    def close(self) -> None:
        """Close all connections to the file."""
        self._engine.dispose()


class FileEye(AbstractEye):
    """Tells which file is at a path, and whether its data are other ones.

    Each has a connection of its own, since SQLite counts versions by connection.

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
        self._connection = _opened(self._path, read_only=True, immutable=False)
        self._inode = inode

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def remove(path: Path) -> None:
    """Remove a store that nobody has open, with what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def _opened(path: Path, read_only: bool, immutable: bool) -> sqlite3.Connection:
    # as_uri quotes what a path may have and a URI may not
    address = path.absolute().as_uri()
    if read_only or immutable:
        address += "?mode=ro" + ("&immutable=1" if immutable else "")
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def _use_journal(path: Path, mode: str) -> None:
    """Set a file's journal mode for good.

    SQLite does not wait for a lock here by itself, so this tries again for about five seconds.
    """
    for last in [False] * 100 + [True]:
        try:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute(f"PRAGMA journal_mode = {mode}")
            return
        except sqlite3.OperationalError as error:
            if last or "locked" not in str(error):
                raise
            time.sleep(0.05)
