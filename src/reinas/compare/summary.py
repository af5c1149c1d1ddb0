"""A comparison at its checkpoints: estimates, intervals, tests and costs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from reinas.compare import curves
from reinas.compare.comparison import Comparison
from reinas.compare.statistics import (
    Floats,
    Interval,
    against,
    holm,
    interval,
    share,
    signed_rank,
)

WINDOW = 25
"""Number of evaluations that count as the last ones."""
EXACT = 1e-9
"""Relative difference below which rewards are equal: their sums may differ by rounding."""


@dataclass(frozen=True)
class Row:
    """One policy at one checkpoint; None where a value is not known.

    Args:
        reward: The incumbent's mean reward.
        regret: Best mean reward of the space minus the incumbent's.
        hit: Share of seeds whose incumbent is the best architecture.
        reported: The incumbent's metric that was hidden from the search.
        last: Mean reward of the last evaluations (see `WINDOW`).
        difference: Improvement in reward over the expectation of random search where that is known
            exactly, else over the baseline, paired by seed.
        p: P-value of the improvement, by Student's t-test or, paired, by Wilcoxon's.
        p_corrected: The same with Holm's correction for all comparisons of the table.
        distinct: Mean number of different architectures.
        failed: Mean number of failures.
        seconds: Mean cost of the evaluations, in seconds.
        pruned: Mean number of children stopped early.
        spent: Mean cost of the evaluations, in whole trainings.
    """

    reward: Interval
    regret: Interval | None
    hit: Interval | None
    reported: Interval | None
    last: Interval
    difference: Interval | None
    p: float | None
    p_corrected: float | None
    distinct: float
    failed: float
    seconds: float
    pruned: float
    spent: float


Rows = Mapping[str, Mapping[int, Row]]
"""Rows by the policy's label, then by checkpoint."""


def summarise(comparison: Comparison) -> Rows:
    """Summarise every policy at every checkpoint.

    Args:
        comparison: The comparison.

    Returns:
        The rows, with p-values corrected for all comparisons with the baseline.
    """
    rows: dict[str, dict[int, Row]] = {}
    baseline = curves.best_so_far(comparison.runs[comparison.baseline])
    for spec in comparison.policies:
        runs = comparison.runs[spec.label]
        best = curves.best_so_far(runs)
        unseen = curves.reported(runs) if comparison.problem.report else None
        rows[spec.label] = {}
        for at in comparison.at:
            held = best[:, at - 1]
            known = None if comparison.best is None else np.array(comparison.best)
            difference, p = _improvement(comparison, spec.label, at, held, baseline[:, at - 1])
            rows[spec.label][at] = Row(
                reward=interval(held),
                regret=None if known is None else interval(known - held),
                hit=None if known is None else _hits(held, known),
                reported=None if unseen is None else _known(unseen[:, at - 1]),
                last=interval(curves.last_mean(runs, at, WINDOW)),
                difference=difference,
                p=p,
                p_corrected=None,
                distinct=float(curves.distinct(runs, at).mean()),
                failed=float(curves.failed(runs, at).mean()),
                seconds=float(curves.seconds_spent(runs, at).mean()),
                pruned=float(curves.pruned(runs, at).mean()),
                spent=float(curves.spent(runs, at).mean()),
            )
    return _corrected(rows)


def _improvement(
    comparison: Comparison, label: str, at: int, held: Floats, baseline: Floats
) -> tuple[Interval | None, float | None]:
    """The improvement over random search's expectation, else over the baseline's runs."""
    if comparison.random_best is not None:
        expected = comparison.random_best[comparison.at.index(at)]
        return interval(held - expected), against(held, expected)
    if label == comparison.baseline:
        return None, None
    gained = held - baseline
    return interval(gained), signed_rank(gained)


def _hits(held: Floats, best: Floats) -> Interval:
    """The share of seeds whose incumbent is the best architecture."""
    return share(int((held >= best - EXACT * np.abs(best)).sum()), len(held))


def _known(values: Floats) -> Interval | None:
    """The interval over the seeds that have a value."""
    known = values[~np.isnan(values)]
    return interval(known) if len(known) else None


def _corrected(rows: Mapping[str, Mapping[int, Row]]) -> Rows:
    """Add the p-values corrected for all comparisons with the baseline."""
    tested = [
        (label, at, row.p)
        for label, by in rows.items()
        for at, row in by.items()
        if row.p is not None
    ]
    corrected = holm([p for _, _, p in tested])
    result = {label: dict(by) for label, by in rows.items()}
    for (label, at, _), p in zip(tested, corrected, strict=True):
        result[label][at] = replace(result[label][at], p_corrected=p)
    return result


def own_milliseconds(comparison: Comparison, label: str) -> float:
    """The policy's own computing time per evaluation, averaged over all runs.

    Args:
        comparison: The comparison.
        label: The policy.

    Returns:
        Milliseconds.
    """
    runs = comparison.runs[label]
    return 1000 * sum(r.own_seconds for r in runs) / (len(runs) * comparison.evaluations)


def document(comparison: Comparison, rows: Rows) -> dict[str, Any]:
    """The comparison as a JSON document; rewards are stored so that higher is better.

    Args:
        comparison: The comparison.
        rows: Its summary.

    Returns:
        Nested dictionaries and lists.
    """
    problem = comparison.problem
    return {
        "problem": asdict(problem),
        "seeds": list(comparison.seeds),
        "evaluations": comparison.evaluations,
        "baseline": comparison.baseline,
        "random_best": comparison.random_best,
        "last": WINDOW,
        "policies": {
            spec.label: {
                "settings": dict(spec.settings),
                "own_milliseconds": own_milliseconds(comparison, spec.label),
                "checkpoints": {str(at): asdict(row) for at, row in rows[spec.label].items()},
            }
            for spec in comparison.policies
        },
    }
