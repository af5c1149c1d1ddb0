"""Which database a store's location names."""

import os

from reinas.store.database import AbstractDatabase
from reinas.store.postgresql import PostgresqlServer, is_address
from reinas.store.postgresql import shown as shown_address
from reinas.store.sqlite import SqliteFile, path_of


def database_of(location: str | os.PathLike[str], *, read_only: bool = False) -> AbstractDatabase:
    """The database at a location; nothing is opened yet.

    Args:
        location: A path, sqlite:///PATH, or postgresql+psycopg://HOST/DATABASE.
        read_only: Whether every write is refused.

    Raises:
        SettingError: The location is a URL of another kind.
        StoreError: The location cannot be a file.
    """
    text = os.fspath(location)
    if is_address(text):
        return PostgresqlServer(text, read_only=read_only)
    return SqliteFile(path_of(text), read_only=read_only)


def shown(location: str) -> str:
    """A location for people: without a password."""
    return shown_address(location) if is_address(location) else location
