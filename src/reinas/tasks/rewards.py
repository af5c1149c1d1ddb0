"""From a learning curve to a reward: higher is better.

A failed child counts as 0, or as the worst so far where rewards are negative.
"""

import math
from collections.abc import Callable

from reinas.types import Curve

LAST = 5  # "the last 5 epochs", Zoph & Le 2016, section 4.1


def accuracy(curve: Curve) -> float:
    """The highest score of the last 5 validated epochs; an R squared below 0 counts as 0."""
    return max(0.0, *(epoch.score for epoch in curve.epochs[-LAST:]))


def score(curve: Curve) -> float:
    """The highest score of the last 5 validated epochs, whatever its sign."""
    return max(epoch.score for epoch in curve.epochs[-LAST:])


def cubed(curve: Curve) -> float:
    """The highest validation accuracy of the last 5 epochs, cubed (section 4.1)."""
    return accuracy(curve) ** 3


def closeness(curve: Curve) -> float:
    """1 / (1 + the lowest validation loss of the last 5 epochs): 1 is perfect, 0 infinitely bad."""
    return 1.0 / (1.0 + min(epoch.loss for epoch in curve.epochs[-LAST:]))


def negative_error(curve: Curve) -> float:
    """Minus the lowest validation loss of the last 5 epochs: 0 is perfect."""
    return -min(epoch.loss for epoch in curve.epochs[-LAST:])


def perplexity(curve: Curve) -> float:
    """80 / (the lowest validation perplexity of the last 5 epochs) squared (section 4.2)."""
    return 80.0 * math.exp(-2 * min(epoch.loss for epoch in curve.epochs[-LAST:]))


REWARDS: dict[str, Callable[[Curve], float]] = {
    "accuracy": accuracy,
    "score": score,
    "cubed": cubed,
    "closeness": closeness,
    "negative_error": negative_error,
    "perplexity": perplexity,
}
"""Every reward by its name, as `--set task.reward=...` takes it."""
