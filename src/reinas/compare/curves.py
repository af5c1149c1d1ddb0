"""Curves over evaluations from runs; arrays are [seeds, evaluations] unless stated."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reinas.compare.runs import Run
from reinas.compare.statistics import Floats

EXACT = 1e-9
"""Costs are sums of shares, so they are equal up to rounding."""


def lowest_reward(runs: Sequence[Run]) -> float:
    """The lowest reward of these runs; a failure counts as this.

    Args:
        runs: One or more.

    Returns:
        The lowest reward; 0 if every evaluation failed.
    """
    known = np.concatenate([run.rewards for run in runs])
    known = known[~np.isnan(known)]
    return float(known.min()) if len(known) else 0.0


def rewards_with_failures(run: Run, lowest: float) -> Floats:
    """The rewards, with `lowest` for a failure; 0 would be better than any negated loss.

    Args:
        run: A run.
        lowest: What a failure counts as.

    Returns:
        [evaluations].
    """
    return np.where(np.isnan(run.rewards), lowest, run.rewards)


def incumbents(run: Run) -> NDArray[np.int64]:
    """The evaluation with the best reward so far, after each evaluation.

    Args:
        run: A run.

    Returns:
        int64 [evaluations]; of equal rewards the earliest counts.
    """
    rewards = np.where(np.isnan(run.rewards), -np.inf, run.rewards)
    best = np.maximum.accumulate(rewards)
    improved = np.concatenate([[True], best[1:] > best[:-1]])
    return np.maximum.accumulate(np.where(improved, np.arange(len(rewards)), 0))


def best_so_far(runs: Sequence[Run]) -> Floats:
    """The incumbent's mean reward: chosen by the noisy rewards, judged without their noise.

    Args:
        runs: One per seed.

    Returns:
        [seeds, evaluations].
    """
    lowest = lowest_reward(runs)
    rows = []
    for run in runs:
        means = np.where(np.isnan(run.rewards), lowest, run.means)
        rows.append(means[incumbents(run)])
    return np.stack(rows)


def reported(runs: Sequence[Run]) -> Floats:
    """The incumbent's metric that was hidden from the search.

    Args:
        runs: One per seed.

    Returns:
        [seeds, evaluations]; NaN where it has none.
    """
    return np.stack([run.reported[incumbents(run)] for run in runs])


def last_mean(runs: Sequence[Run], at: int, window: int) -> Floats:
    """The mean reward of the last `window` of the first `at` evaluations.

    Args:
        runs: One per seed.
        at: A checkpoint.
        window: Number of evaluations to average.

    Returns:
        [seeds].
    """
    first, lowest = max(0, at - window), lowest_reward(runs)
    return np.array([rewards_with_failures(run, lowest)[first:at].mean() for run in runs])


def failed(runs: Sequence[Run], at: int) -> Floats:
    """The number of failures among the first `at` evaluations: [seeds]."""
    return np.array([float((np.isnan(run.rewards) & ~run.pruned)[:at].sum()) for run in runs])


def pruned(runs: Sequence[Run], at: int) -> Floats:
    """The number of children stopped early among the first `at` evaluations: [seeds]."""
    return np.array([float(run.pruned[:at].sum()) for run in runs])


def spent(runs: Sequence[Run], at: int) -> Floats:
    """The cost of the first `at` evaluations in whole trainings: [seeds]."""
    return np.array([run.spent[at - 1] for run in runs])


def best_over_cost(runs: Sequence[Run], points: Sequence[float]) -> Floats:
    """The incumbent's mean reward by the cost spent.

    Args:
        runs: One per seed.
        points: Costs in whole trainings.

    Returns:
        [seeds, points]; NaN where a run had no evaluation done by then, or was over before.
    """
    rows = []
    for run, best in zip(runs, best_so_far(runs), strict=True):
        places = np.searchsorted(run.spent, np.array(points) + EXACT, side="right") - 1
        known = (places >= 0) & (np.array(points) <= run.spent[-1] + EXACT)
        rows.append(np.where(known, best[np.maximum(places, 0)], np.nan))
    return np.stack(rows)


def distinct(runs: Sequence[Run], at: int) -> Floats:
    """The number of different architectures among the first `at` evaluations: [seeds]."""
    return np.array([float(len(np.unique(run.places[:at]))) for run in runs])


def seconds_spent(runs: Sequence[Run], at: int) -> Floats:
    """The cost of the first `at` evaluations in seconds: [seeds]."""
    return np.array([run.seconds[:at].sum() for run in runs])


def mean_of_best(run: Run, count: int, points: Sequence[int]) -> Floats:
    """The mean reward of the best `count` different architectures so far (figure 6).

    Args:
        run: A run.
        count: Number of architectures.
        points: Numbers of evaluations.

    Returns:
        [points]; NaN where fewer architectures were evaluated.
    """
    means = np.where(np.isnan(run.rewards), lowest_reward([run]), run.means)
    result = np.full(len(points), np.nan)
    for place, point in enumerate(points):
        values = means[np.unique(run.places[:point])]
        if len(values) >= count:
            result[place] = np.partition(values, len(values) - count)[-count:].mean()
    return result
