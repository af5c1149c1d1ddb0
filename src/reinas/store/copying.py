"""A store as a whole in another place: a backup, or the way from a file to a server and back."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from reinas.errors import FileError, StoreError
from reinas.store import schema, sqlite
from reinas.store.store import Store

CHUNK = 1000
"""Rows that are in memory at a time."""


def copy(
    store: Store,
    target: str | os.PathLike[str],
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[int, int]:
    """Copy everything as it is at this moment, while searches go on.

    Args:
        store: What is copied.
        target: Where to: a file or a server's address, with nothing there yet.
        advance: Is called with how many rows were copied, and how many there are.

    Returns:
        How many searches were copied, and how many runs of comparisons. The checkpoints of
        children that pause are copied from file to file; without them they train anew.

    Raises:
        StoreError: There is a store at the target, or one of the two cannot be used.
    """
    other = Store(target)
    if not other.is_empty and (other.names() or other.runs().since("")):
        raise StoreError(f"{other.location} is a store with something in it: choose another place")
    is_new = other.path is not None and not other.path.exists()
    try:
        other.runs()  # makes the tables
        _copy_tables(store, other, advance)
        copied = len(other.names()), len(other.runs().since(""))
        _copy_checkpoints(store.database.folder, other.database.folder)
    except BaseException:
        other.close()
        if is_new and other.path is not None:  # on a server empty tables stay
            sqlite.remove(other.path)
        raise
    other.close()
    return copied


def _copy_tables(store: Store, other: Store, advance: Callable[[int, int], None]) -> None:
    """All rows in one transaction, which Ctrl-C may interrupt: the place is emptied then."""
    tables = [table for table in schema.metadata.sorted_tables if table is not schema.versions]
    with (
        other.explained(),
        other.database.transaction(writing=True, study=0) as place,
        store.explained(),
        store.database.transaction(writing=False, study=0) as source,
    ):
        counts = [source.scalar(sa.select(sa.func.count()).select_from(t)) or 0 for t in tables]
        done = 0
        for table in tables:
            for rows in _rows(table, source):
                with other.explained():
                    place.execute(table.insert(), rows)
                done += len(rows)
                advance(done, sum(counts))
        if place.dialect.name == "postgresql":
            _continue_numbers(place)


def _rows(table: sa.Table, source: Connection) -> Iterator[list[dict[str, Any]]]:
    query = sa.select(table).order_by(*table.primary_key.columns)
    with source.execution_options(yield_per=CHUNK).execute(query) as found:
        for rows in found.mappings().partitions():
            yield [dict(row) for row in rows]


def _continue_numbers(place: Connection) -> None:
    """PostgreSQL counts by itself only the rows that it has numbered itself."""
    for table in schema.metadata.sorted_tables:
        for column in table.primary_key.columns:
            if column.name == "id":
                last = sa.select(sa.func.max(column)).scalar_subquery()
                counter = sa.func.pg_get_serial_sequence(table.name, column.name)
                place.execute(sa.select(sa.func.setval(counter, sa.func.coalesce(last, 1))))


def _copy_checkpoints(source: Path | None, target: Path | None) -> None:
    if source is None or target is None or not source.is_dir():
        return
    try:
        shutil.copytree(source, target, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    except shutil.Error as error:  # tells of each file
        lost = [why for _, _, why in error.args[0] if "No such file" not in str(why)]
        if lost:  # others belong to children that have ended meanwhile
            raise FileError(f"{target} cannot be written: {lost[0]}") from None
    except OSError as error:
        raise FileError(f"{target} cannot be written: {error.strerror}") from error
