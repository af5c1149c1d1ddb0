"""The page that `python -m benchmarks.versus` writes: one table per data set and budget."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.versus_rivals import FIT, Rival
from reinas.compare.statistics import CONFIDENCE, holm

Floats = NDArray[np.float64]
Record = dict[str, Any]
MEASURES = {
    "accuracy": "test error, %",
    "r2": "test variance that is not explained (1 - R²), %",
    "perplexity": "test perplexity",
}
SHOWN = 140
LEAST_SETS = 3
"""Data sets at least for a mean over them."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and the half width of its interval.

    Args:
        mean: The mean.
        half: Half the width of the 95 % interval by Student's t; NaN for a single value.
        p: Of the test that the mean is 0; NaN for a single value, or where all are the same.
    """

    mean: float
    half: float
    p: float

    @property
    def sign(self) -> int:
        """1 or -1 if the interval is on one side of 0, else 0."""
        return int(np.sign(self.mean)) if abs(self.mean) > self.half else 0

    def __str__(self) -> str:
        half = "" if np.isnan(self.half) else f" ± {self.half:.2f}"
        return f"{self.mean:.2f}{half}"


def estimate(values: Sequence[float] | Floats) -> Estimate:
    """The mean of one value per seed, with its interval."""
    array = np.asarray(values, np.float64)
    if len(array) < 2:
        return Estimate(float(array.mean()), np.nan, np.nan)
    error = float(stats.sem(array))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(array) - 1)) * error
    mean = float(array.mean())
    p = 2 * float(stats.t.sf(abs(mean) / error, len(array) - 1)) if error else np.nan
    return Estimate(mean, half, p)


def error_of(record: Record) -> float:
    """What is to be low: 100 (1 - score), or the perplexity."""
    test = float(record["test"])
    return test if record["metric"] == "perplexity" else 100 * (1 - test)


def differences(rival: Sequence[Record], fit: Sequence[Record]) -> Floats:
    """The rival's error minus fit's, for each seed that both finished."""
    ours = {r["seed"]: error_of(r) for r in fit if r["status"] == "finished"}
    theirs = {r["seed"]: error_of(r) for r in rival if r["status"] == "finished"}
    return np.array([theirs[seed] - ours[seed] for seed in sorted(ours.keys() & theirs.keys())])


def page(records: Sequence[Record], rivals: Sequence[Rival]) -> str:
    """The whole page.

    Args:
        records: The latest one of every run.
        rivals: Says how each is set.
    """
    groups: dict[tuple[str, float], dict[str, list[Record]]] = {}
    for record in records:
        group = groups.setdefault((record["data"], record["minutes"]), {})
        group.setdefault(record["rival"], []).append(record)
    machines = sorted({record["machine"] for record in records})
    lines = [
        "# reinas fit and what else one could take",
        "",
        f"Made by `python -m benchmarks.versus` on: {'; '.join(machines)}. Every rival has the same"
        " data, the same minutes (its imports and its test included) and the same cores; runs"
        " are made one after the other. Means over seeds ± 95 % interval (Student's t); differences"
        " are the rival's minus fit's, paired by seed, so that more than 0 is better for fit;"
        " p-values are Holm's over the rivals of a table. The split is the same for all seeds:"
        " intervals tell how much a rival depends on its seed, not how much on the data.",
        "",
        *_summary(groups),
        *_across(groups),
    ]
    for (data, minutes), group in groups.items():
        lines += ["", f"## {data}, {minutes:g} minutes", "", *_table(group)]
    lines += ["", "## How each is set", ""]
    for rival in rivals:
        pins = f" Installed: {', '.join(rival.requirements)}." if rival.requirements else ""
        lines.append(f"- **{rival.name}**: {rival.setting}{pins}")
    return "\n".join(lines) + "\n"


def _summary(groups: dict[tuple[str, float], dict[str, list[Record]]]) -> list[str]:
    """On how many tables each rival's interval is on one side of 0."""
    signs: dict[str, list[int]] = {}
    for group in groups.values():
        for name in group:
            paired = differences(group[name], group.get(FIT, []))
            if name != FIT and len(paired) > 1:
                signs.setdefault(name, []).append(estimate(paired).sign)
    if not signs:
        return []
    rows = [
        f"| {name} | {len(its)} | {its.count(1)} | {its.count(-1)} | {its.count(0)} |"
        for name, its in sorted(signs.items())
    ]
    head = "| rival | tables | fit is better | the rival is better | the interval has 0 |"
    return [head, "| --- | --- | --- | --- | --- |", *rows]


