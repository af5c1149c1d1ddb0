"""A database of searches."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.engine import Connection

from reinas.errors import BusyError, SettingError, StoreError, UnknownSearchError, nearest
from reinas.store import schema, sqlite
from reinas.store.json import now
from reinas.store.runs import Runs
from reinas.store.sql_record import Log


@dataclass(frozen=True, slots=True)
class Summary:
    """One search in a listing."""

    name: str
    space: str
    task: str
    policy: str
    trials: int
    finished: int
    failed: int
    best: float | None
    created: str


class Store:
    """Searches in one SQLite file, given as a path or as sqlite:///PATH; None keeps it in memory.

    The file is made when something is first written. Opening one that is not a database, or is
    of another version of reinas, raises `StoreError`.
    """

    def __init__(self, location: str | os.PathLike[str] | None) -> None:
        self.path = None if location is None else sqlite.path_of(os.fspath(location))
        self._engine = sqlite.engine(self.path)
        if self.path is None:
            self._create()
        elif self.path.exists():
            self._check()

    @property
    def location(self) -> str:
        """Where it is, in words for people."""
        return "memory" if self.path is None else str(self.path)

    @contextmanager
    def begin(self, *, exclusive: bool = False) -> Iterator[Connection]:
        """One transaction; the database's errors become `StoreError`s with a way out.

        An exclusive one lets nobody write between what it reads and what it writes.
        """
        try:
            with self._engine.execution_options(exclusive=exclusive).begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise StoreError(sqlite.explain(self.location, error)) from error

    def _create(self) -> None:
        if self.path is not None:
            with self._hold("new"):
                sqlite.use_wal(self.path)
        with self.begin(exclusive=True) as connection:
            schema.metadata.create_all(connection)
            if connection.scalar(sa.select(sa.func.count()).select_from(schema.versions)) == 0:
                connection.execute(schema.versions.insert().values(version=schema.VERSION))

    def _check(self) -> None:
        """Raise unless the file is an empty database or one of this version."""
        with self.begin() as connection:
            names = set(sa.inspect(connection).get_table_names())
            if not names:
                return
            if schema.versions.name not in names:
                raise StoreError(
                    f"{self.location} is a database, but not one of reinas:"
                    " give another file with --store"
                )
            version = connection.scalar(sa.select(schema.versions.c.version))
        if version in range(schema.ADDED_SINCE, schema.VERSION):
            self._migrate()
        elif version != schema.VERSION:
            raise StoreError(
                f"{self.location} is of store version {version}, and this reinas reads version"
                f" {schema.VERSION}: use the reinas that made it, or another file with --store"
            )

    def _migrate(self) -> None:
        """Add the tables that an older version did not have."""
        with self.begin(exclusive=True) as connection:
            schema.metadata.create_all(connection)
            connection.execute(schema.versions.update().values(version=schema.VERSION))

    @property
    def _empty(self) -> bool:
        """Whether there is no file, or one without tables: then there are no searches."""
        if self.path is not None and not self.path.exists():
            return True
        with self.begin() as connection:
            return not sa.inspect(connection).has_table(schema.searches.name)

    def names(self) -> list[str]:
        """The names of all searches, oldest first."""
        if self._empty:
            return []
        query = sa.select(schema.searches.c.name).order_by(schema.searches.c.id)
        with self.begin() as connection:
            return list(connection.scalars(query))

    def get(self, name: str) -> Log:
        """The search of that name; `UnknownSearchError` if there is none."""
        query = sa.select(schema.searches).where(schema.searches.c.name == name)
        if not self._empty:
            with self.begin() as connection:
                row = connection.execute(query).one_or_none()
            if row is not None:
                return Log(self.begin, row.id, row.name, row.settings, row.trials, row.created)
        names = self.names()
        hint = nearest(name, names) if names else "it holds none yet"
        raise UnknownSearchError(f"no search '{name}' in {self.location}: {hint}")

    def free_name(self, stem: str) -> str:
        """The first of stem, stem-2, stem-3, ... that no search has."""
        taken = set(self.names())
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        return next(name for name in names if name not in taken)

    def put(self, name: str, settings: dict[str, Any], trials: int) -> Log:
        """A new search, or the one of that name if its settings are the same.

        More trials than before raise its budget. `SettingError` names the settings that differ.
        """
        if not name:
            raise SettingError("a search's name needs at least one character, got ''")
        if self._empty:
            self._create()
        if name not in self.names():
            row = {"name": name, "settings": settings, "trials": trials, "created": now()}
            with self.begin() as connection:
                connection.execute(schema.searches.insert().values(row))
        log = self.get(name)
        differing = _differences(log.settings, settings)
        if differing and all(text.startswith("evaluator.data ") for text in differing):
            raise SettingError(
                f"the data of search '{name}' in {self.location} have changed since it began: put"
                " them back, or search anew under another --name"
            )
        if differing:
            raise SettingError(
                f"search '{name}' in {self.location} exists with other settings ("
                + "; ".join(differing)
                + "): give another --name, or `reinas resume` it as it is"
            )
        if trials > log.trials:
            log.raise_budget(trials)
            log = self.get(name)
        return log

    def runs(self) -> Runs:
        """The finished runs of comparisons, whatever they belong to."""
        if self._empty:
            self._create()
        return Runs(self.begin)

    def summaries(self) -> list[Summary]:
        """All searches with how far they are, oldest first."""
        if self._empty:
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
        return [
            Summary(
                name=row.name,
                space=_named(row.settings, "space"),
                task=_named(row.settings.get("evaluator", {}), "task"),
                policy=_named(row.settings, "policy"),
                trials=row.trials,
                finished=row.finished,
                failed=row.failed,
                best=row.best,
                created=row.created,
            )
            for row in rows
        ]

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the search alone; the system frees it at once when the process dies.

        `BusyError` where another process holds it.
        """
        if self.path is None:
            yield
            return
        # a digest, since a name may be too long for a file or hold what a file's may not
        digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
        try:
            with self._hold(digest, timeout=0):
                yield
        except Timeout:
            raise BusyError(
                f"another process is working on search '{name}' in {self.location}:"
                " wait for it or stop it; what it has finished is kept"
            ) from None

    def working(self, name: str) -> bool:
        """Whether some process is working on the search at the moment, as far as can be told."""
        try:
            with self.lock(name):
                return False
        except BusyError:
            return True
        except StoreError:  # in a folder that cannot be written nobody can
            return False

    @contextmanager
    def _hold(self, word: str, timeout: float = -1) -> Iterator[None]:
        """Hold a file lock beside the store; it is gone afterwards."""
        lock = FileLock(f"{self.path}.{word}.lock")
        try:
            lock.acquire(timeout=timeout)
        except Timeout:  # one of the OSErrors, but not a fault
            raise
        except OSError as error:
            raise StoreError(
                f"{self.location} cannot be locked for writing ({error.strerror or error}):"
                " give a file in a folder that can be written with --store"
            ) from error
        try:
            yield
        finally:
            # Held while it is removed: who opened the file before notices that it is gone.
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def _named(settings: dict[str, Any], key: str) -> str:
    value = settings.get(key)
    return str(value.get("name", "-")) if isinstance(value, dict) else "-"


def _flat(settings: Any, head: str = "") -> dict[str, Any]:
    if not isinstance(settings, dict):
        return {head: settings}
    result: dict[str, Any] = {}
    for key, value in settings.items():
        result |= _flat(value, f"{head}.{key}" if head else key)
    return result


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Sentences like 'policy.learning_rate is 0.1, not 0.2', old value first."""
    before, after = _flat(old), _flat(new)
    return [
        f"{key} is {before.get(key, 'not set')}, not {after.get(key, 'set')}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
