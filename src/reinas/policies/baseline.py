"""The baseline of REINFORCE (section 3.2): a moving average of earlier rewards."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import NamedTuple

from reinas.policies.base import rewards
from reinas.types import Trial


class Advantages(NamedTuple):
    """What REINFORCE learns from one batch; the advantage of trial k is rewards[k] - baseline.

    Args:
        rewards: One value per trial (see `reinas.policies.base.rewards`).
        baseline: What is subtracted from each of them.
        next: The baseline after this batch.
    """

    rewards: list[float]
    baseline: float
    next: "Baseline"


@dataclass(frozen=True, slots=True)
class Baseline:
    """An exponential moving average of the batches' mean rewards (section 3.2).

    Args:
        decay: Weight of the old average in each update, in [0, 1).
        average: The average so far; NaN before the first batch.
        worst: The lowest reward so far if that is below 0, else 0; a failed child counts as this.
    """

    decay: float
    average: float = math.nan
    worst: float = 0.0

    def advantages(self, trials: Sequence[Trial]) -> Advantages:
        """Rewards and baseline of a finished batch, and the baseline after it.

        The baseline is the average before the batch; for the first batch it is the batch's mean.

        Args:
            trials: A finished batch.

        Returns:
            The batch's rewards, the baseline to subtract, and the next `Baseline`.

        Raises:
            ValueError: There is nothing to learn from (see `reinas.policies.base.rewards`).
        """
        values = rewards(trials, self.worst)
        average = mean(values)
        baseline = average if math.isnan(self.average) else self.average
        following = replace(
            self,
            average=moving_average(self.average, average, self.decay),
            worst=min(self.worst, *values),
        )
        return Advantages(values, baseline, following)


def moving_average(average: float, value: float, decay: float) -> float:
    """The exponential moving average after one more value.

    Args:
        average: The average so far; NaN if there is none.
        value: The new value.
        decay: Weight of the old average.

    Returns:
        decay * average + (1 - decay) * value; `value` itself if it is the first.
    """
    return value if math.isnan(average) else decay * average + (1 - decay) * value
