"""Intervals and tests for paired runs: seeds in rows, whatever is compared in columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
RESAMPLES = 2000
FEW = 12  # seeds up to which the rank test is exact


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap(values: Floats, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """The mean over seeds and its 95 % percentile bootstrap interval: [seeds, n] -> three [n].

    Columns are resampled together. With one seed there is no interval: it is NaN.
    """
    count = len(values)
    mean = values.mean(0)
    if count == 1:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    # how often each seed is drawn in each resample; a resample's mean is then one product
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count
    # by differences from the mean: equal values give an interval of exactly no width
    resampled = mean + weights @ (values - mean)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    return np.clip(mean, low, high), low, high  # the mean of equal values may be off by rounding


def interval(values: Sequence[float] | Floats) -> Interval:
    """The mean of one column and its bootstrap interval."""
    mean, low, high = bootstrap(np.asarray(values, dtype=np.float64)[:, None])
    return Interval(float(mean[0]), float(low[0]), float(high[0]))


def share(successes: int, count: int) -> Interval:
    """A share and its 95 % Wilson interval, which holds for none and for all, too."""
    result = stats.binomtest(successes, count).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(successes / count, float(result.low), float(result.high))


def signed_rank(differences: Floats) -> float:
    """The p-value of Wilcoxon's signed-rank test, two-sided; ties at 0 count half to each side.

    Without any difference there is nothing to test: 1.
    """
    if not np.any(differences):
        return 1.0
    # with few seeds the normal approximation finds too much: then all changes of sign are counted
    few = stats.PermutationMethod(n_resamples=2**FEW)
    method = few if 1 < len(differences) <= FEW else "approx"
    result = stats.wilcoxon(differences, zero_method="zsplit", method=method)
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number (Holm 1979): all together err at most at their level."""
    order = np.argsort(p_values)
    result = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        result[place] = largest
    return result


def ranks(scores: Floats) -> Floats:
    """The rank of each policy for each seed, 1 for the least score: [seeds, n], ties averaged."""
    return np.asarray(stats.rankdata(scores, axis=1))
