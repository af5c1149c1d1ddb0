"""Scores of children that were stopped early, on the scale of those that were trained whole.

Scores after different steps are not comparable: a loss after one epoch is worse than any after
the last. Children that went on connect the two scales, since they have scores on both.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from reinas.policies.encoding import Floats

FEWEST = 4  # children that went on, to estimate how much the scores' spread shrinks
LEAST_SLOPE = 0.1
DOUBT = 0.5
"""Variance of an early score's noise per factor e of the steps that are missing, in units of the
scores' variance: chosen on the four tables of benchmarks/curves.py."""


def comparable(
    values: Sequence[float],
    steps: Sequence[int],
    curves: Sequence[Mapping[int, float]],
) -> Floats:
    """What each child's score stands for at the end of a whole training.

    From the last rung down: of the children that went on from there the scores at the rung are
    matched with what they came to, by median and median deviation, and the scores of those that
    were given up follow. The spread only ever shrinks, and nobody that was given up gets more than
    the best child that was trained whole.

    Args:
        values: [n], a reward or, of a child that was stopped early, its last score.
        steps: [n], the step after which it was stopped; 0 where it was not.
        curves: [n], the scores by step, as far as they are known.

    Returns:
        [n]; exactly the values where no child was stopped early.
    """
    result = np.array(values)
    stopped = np.array(steps)
    whole = result[stopped == 0]
    settled = stopped == 0
    for rung in sorted({step for step in steps if step}, reverse=True):
        bridge = [n for n in np.flatnonzero(settled).tolist() if rung in curves[n]]
        mine = stopped == rung
        if bridge:
            before = np.array([curves[n][rung] for n in bridge])
            after = result[bridge]
            slope = _slope(before, after)
            result[mine] = np.median(after) + slope * (result[mine] - np.median(before))
        if len(whole):
            result[mine] = np.minimum(result[mine], whole.max())
        settled |= mine
    return result


def doubts(steps: Sequence[int], curves: Sequence[Mapping[int, float]]) -> Floats:
    """How much noise the scores of children that were stopped early have on top of the usual.

    Args:
        steps: [n], the step after which a child was stopped; 0 where it was not.
        curves: [n], the scores by step, as far as they are known.

    Returns:
        [n], variances in units of the scores' variance; 0 where a child was not stopped.
    """
    last = max((step for curve in curves for step in curve), default=1)
    shares = np.array([step or last for step in steps]) / max(last, *steps, 1)
    return -DOUBT * np.log(shares)


def _slope(before: Floats, after: Floats) -> float:
    """By how much the spread shrinks; 1 where too few children say."""
    spread = float(np.median(np.abs(before - np.median(before))))
    if len(before) < FEWEST or spread <= 0:
        return 1.0
    ratio = float(np.median(np.abs(after - np.median(after)))) / spread
    return min(1.0, max(LEAST_SLOPE, ratio))
