"""What happened: SQLite through SQLAlchemy, the only state there is."""

from reinas.store.sql_record import Log
from reinas.store.store import Store

__all__ = ["Log", "Store"]
