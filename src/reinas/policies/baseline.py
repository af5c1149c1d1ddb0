"""What rewards are compared with (section 3.2): a moving average of earlier ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean

from reinas.policies.base import rewards
from reinas.types import Trial


@dataclass(frozen=True, slots=True)
class Baseline:
    """The exponential moving average of earlier batches' mean rewards; NaN before the first.

    `worst` is the least reward so far below 0, which is what a failed child then counts as.
    """

    decay: float
    average: float = math.nan
    worst: float = 0.0

    def values(self, trials: Sequence[Trial]) -> list[float]:
        """What each trial of a finished batch earned."""
        return rewards(trials, self.worst)

    def before(self, values: Sequence[float]) -> float:
        """What is taken from a batch's rewards: for the first one its own mean."""
        return mean(values) if math.isnan(self.average) else self.average

    def after(self, values: Sequence[float]) -> "Baseline":
        """The baseline once a batch with these rewards was learned from."""
        average = moving_average(self.average, mean(values), self.decay)
        return replace(self, average=average, worst=min(self.worst, *values))


def moving_average(before: float, value: float, decay: float) -> float:
    """The exponential moving average after one more value; the first value if there was none."""
    return value if math.isnan(before) else decay * before + (1 - decay) * value
