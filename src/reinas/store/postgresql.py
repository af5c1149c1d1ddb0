"""A store on a PostgreSQL server, for several machines."""

import hashlib
import os
import re
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from reinas.errors import SettingError, StoreError
from reinas.store.database import AbstractDatabase, AbstractEye, Mark

SCHEMES = ("postgresql", "postgresql+psycopg", "postgres")
SCHEMA = "reinas"
"""The schema of the tables, unless the address names another: ?schema=NAME."""
SETTINGS: dict[str, Any] = {
    "connect_timeout": 10,
    # a machine that is gone is noticed, and what it locked is freed
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
PASSWORD = re.compile(r"((?:^|&)[^=&]*pass[^=&]*=)[^&]*", re.IGNORECASE)
CURES = {
    "invalid connection option": "has a parameter that PostgreSQL does not know: see the address",
    "lock timeout": "is locked by another program: close it, then resume",
    "read-only transaction": "is read-only: ask for the right to write, or choose another store",
    "permission denied": "does not let this user do that: ask for the rights that are missing"
    " (CREATE on the database; or USAGE on the schema, and SELECT, INSERT, UPDATE and DELETE on its"
    " tables)",
    "must be owner": "is of an earlier version, and only the owner of its tables can bring it up to"
    " date: let them open it once",
    "No space left": "is on a full disk: make room, then resume; what was finished is kept",
    "could not extend": "is on a full disk: make room, then resume; what was finished is kept",
    "password": "does not know this user or password: see the address, or ~/.pgpass",
    "does not exist": "does not have that database or user: create it, or see the address",
    "resolve host": "cannot be reached: there is no host of that name",
    "connection": "cannot be reached: see whether the server runs and the address is right;"
    " what was finished is kept",
}


def is_address(location: str) -> bool:
    """Whether a location names a PostgreSQL server."""
    return location.partition("://")[0] in SCHEMES and "://" in location


class PostgresqlServer(AbstractDatabase):
    """One schema of a database on a server.

    Args:
        address: postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE?schema=SCHEMA, where all
            but the host or the database may be left out, as in libpq's own addresses.
        read_only: Whether the server refuses every write.

    Raises:
        SettingError: The address is no address, or psycopg is not installed.
    """

    def __init__(self, address: str, *, read_only: bool = False) -> None:
        url, self._schema = _parsed(address)
        super().__init__(address, shown(address), read_only=read_only)
        options = [f"search_path={self._schema}", "lock_timeout=10000"]
        given = url.query.get("options", "")
        settings = {
            **SETTINGS,
            "application_name": "reinas",
            "options": " ".join([str(given), *(f"-c {option}" for option in options)]).strip(),
        }
        bare = url.difference_update_query(["options"])
        try:
            self._engine = sa.create_engine(bare, connect_args=settings)
        except ImportError:
            raise SettingError(
                "store: a PostgreSQL store needs psycopg: install it with"
                " `pip install 'reinas[postgresql]'`"
            ) from None
        self._reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._writer = self._engine.execution_options(isolation_level="READ COMMITTED")
        self._apart = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # closed with the store, however that is given up; a fork is not its owner
        weakref.finalize(self, self._engine.dispose)
        _forget_after_fork(self._engine)

    def exists(self) -> bool:
        """A server is always asked.

        Raises:
            StoreError: The server cannot be reached, or this user may not see what is there.
        """
        query = sa.text(
            "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = :schema"
        )
        try:
            with self._reader.begin() as connection:
                readable = connection.scalar(query, {"schema": self._schema})
        except sa.exc.DBAPIError as error:
            raise StoreError(self.explain(error)) from error
        if readable is False:
            raise StoreError(
                f"{self.location}: this user may not read the schema '{self._schema}': ask its"
                f" owner for GRANT USAGE ON SCHEMA {self._schema}, and for rights on its tables"
            )
        return True

    def prepare(self) -> None:
        """Make the schema."""
        with self.transaction(writing=True, study=0) as connection:
            connection.execute(sa.schema.CreateSchema(self._schema, if_not_exists=True))

    @contextmanager
    def transaction(self, *, writing: bool, study: int) -> Iterator[Connection]:
        """One transaction: one that writes to a study waits for others that do.

        One that only reads sees the data as they were when it began. Eyes are notified when one
        that writes commits.
        """
        writing = writing and not self.is_read_only
        with (self._writer if writing else self._reader).begin() as connection:
            if writing:
                space = _number(self._schema, 4)
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(space, study)))
                connection.execute(sa.select(sa.func.pg_notify(self._channel, "")))
            yield connection

    @property
    def _channel(self) -> str:
        return f"reinas_{_number(self._schema, 8) & (2**64 - 1):x}"

    def explain(self, error: sa.exc.DBAPIError) -> str:
        """An error, and what to do about it, in one sentence."""
        text = str(error.orig)
        for sign, cure in CURES.items():
            if sign in text:
                return f"{self.location} {cure}"
        first = text.strip().partition("\n")[0]
        return f"{self.location} cannot be used: {first}"

    @contextmanager
    def lock(self, word: str) -> Iterator[None]:
        """Hold a lock of the server's, which ends with this process's connection."""
        key = _number(f"{self._schema}/{word}", 8)
        try:
            connection = self._apart.connect()
        except sa.exc.DBAPIError as error:
            raise StoreError(self.explain(error)) from error
        with connection:
            if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
                raise TimeoutError(word)
            try:
                yield
            finally:
                with suppress(sa.exc.DBAPIError):  # the server has freed it if it is gone
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))

    def eye(self) -> AbstractEye:
        """Listens to what `transaction` tells."""
        return _ServerEye(self._engine, self._channel)

    def size(self) -> int:
        """The size of the schema's tables with their indices."""
        query = sa.text(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = :schema AND c.relkind = 'r'"
        )
        with self.transaction(writing=False, study=0) as connection:
            return int(connection.scalar(query, {"schema": self._schema}) or 0)

    def compact(self) -> None:
        """Write the tables anew, without what was deleted.

        Raises:
            StoreError: The server has skipped tables, which it only warns of.
        """
        said: list[str] = []

        def note(diagnostic: Any) -> None:
            if diagnostic.severity_nonlocalized == "WARNING":
                said.append(diagnostic.message_primary)

        with self._apart.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.add_notice_handler(note)
            try:
                tables = sa.inspect(connection).get_table_names()
                quoted = [connection.dialect.identifier_preparer.quote(name) for name in tables]
                connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {', '.join(quoted)}")
            finally:
                driver.remove_notice_handler(note)
        if said:
            raise StoreError(
                f"{self.location} was not made smaller ({said[0]}): ask the owner of its tables"
            )

    def problems(self) -> list[str]:
        """The server checks what it reads, and references when they are written."""
        return []

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


