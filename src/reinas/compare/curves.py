"""From runs to curves over evaluations, seeds in rows: [seeds, evaluations]."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reinas.compare.runs import Run
from reinas.compare.statistics import Floats


def worst(runs: Sequence[Run]) -> float:
    """The least reward of these runs: what one counts as that has found nothing yet."""
    known = np.concatenate([run.rewards for run in runs])
    known = known[~np.isnan(known)]
    return float(known.min()) if len(known) else 0.0


def filled(run: Run, least: float) -> Floats:
    """The rewards, with `least` for a failure.

    A policy learns from 0, or from its worst; but 0 would be better than any loss.
    """
    return np.where(np.isnan(run.rewards), least, run.rewards)


def incumbents(run: Run) -> NDArray[np.int64]:
    """After each evaluation, which one so far had the best reward; the earliest of equals."""
    rewards = np.where(np.isnan(run.rewards), -np.inf, run.rewards)
    best = np.maximum.accumulate(rewards)
    improved = np.concatenate([[True], best[1:] > best[:-1]])
    return np.maximum.accumulate(np.where(improved, np.arange(len(rewards)), 0))


def best_so_far(runs: Sequence[Run]) -> Floats:
    """The mean reward of the incumbent: what was found, without the luck of a noisy reward."""
    least = worst(runs)
    rows = []
    for run in runs:
        means = np.where(np.isnan(run.rewards), least, run.means)
        rows.append(means[incumbents(run)])
    return np.stack(rows)


def reported(runs: Sequence[Run]) -> Floats:
    """The incumbent's metric that the search did not see; NaN where it has none."""
    return np.stack([run.reported[incumbents(run)] for run in runs])


def last_mean(runs: Sequence[Run], at: int, window: int) -> Floats:
    """The mean reward of the last `window` evaluations before `at`: [seeds]."""
    first, least = max(0, at - window), worst(runs)
    return np.array([filled(run, least)[first:at].mean() for run in runs])


def failed(runs: Sequence[Run], at: int) -> Floats:
    """How many of the first `at` evaluations failed: [seeds]."""
    return np.array([float(np.isnan(run.rewards[:at]).sum()) for run in runs])


def distinct(runs: Sequence[Run], at: int) -> Floats:
    """How many different architectures the first `at` evaluations were: [seeds]."""
    return np.array([float(len(np.unique(run.places[:at]))) for run in runs])


def spent(runs: Sequence[Run], at: int) -> Floats:
    """The seconds that the first `at` evaluations cost: [seeds]."""
    return np.array([run.seconds[:at].sum() for run in runs])


def top(run: Run, count: int, points: Sequence[int]) -> Floats:
    """The mean reward of the best `count` different architectures so far: [points].

    NaN where there are not so many yet (figure 6).
    """
    means = np.where(np.isnan(run.rewards), worst([run]), run.means)
    result = np.full(len(points), np.nan)
    for place, point in enumerate(points):
        values = means[np.unique(run.places[:point])]
        if len(values) >= count:
            result[place] = np.partition(values, len(values) - count)[-count:].mean()
    return result
