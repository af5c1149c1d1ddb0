"""A store in a database."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from reinas.errors import BusyError, OutdatedStoreError, StoreError
from reinas.store import migrations, schema
from reinas.store.base import AbstractStore
from reinas.store.database import AbstractDatabase
from reinas.store.databases import database_of
from reinas.store.json import now
from reinas.store.runs import Runs
from reinas.store.sql_record import SqlRecord
from reinas.store.summaries import Summary, summaries
from reinas.system import uninterrupted

LONGEST_NAME = 200  # characters; file systems take 255
PARTS = ("space", "policy", "evaluator")
"""Settings that have settings of their own."""


class Store(AbstractStore):
    """Studies in an SQLite file, or on a PostgreSQL server; created at the first write.

    Args:
        location: A path, sqlite:///PATH, or postgresql+psycopg://USER@HOST/DATABASE, with
            ?schema=NAME where the tables are not to be in the schema `reinas`. A server is for
            teams: any number of machines search in one store at once.
        read_only: Whether nothing is ever written, not even to bring an older store up to date.

    Raises:
        SettingError: The location is a URL of another kind, or psycopg is not installed.
        OutdatedStoreError: It is read-only and of an earlier version.
        StoreError: The location cannot be a file, or what is there is not a store that this
            version of reinas can read.
    """

    def __init__(self, location: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.database: AbstractDatabase = database_of(location, read_only=read_only)
        if self.database.exists():
            self._check()

    @property
    def path(self) -> Path | None:
        """The file; None on a server."""
        return self.database.path

    @property
    def location(self) -> str:
        """The file's path, or the server's address without its password."""
        return self.database.location

    @contextmanager
    def begin(self, *, writing: bool = False, study: int = 0) -> Iterator[Connection]:
        """Run the `with` block as one transaction.

        Args:
            writing: Whether it writes; what was read in it then stays true until its end.
            study: The number of the study that it writes to; 0 for all.

        Yields:
            The connection.

        Raises:
            StoreError: The database failed; the message says what to do.
        """
        with (
            self.explained(),
            uninterrupted(),
            self.database.transaction(writing=writing, study=study) as connection,
        ):
            yield connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Within the block, what the database raises is a `StoreError`."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise StoreError(self.database.explain(error)) from error
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise StoreError(
                f"{self.location} is damaged: what should be JSON or text in it is none; restore a"
                " copy of it, or choose another file"
            ) from None

    def _create(self) -> None:
        with self.explained():
            self.database.prepare()
        with self.begin(writing=True) as connection:
            schema.metadata.create_all(connection)
            if connection.scalar(sa.select(sa.func.count()).select_from(schema.versions)) == 0:
                connection.execute(schema.versions.insert().values(version=schema.VERSION))

    def _check(self) -> None:
        """Migrate a store of an older version; raise unless the database is empty or a store."""
        with self.begin() as connection:
            names = set(sa.inspect(connection).get_table_names())
            if not names:
                return
            if schema.versions.name not in names:
                raise StoreError(
                    f"{self.location} is a database, but not a store of reinas: choose another one"
                )
            version = connection.scalar(sa.select(schema.versions.c.version))
        if version in range(migrations.OLDEST, schema.VERSION):
            if self.database.is_read_only:
                raise OutdatedStoreError(
                    f"{self.location} is of an earlier version and is only read here: open it"
                    " once with a command that may write, such as `reinas store check`"
                )
            with self.begin(writing=True) as connection:
                migrations.migrate(connection)
        elif version is None:
            raise StoreError(f"{self.location} is damaged: it has lost its version; restore a copy")
        elif version != schema.VERSION:
            raise StoreError(
                f"{self.location} has store version {version}, and this reinas reads version"
                f" {schema.VERSION}: use the reinas that made it, or another file"
            )

    @property
    def is_empty(self) -> bool:
        """Whether there is no database, or one without tables, and so without studies."""
        if not self.database.exists():
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
        settings = self._checked(row)
        begin = partial(self.begin, study=row.id)
        return SqlRecord(begin, row.id, row.name, settings, row.trials, row.created)

    def _checked(self, row: sa.Row[Any]) -> dict[str, Any]:
        """A study's settings, where its row can be one."""
        settings: Any = row.settings
        if not isinstance(row.trials, int):
            raise StoreError(f"{self.location} is damaged: the budget of '{row.name}' is no number")
        if isinstance(settings, dict) and all(
            isinstance(settings.get(part, {}), dict) for part in PARTS
        ):
            return settings
        raise StoreError(
            f"{self.location} is damaged: the settings of '{row.name}' are none; restore a copy of"
            " it, or choose another file"
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
        with self.begin(writing=True) as connection:
            if connection.execute(there).one_or_none() is None:
                connection.execute(s.insert().values(row))

    def checkpoints(self, name: str) -> Path | None:
        """The study's folder in the one beside the file; None on a server, which has none.

        Args:
            name: The study's name.
        """
        if self.database.folder is None:
            return None
        # quoted, since a name may have characters that no folder's name can have
        folder = quote(name, safe="").replace(".", "%2E")
        if len(folder) > LONGEST_NAME:
            folder = _digest(name)
        return self.database.folder / folder

    def runs(self) -> Runs:
        """The finished runs of all comparisons."""
        if self.is_empty:
            self._create()
        return Runs(self.begin)

    def summaries(self) -> list[Summary]:
        """All studies and their progress, oldest first."""
        if self.is_empty:
            return []
        with self.begin() as connection:
            return summaries(connection, self._checked)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the exclusive lock on a study; it is freed when the process dies.

        Args:
            name: The study's name.

        Raises:
            BusyError: Another process holds it.
            StoreError: The store's folder is not writable.
        """
        # a digest, since a study's name may be too long or have characters no file name can have
        with ExitStack() as held:
            try:
                held.enter_context(self.database.lock(_digest(name)))
            except TimeoutError:
                raise BusyError(
                    f"another process is working on search '{name}' in {self.location}:"
                    " wait for it or stop it; what it has finished is kept"
                ) from None
            yield

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

    def compact(self) -> None:
        """Give back the space of what was deleted.

        Raises:
            StoreError: Somebody else uses the database, or it cannot be written.
        """
        with self.explained():
            self.database.compact()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def opened_to_read(location: str | os.PathLike[str]) -> Store:
    """A store that is only read; one of an earlier version is brought up to date first.

    Args:
        location: As `Store` takes it.
    """
    try:
        return Store(location, read_only=True)
    except OutdatedStoreError:
        Store(location).close()
        return Store(location, read_only=True)
