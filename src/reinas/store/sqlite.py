"""What is specific to SQLite: the file, its journal mode, transactions and errors."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from reinas.errors import SettingError, StoreError

PREFIX = "sqlite:///"


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
        raise SettingError(f"store: expected a file or {PREFIX}FILE, got {location!r}")
    path = Path(location)
    if not location or path.is_dir():
        raise StoreError(f"store: expected a file, got {location!r}")
    if not path.absolute().parent.is_dir():
        raise StoreError(f"store: there is no folder {path.absolute().parent}: make it first")
    return path


def use_wal(path: Path) -> None:
    """Switch a file to write-ahead logging for good, so that readers never wait for a writer.

    SQLite does not wait for a lock here by itself, so this tries again for about five seconds.

    Args:
        path: The database.

    Raises:
        StoreError: The mode cannot be set.
    """
    for last in [False] * 100 + [True]:
        try:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if last or "locked" not in str(error):
                raise StoreError(f"{path} cannot be made a store: {error}") from error
            time.sleep(0.05)


def engine(path: Path, *, read_only: bool = False) -> Engine:
    """An SQLAlchemy engine whose transactions include table definitions.

    By default, Python's sqlite3 begins no transaction before it creates a table.

    Args:
        path: The database.
        read_only: Whether SQLite refuses every write.
    """
    url = sa.URL.create("sqlite", database=str(path))
    if read_only:
        # as_uri quotes what a path may have and a URI may not
        query = {"mode": "ro", "uri": "true"}
        url = sa.URL.create("sqlite", database=path.absolute().as_uri(), query=query)
    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # transactions begin in `_begin`, not in sqlite3
        connection.execute("PRAGMA busy_timeout = 10000")
        if not read_only and (not path.exists() or os.access(path, os.W_OK)):
            # commits survive the death of any process; a power cut may undo the last of them,
            # and then a search repeats that work
            connection.execute("PRAGMA synchronous = NORMAL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        exclusive = connection.get_execution_options().get("exclusive")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if exclusive else "BEGIN")

    return engine


def explain(location: str, error: sa.exc.DBAPIError) -> str:
    """Describe a database error, and what to do about it, in one sentence.

    Args:
        location: The store's location.
        error: The error from SQLAlchemy.
    """
    text = str(error.orig)
    cures = {
        "not a database": "is not a database: choose another file",
        "malformed": "is damaged: restore a copy of it, or choose another file",
        "readonly": "is read-only: make it and its folder writable, or choose another file",
        "is full": "is on a full disk: make room, then resume; what was finished is kept",
        "unable to open": "cannot be opened: check the path and its permissions",
        "locked": "is locked by another program: close it, then resume",
    }
    for sign, cure in cures.items():
        if sign in text:
            return f"{location} {cure}"
    return f"{location} cannot be used: {text}"
