"""What a comparison says at its checkpoints: estimates, intervals, tests, costs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from reinas.compare import curves
from reinas.compare.comparison import Comparison
from reinas.compare.statistics import Floats, Interval, holm, interval, share, signed_rank

WINDOW = 25
"""How many samples are the last ones."""
EXACT = 1e-9
"""Rewards that differ by less than this share are the same: summed in another order."""


@dataclass(frozen=True)
class Row:
    """One policy at one checkpoint. What is not known is None.

    `reward` is the incumbent's mean reward, `regret` what it lacks to the best of all, `hit` the
    share of seeds that hold the best, `reported` the incumbent's unseen metric, `last` the mean
    reward of the last samples. `difference` is in reward from the baseline, paired by seed, with
    Wilcoxon's p-value, and with that corrected by Holm for all comparisons of the table.
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


Rows = Mapping[str, Mapping[int, Row]]
"""By the policy's label, then by checkpoint."""


def summarise(comparison: Comparison) -> Rows:
    """Every policy at every checkpoint."""
    rows: dict[str, dict[int, Row]] = {}
    baseline = curves.best_so_far(comparison.runs[comparison.baseline])
    for policy_spec in comparison.policies:
        runs = comparison.runs[policy_spec.label]
        best = curves.best_so_far(runs)
        unseen = curves.reported(runs) if comparison.problem.report else None
        rows[policy_spec.label] = {}
        for at in comparison.at:
            held = best[:, at - 1]
            known = None if comparison.best is None else np.array(comparison.best)
            difference = p = None
            if policy_spec.label != comparison.baseline:
                gained = held - baseline[:, at - 1]
                difference, p = interval(gained), signed_rank(gained)
            rows[policy_spec.label][at] = Row(
                reward=interval(held),
                regret=None if known is None else interval(known - held),
                hit=None
                if known is None
                else share(int((held >= known - EXACT * np.abs(known)).sum()), len(held)),
                reported=None if unseen is None else _known(unseen[:, at - 1]),
                last=interval(curves.last_mean(runs, at, WINDOW)),
                difference=difference,
                p=p,
                p_corrected=None,
                distinct=float(curves.distinct(runs, at).mean()),
                failed=float(curves.failed(runs, at).mean()),
                seconds=float(curves.spent(runs, at).mean()),
            )
    return _corrected(rows)


def _hits(held: Floats, best: Floats) -> Interval:
    """The share of seeds whose incumbent is as good as the best."""
    return share(int((held >= best - EXACT * np.abs(best)).sum()), len(held))


def _known(values: Floats) -> Interval | None:
    """The interval over the seeds that have found something at all."""
    known = values[~np.isnan(values)]
    return interval(known) if len(known) else None


def _corrected(rows: Mapping[str, Mapping[int, Row]]) -> Rows:
    """With p-values corrected for all comparisons with the baseline."""
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
    """What the policy itself took for an evaluation, on average over all runs."""
    runs = comparison.runs[label]
    return 1000 * sum(r.own_seconds for r in runs) / (len(runs) * comparison.evaluations)


def document(comparison: Comparison, rows: Rows) -> dict[str, Any]:
    """Everything as JSON takes it. Rewards are as they are held: higher is better."""
    problem = comparison.problem
    return {
        "problem": asdict(problem),
        "seeds": list(comparison.seeds),
        "evaluations": comparison.evaluations,
        "baseline": comparison.baseline,
        "last": WINDOW,
        "policies": {
            policy_spec.label: {
                "settings": dict(policy_spec.settings),
                "own_milliseconds": own_milliseconds(comparison, policy_spec.label),
                "checkpoints": {
                    str(at): asdict(row) for at, row in rows[policy_spec.label].items()
                },
            }
            for policy_spec in comparison.policies
        },
    }
