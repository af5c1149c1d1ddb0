"""What the page shows, as JSON: studies, a study, its curves, a network."""

import time
from collections import OrderedDict
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from reinas.errors import UnknownSearchError
from reinas.fronts import LOWER
from reinas.store import Store, schema
from reinas.store.sql_record import SqlRecord
from reinas.web.assets import Raw
from reinas.web.comparison_view import Comparisons
from reinas.web.feed import HELD, Feed, curves, diagnostics, living, running, workers
from reinas.web.microscope import Microscope
from reinas.web.network_view import Networks

MOST_FEEDS = 32
"""Studies whose rows are kept in memory."""
LIVE = 24
"""Running children that are shown, and latest finished curves."""
BEST = 6
"""Best children whose curves stand out."""
TOP = 10
"""Best networks in the table of a study."""

s, t = schema.searches.c, schema.trials.c


class Documents:
    """Everything that can be read of a store.

    Args:
        store: The store, opened for reading.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._feeds: OrderedDict[int, Feed] = OrderedDict()
        self._networks = Networks()
        self.microscope = Microscope(store)
        self.comparisons = Comparisons(store)

    def studies(self) -> dict[str, Any]:
        """All studies: progress, best reward, last sign of life; and all comparisons."""
        summaries = self._store.summaries()
        signs = self._signs()
        rows = []
        for summary in summaries:
            sign = signs.get(summary.name, {})
            rows.append(
                {
                    "name": summary.name,
                    "space": summary.space,
                    "task": summary.task,
                    "policy": summary.policy,
                    "trials": summary.trials,
                    "finished": summary.finished,
                    "failed": summary.failed,
                    "best": summary.best,
                    "created": _seconds(summary.created),
                    "running": sign.get("running", 0),
                    "seen": sign.get("seen"),
                    "machines": sign.get("machines", []),
                }
            )
        return {
            "studies": rows,
            "comparisons": self.comparisons.overview(),
            "store": self._store.location,
        }

    def study(self, name: str, feed: str = "", since: int = 0, batch: int = -1) -> dict[str, Any]:
        """One study: what it is, and what is new of its trials and of what was learned.

        Args:
            name: The study's name.
            feed: The feed that the reader has rows of; rows of another one are sent whole.
            since: How many rows the reader has.
            batch: The last batch whose diagnostics the reader has.
        """
        record = self._record(name)
        rows = self._feed(record)
        rows.update()
        begin = since if feed == rows.identity and since <= len(rows.rows) else 0
        final = record.final()
        return {
            "name": name,
            "created": _seconds(record.created),
            "settings": record.settings,
            "trials": record.trials,
            "feed": rows.identity,
            "since": begin,
            "rows": Raw(f"[{','.join(rows.texts[begin:])}]"),
            "running": running(self._store, record.number, LIVE),
            "workers": workers(self._store, record.number),
            "final": None if final is None else asdict(final),
            "objectives": list(rows.objectives),
            "lower": [o for o in rows.objectives if o in LOWER],
            "front": rows.front(),
            "diagnostics": diagnostics(self._store, record.number, batch if begin else -1),
            "now": time.time(),
        }

    def curves(self, name: str) -> dict[str, Any]:
        """The learning curves of the best and the latest children, and of those that train."""
        record = self._record(name)
        feed = self._feed(record)
        feed.update()
        own = [r for r in feed.rows if r[2] != "repeat"]
        top = sorted((r for r in own if r[2] == "complete"), key=lambda r: -r[3])[:TOP]
        best = top[:BEST]
        numbers = sorted({r[0] for r in [*best, *own[-LIVE:]]})
        live = running(self._store, record.number, LIVE)
        return {
            "best": [r[0] for r in best],
            "texts": record.texts([r[0] for r in top]),
            "curves": curves(self._store, record.number, numbers),
            "running": [{"trial": r["trial"], "points": r["points"]} for r in live],
        }

    def network(self, name: str, trial: int) -> dict[str, Any]:
        """One trial's architecture: its drawing, code, decisions, formulas, curve, measurements."""
        record = self._record(name)
        shown = self._networks.described(record, trial)
        own = trial if shown["repeat_of"] is None else shown["repeat_of"]
        (curve,) = curves(self._store, record.number, [own]) or ({"points": []},)
        return {"name": name, "points": curve["points"], **shown}

    def _signs(self) -> dict[str, dict[str, Any]]:
        """By study: how many trials are under way, the last sign of life, the machines."""
        r = schema.reports
        with self._store.begin() as connection:
            if not sa.inspect(connection).has_table(schema.searches.name):
                return {}
            finished = _latest(connection, schema.trials, t.finished)
            reported = _latest(connection, r, r.c.at)
            held = connection.execute(
                sa.select(s.name, t.worker, t.lease)
                .select_from(schema.searches.join(schema.trials, t.search == s.id))
                .where(*HELD)
            ).all()
        signs: dict[str, dict[str, Any]] = {}
        for name in {*finished, *reported}:
            times = [reported.get(name), _seconds(finished.get(name))]
            signs[name] = {"seen": max((one for one in times if one is not None), default=None)}
        for row in living(held):
            sign = signs.setdefault(row.name, {})
            sign["running"] = sign.get("running", 0) + 1
            machine = row.worker.rpartition(":")[0]
            sign["machines"] = sorted({machine, *sign.get("machines", [])})
        return signs

    def _record(self, name: str) -> SqlRecord:
        record = self._store.find(name)
        if record is None:
            raise UnknownSearchError(f"there is no study '{name}' in {self._store.location}")
        return record

    def _feed(self, record: SqlRecord) -> Feed:
        objectives = record.settings.get("policy", {}).get("objectives", ())
        number = record.number
        feed = self._feeds.pop(number, None) or Feed(self._store, number, objectives)
        self._feeds[number] = feed
        while len(self._feeds) > MOST_FEEDS:
            self._feeds.popitem(last=False)
        return feed


def _latest(connection: Connection, table: sa.Table, column: sa.Column[Any]) -> dict[str, Any]:
    """By study, the largest value of a column of a table that has rows of studies."""
    query = (
        sa.select(s.name, sa.func.max(column).label("at"))
        .select_from(schema.searches.join(table, table.c.search == s.id))
        .group_by(s.id)
    )
    return {row.name: row.at for row in connection.execute(query)}


def _seconds(text: str | None) -> float | None:
    """A time in seconds since 1970."""
    return None if text is None else datetime.fromisoformat(text).timestamp()
