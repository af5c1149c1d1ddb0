"""The finished runs of comparisons: each is kept under all of its settings, as text."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from numpy.typing import NDArray

from reinas.store import schema
from reinas.store.packing import packed, unpacked
from reinas.store.sql_reader import Begin

Arrays = dict[str, NDArray[Any]]
CHUNK = 500  # keys a query: SQLite takes a limited number of them


def run_key(settings: Mapping[str, Any]) -> str:
    """Equal for equal settings."""
    return json.dumps(settings, sort_keys=True)


class Runs:
    """The runs in a store. Each writing method is one transaction."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    def put(self, key: str, arrays: Arrays) -> None:
        """Keep a run; one that is there already stays as it is."""
        row = {
            "key": key,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "state": packed(arrays),
        }
        there = sa.select(schema.runs.c.key).where(schema.runs.c.key == key)
        with self._begin(writing=True) as connection:
            if connection.execute(there).one_or_none() is None:
                connection.execute(schema.runs.insert().values(row))

    def since(self, moment: str) -> list[tuple[str, str]]:
        """The runs that finished at a moment or later, in the order of finishing.

        Args:
            moment: As text in ISO 8601; all runs finished later than an empty one.

        Returns:
            When each finished, and its key.
        """
        c = schema.runs.c
        query = sa.select(c.finished, c.key).where(c.finished >= moment).order_by(c.finished, c.key)
        with self._begin() as connection:
            return [(row.finished, row.key) for row in connection.execute(query)]

    def get(self, keys: Iterable[str]) -> dict[str, Arrays]:
        """The runs that there are of those asked for."""
        wanted = list(keys)
        found: dict[str, Arrays] = {}
        with self._begin() as connection:
            for start in range(0, len(wanted), CHUNK):
                some = wanted[start : start + CHUNK]
                query = sa.select(schema.runs).where(schema.runs.c.key.in_(some))
                for row in connection.execute(query):
                    found[row.key] = unpacked(row.state)
        return found