class _ServerEye(AbstractEye):
    """Counts what the server tells on a channel."""

    def __init__(self, engine: sa.Engine, channel: str) -> None:
        self._engine = engine
        self._channel = channel
        self._connection: Any = None
        self._count = 0
        self._lock = threading.Lock()

    def look(self) -> Mark | None:
        """The number of changes heard of."""
        with self._lock:
            try:
                if self._connection is None:
                    self._open()
                heard = list(self._connection.driver_connection.notifies(timeout=0))
            except (sa.exc.SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error):
                self._forget()
                return None
            self._count += len(heard)
            return 0, self._count

    def _open(self) -> None:
        self._connection = self._engine.raw_connection()
        driver = self._connection.driver_connection
        driver.autocommit = True
        driver.execute(f"LISTEN {self._channel}")
        self._count += 1  # what happened before is not known

    def _forget(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.invalidate()
            self._connection = None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._forget()


def shown(address: str) -> str:
    """An address for people: as it was given, without its password.

    >>> shown("postgresql://me:pass@word@host/db?sslpassword=x&schema=team")
    'postgresql://me:***@host/db?sslpassword=***&schema=team'
    """
    scheme, _, rest = address.partition("://")
    body, mark, query = rest.partition("?")
    if "@" in body:  # a password may have one, too
        user, _, place = body.rpartition("@")
        name, colon, _ = user.partition(":")
        body = f"{name}{colon and ':***'}@{place}"
    query = PASSWORD.sub(r"\1***", query)
    return f"{scheme}://{body}{mark}{query}"


def _parsed(address: str) -> tuple[URL, str]:
    """The address as SQLAlchemy takes it, and the schema."""
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        raise SettingError(
            "store: expected postgresql+psycopg://USER@HOST/DATABASE, got what is no address"
        ) from None
    schema = url.query.get("schema", SCHEMA)
    if not isinstance(schema, str) or not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
        raise SettingError(
            "store: a schema's name begins with a letter from a to z and has at most 63 of these,"
            f" digits and underscores, got {schema!r}"
        )
    plain = url.set(drivername="postgresql+psycopg").difference_update_query(["schema"])
    return plain, schema


def _number(word: str, size: int) -> int:
    """A word as a signed number of so many bytes, which PostgreSQL's locks take."""
    digest = hashlib.blake2b(word.encode(), digest_size=size).digest()
    return int.from_bytes(digest, "big", signed=True)


def _forget_after_fork(engine: sa.Engine) -> None:
    """A forked process opens connections of its own, and leaves its parent's alone."""
    if hasattr(os, "register_at_fork"):
        known = weakref.ref(engine)

        def forget() -> None:
            if (mine := known()) is not None:
                mine.dispose(close=False)

        os.register_at_fork(after_in_child=forget)
