"""What the page shows, as JSON: studies, a study, its curves, a network."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reinas.errors import ReinasError, UnknownSearchError
from reinas.report.drawing import draw, unstyled
from reinas.report.formulas import formulas
from reinas.report.report import space_of, task_of
from reinas.report.rows import trial_row
from reinas.spaces.recurrent import RecurrentSpace
from reinas.store import Store, schema
from reinas.study.claims import is_gone
from reinas.web.feed import Feed, curves, diagnostics, running, workers
from reinas.web.microscope import Microscope

MOST_FEEDS = 32
"""Studies whose rows are kept in memory."""
LIVE = 24
"""Running children that are shown, and latest finished curves."""
BEST = 6

s, t = schema.searches.c, schema.trials.c


class Documents:
    """Everything that can be read of a store.

    Args:
        store: The store, opened for reading.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._feeds: OrderedDict[int, Feed] = OrderedDict()
        self.microscope = Microscope(store)

    def studies(self) -> dict[str, Any]:
        """All studies: progress, best reward, state, last sign of life."""
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
        return {"studies": rows, "store": self._store.location}

    def study(self, name: str, feed: str = "", since: int = 0, batch: int = -1) -> dict[str, Any]:
        """One study: what it is, and what is new of its trials and of what was learned.

        Args:
            name: The study's name.
            feed: The feed that the reader has rows of; rows of another one are sent whole.
            since: How many rows the reader has.
            batch: The last batch whose diagnostics the reader has.
        """
        row = self._row(name)
        rows = self._feed(row.id)
        rows.update()
        begin = since if feed == rows.identity and since <= len(rows.rows) else 0
        final = self._store.get(name).final()
        return {
            "name": name,
            "created": _seconds(row.created),
            "settings": row.settings,
            "trials": row.trials,
            "feed": rows.identity,
            "since": begin,
            "rows": rows.rows[begin:],
            "running": running(self._store, row.id, LIVE),
            "workers": workers(self._store, row.id),
            "final": None if final is None else asdict(final),
            "diagnostics": diagnostics(self._store, row.id, batch if begin else -1),
            "now": time.time(),
        }

    def curves(self, name: str) -> dict[str, Any]:
        """The learning curves of the best and the latest children, and of those that train."""
        row = self._row(name)
        feed = self._feed(row.id)
        feed.update()
        own = [r for r in feed.rows if r[2] != "repeat"]
        best = sorted((r for r in own if r[2] == "complete"), key=lambda r: -r[3])[:BEST]
        numbers = sorted({r[0] for r in [*best, *own[-LIVE:]]})
        live = running(self._store, row.id, LIVE)
        return {
            "best": [r[0] for r in best],
            "curves": curves(self._store, row.id, numbers),
            "running": [{"trial": r["trial"], "points": r["points"]} for r in live],
        }

    def network(self, name: str, trial: int) -> dict[str, Any]:
        """One trial's architecture: its drawing, decisions, formulas, curve and measurements."""
        row = self._row(name)
        record = self._store.get(name)
        found = record.trial(trial)
        space, text = space_of(row.settings), record.texts([trial])[trial]
        told = trial_row(space, found, text)
        decisions = [
            [key.removeprefix("decisions."), value]
            for key, value in told.items()
            if key.startswith("decisions.")
        ]
        metrics = {} if found.outcome is None else dict(found.outcome.metrics)
        own = trial if found.repeat_of is None else found.repeat_of
        (curve,) = curves(self._store, row.id, [own]) or ({"points": []},)
        svg, formula = _drawn(row.settings, space, found.answers)
        return {
            "name": name,
            "trial": trial,
            "batch": found.batch,
            "state": found.state,
            "repeat_of": found.repeat_of,
            "reward": told["reward"],
            "error": told["error"],
            "seconds": told["seconds"],
            "architecture": text,
            "decisions": [[key, _plain(value)] for key, value in decisions],
            "metrics": metrics,
            "points": curve["points"],
            "svg": svg,
            "formulas": formula,
            "recipe": _plain(row.settings.get("evaluator", {}).get("recipe")),
        }

    def _signs(self) -> dict[str, dict[str, Any]]:
        """By study: how many trials are under way, the last sign of life, the machines."""
        r = schema.reports.c
        with self._store.begin() as connection:
            if not sa.inspect(connection).has_table(schema.searches.name):
                return {}
            finished = {
                row.name: row.at
                for row in connection.execute(
                    sa.select(s.name, sa.func.max(t.finished).label("at"))
                    .select_from(schema.searches.join(schema.trials, t.search == s.id))
                    .group_by(s.id)
                )
            }
            reported = {
                row.name: row.at
                for row in connection.execute(
                    sa.select(s.name, sa.func.max(r.at).label("at"))
                    .select_from(schema.searches.join(schema.reports, r.search == s.id))
                    .group_by(s.id)
                )
            }
            held = connection.execute(
                sa.select(s.name, t.worker, t.lease)
                .select_from(schema.searches.join(schema.trials, t.search == s.id))
                .where(t.finished.is_(None), t.worker.is_not(None))
            ).all()
        signs: dict[str, dict[str, Any]] = {}
        for name in {*finished, *reported}:
            at = finished.get(name)
            times = [reported.get(name), None if at is None else _seconds(at)]
            signs[name] = {"seen": max((one for one in times if one is not None), default=None)}
        now = time.time()
        for row in held:
            if is_gone(row.worker) or (row.lease is not None and row.lease <= now):
                continue
            sign = signs.setdefault(row.name, {})
            sign["running"] = sign.get("running", 0) + 1
            machine = row.worker.rpartition(":")[0]
            sign["machines"] = sorted({machine, *sign.get("machines", [])})
        return signs

    def _row(self, name: str) -> Any:
        with self._store.begin() as connection:
            row = connection.execute(sa.select(schema.searches).where(s.name == name)).one_or_none()
        if row is None:
            raise UnknownSearchError(f"there is no study '{name}' in {self._store.location}")
        return row

    def _feed(self, study: int) -> Feed:
        feed = self._feeds.pop(study, None) or Feed(self._store, study)
        self._feeds[study] = feed
        while len(self._feeds) > MOST_FEEDS:
            self._feeds.popitem(last=False)
        return feed


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _plain(value: Any) -> Any:
    """A value as JSON has it, tuples as lists and other things as text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return str(value)


def _drawn(settings: Mapping[str, Any], space: Any, answers: Any) -> tuple[str, str]:
    """The drawing and a cell's formulas; empty where the space or the data are not here."""
    if space is None:
        return "", ""
    architecture = space.decode(answers)
    text = ""
    if isinstance(space, RecurrentSpace):
        text = formulas(architecture.cell)
    try:
        task = task_of(settings)
        svg = "" if task is None else unstyled(draw(architecture, task))
    except ReinasError:  # the task's data, on which sizes depend, are not here
        svg = ""
    return svg, text