def _across(groups: dict[tuple[str, float], dict[str, list[Record]]]) -> list[str]:
    """Each rival's error divided by fit's, over data sets: what one seed of each can tell, too."""
    ratios: dict[tuple[str, float], list[float]] = {}
    for (_, minutes), group in groups.items():
        for name in group.keys() - {FIT}:
            both = _mean(group[name]) / _mean(group.get(FIT, []))
            if 0 < both < np.inf:
                ratios.setdefault((name, minutes), []).append(both)
    rows = []
    for (name, minutes), its in sorted(ratios.items()):
        if len(its) >= LEAST_SETS:
            found = estimate(np.log(its))
            low, mean, high = np.exp([found.mean - found.half, found.mean, found.mean + found.half])
            rows.append(
                f"| {name} | {minutes:g} | {len(its)} | {mean:.2f} [{low:.2f}, {high:.2f}] |"
            )
    if not rows:
        return []
    return [
        "",
        "The rival's error divided by fit's: the geometric mean over data sets, with its 95 %"
        " interval (Student's t of the logarithms; the unit is a data set). Above 1 fit is better.",
        "",
        "| rival | minutes | data sets | rival / fit |",
        "| --- | --- | --- | --- |",
        *rows,
    ]


def _table(group: dict[str, list[Record]]) -> list[str]:
    """One data set with one budget."""
    any_one = next(iter(group.values()))[0]
    order = sorted(group, key=lambda name: (name != FIT, _mean(group[name]), name))
    paired = {n: differences(group[n], group.get(FIT, [])) for n in order if n != FIT}
    compared = {name: estimate(values) for name, values in paired.items() if len(values)}
    tested = [name for name in compared if not np.isnan(compared[name].p)]
    corrected = holm([compared[name].p for name in tested])
    p = {name: f"{value:.3f}" for name, value in zip(tested, corrected, strict=True)}
    rows = []
    for name in order:
        done = [r for r in group[name] if r["status"] == "finished"]
        error = str(estimate([error_of(r) for r in done])) if done else "-"
        seconds = f"{np.mean([r['seconds'] for r in done]):.0f}" if done else "-"
        rows.append(
            f"| {name} | {len(done)} | {error} | {compared.get(name, '-')} | {p.get(name, '-')} |"
            f" {seconds} | {_notes(group[name])} |"
        )
    measure = MEASURES[any_one["metric"]]
    return [
        f"{any_one['about']}.",
        "",
        f"| rival | runs | {measure} | minus fit's | p | seconds | notes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]


def _mean(records: Sequence[Record]) -> float:
    done = [error_of(r) for r in records if r["status"] == "finished"]
    return float(np.mean(done)) if done else np.inf


def _notes(records: Sequence[Record]) -> str:
    """The first finished run's note, and why others did not finish."""
    ordered = sorted(records, key=lambda record: record["seed"])
    finished = [r for r in ordered if r["status"] == "finished"]
    notes = [f"seed {finished[0]['seed']}: {finished[0]['note']}"] if finished else []
    for status in ("failed", "stopped", "not installed"):
        its = [r for r in ordered if r["status"] == status]
        if its:
            notes.append(f"{len(its)} {status} ({its[0]['note']})")
    short = [note if len(note) <= SHOWN else note[: SHOWN - 3] + "..." for note in notes]
    return re.sub(r"\s+", " ", "; ".join(short).replace("|", "/"))
