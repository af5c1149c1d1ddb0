"""Stores of studies: in an SQLite file through SQLAlchemy, or in memory."""

from reinas.store.base import AbstractStore
from reinas.store.memory_store import MemoryStore
from reinas.store.record import AbstractRecord
from reinas.store.store import Store, opened_to_read

__all__ = ["AbstractRecord", "AbstractStore", "MemoryStore", "Store", "opened_to_read"]
