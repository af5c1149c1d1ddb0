"""Comparisons on tables, while their runs finish: what each policy has found, with intervals."""

import hashlib
import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.compare import curves
from reinas.compare.runs import Run
from reinas.compare.statistics import intervals
from reinas.errors import SettingError
from reinas.store import Store

POINTS = 200
"""Numbers of evaluations at which a line is drawn, at most."""

LONGEST = 120
"""Characters of a comparison's name."""

Floats = NDArray[np.float64]


@dataclass
class _Line:
    """The finished runs of one policy: one per seed.

    Args:
        settings: The policy's settings and those of its early stopping.
    """

    settings: Mapping[str, Any]
    best: list[Floats] = field(default_factory=list)
    lowest: float = math.inf
    own_seconds: float = 0.0
    seconds: float = 0.0
    distinct: int = 0

    def add(self, run: Run, points: NDArray[np.int64]) -> None:
        """One more seed; of its evaluations only what is drawn is kept."""
        held = np.where(np.isnan(run.rewards), np.nan, run.means)[curves.incumbents(run)]
        self.lowest = min([self.lowest, *run.rewards[~np.isnan(run.rewards)]])
        self.best.append(held[points - 1])
        self.own_seconds += run.own_seconds
        self.seconds += float(run.seconds.sum())
        self.distinct += len(np.unique(run.places))

    def rows(self) -> Floats:
        """[seeds, points]: the best so far; before the first success the lowest reward of all."""
        best = np.stack(self.best)
        return np.where(np.isnan(best), self.lowest if math.isfinite(self.lowest) else 0.0, best)


@dataclass
class _Comparison:
    """Runs that differ in policy and seed alone."""

    identity: str
    table: Mapping[str, Any]
    evaluations: int
    seen: float = 0.0
    lines: dict[str, _Line] = field(default_factory=dict)

    @property
    def points(self) -> NDArray[np.int64]:
        """The numbers of evaluations at which lines are drawn."""
        spread = np.linspace(1, self.evaluations, min(self.evaluations, POINTS))
        return np.unique(spread.round().astype(np.int64))


class Comparisons:
    """The comparisons in a store, read once each and kept up to date.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._runs = store.runs()
        self._seen: set[str] = set()
        self._latest = ""
        self._found: dict[str, _Comparison] = {}
        self._lock = threading.Lock()

    def overview(self) -> list[dict[str, Any]]:
        """All comparisons: what they are on, how many runs have finished, and when the last did."""
        with self._lock:
            self._update()
            found = sorted(self._found.values(), key=lambda one: -one.seen)
            return [_summary(one) for one in found]

    def one(self, identity: str) -> dict[str, Any]:
        """A comparison: per policy the best so far over evaluations, its mean and its interval.

        Args:
            identity: As `overview` has it.

        Raises:
            SettingError: There is no such comparison.
        """
        with self._lock:
            self._update()
            if identity not in self._found:
                raise SettingError(f"there is no comparison '{identity}' in this store")
            one = self._found[identity]
            lines = list(one.lines.values())
            labels = _labels([line.settings for line in lines])
            return {
                **_summary(one),
                "table": dict(one.table),
                "points": one.points.tolist(),
                "lines": [
                    _drawn(label, line, one.evaluations)
                    for label, line in zip(labels, lines, strict=True)
                ],
            }

    def _update(self) -> None:
        """Read the runs that finished since the last time."""
        found = [pair for pair in self._runs.since(self._latest) if pair[1] not in self._seen]
        states = self._runs.get(key for _, key in found)
        for finished, key in found:
            self._seen.add(key)
            self._latest = finished
            settings = json.loads(key)
            seen = datetime.fromisoformat(finished).timestamp()
            self._add(settings, Run.of_state(states[key]), seen)

    def _add(self, settings: dict[str, Any], run: Run, seen: float) -> None:
        settings.pop("seed")
        policy = {"policy": settings.pop("policy"), "stopping": settings.pop("stopping", None)}
        identity = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
        one = self._found.setdefault(
            identity, _Comparison(identity, settings["table"], settings["evaluations"])
        )
        one.seen = max(one.seen, seen)
        key = json.dumps(policy, sort_keys=True)
        one.lines.setdefault(key, _Line(policy)).add(run, one.points)


def _summary(one: _Comparison) -> dict[str, Any]:
    return {
        "id": one.identity,
        "name": _name(one.table),
        "evaluations": one.evaluations,
        "policies": len(one.lines),
        "runs": sum(len(line.best) for line in one.lines.values()),
        "seen": one.seen,
    }


def _name(table: Mapping[str, Any]) -> str:
    """The table's name, and what else was said of it."""
    if isinstance(path := table.get("path"), str):
        return Path(path).name[:LONGEST]
    more = [
        f"{key} {value}"
        for key, value in table.items()
        if key != "name" and isinstance(value, str | int | float)
    ]
    return ", ".join([str(table.get("name", "a table")), *more])[:LONGEST]


def _drawn(label: str, line: _Line, evaluations: int) -> dict[str, Any]:
    mean, low, high = intervals(line.rows())
    seeds = len(line.best)
    return {
        "label": label,
        "settings": dict(line.settings),
        "seeds": seeds,
        "mean": mean.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "distinct": line.distinct / seeds,
        "seconds": line.seconds / seeds,
        "own_milliseconds": 1000 * line.own_seconds / (seeds * evaluations),
    }


def _labels(every: Sequence[Mapping[str, Any]]) -> list[str]:
    """The policies' names; of those with the same name also where they differ."""
    labels = []
    for settings in every:
        policy, stopping = settings["policy"], settings["stopping"]
        name = policy["name"] + ("" if stopping is None else f"+{stopping['name']}")
        same = [o["policy"] for o in every if o["policy"]["name"] == policy["name"]]
        differing = sorted(key for key in policy if len({json.dumps(o.get(key)) for o in same}) > 1)
        more = ", ".join(f"{key}={policy[key]}" for key in differing)
        labels.append(f"{name} ({more})" if more else name)
    return labels
