"""Optuna's distributions as choices: the values that a policy chooses from."""

import math
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

LEVELS = 12
"""Values per number at most: a policy of reinas chooses, it does not interpolate."""


def values_of(distribution: BaseDistribution) -> list[Any]:
    """The values of a parameter that are told apart.

    Args:
        distribution: Categorical, or integers or floats, of which up to `LEVELS` values are taken
            in equal steps (of the logarithm, where it is `log`), the ends among them.

    Returns:
        The values, of Python's own types, ascending where they are numbers.
    """
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    given: Any = distribution
    low, high, step = given.low, given.high, given.step
    whole = isinstance(distribution, IntDistribution)
    if given.log:
        spread = np.exp(np.linspace(math.log(low), math.log(high), LEVELS))
        values = [float(min(max(value, low), high)) for value in spread]
        return sorted({round(value) for value in values}) if whole else _different(values)
    if step is None:
        return _different([float(value) for value in np.linspace(low, high, LEVELS)])
    count = round((high - low) / step)
    places = np.unique(np.round(np.linspace(0, count, min(count + 1, LEVELS)))).tolist()
    if whole:
        return [low + step * int(place) for place in places]
    return [min(float(low + step * place), float(high)) for place in places]


def labels_of(distribution: BaseDistribution) -> tuple[Any, ...]:
    """What the values are called in a space: numbers as they are, so that their order counts."""
    values = values_of(distribution)
    if isinstance(distribution, CategoricalDistribution):
        return tuple(f"choice {n}" for n in range(len(values)))
    return tuple(map(float, values))


def nearest(distribution: BaseDistribution, value: Any) -> int:
    """The place of the value that is nearest to a parameter.

    Args:
        distribution: The parameter's.
        value: As the trial has it.
    """
    values = values_of(distribution)
    if isinstance(distribution, CategoricalDistribution):
        return int(distribution.to_internal_repr(value))
    given: Any = distribution
    scale = math.log if given.log else float
    return min(range(len(values)), key=lambda n: abs(scale(values[n]) - scale(value)))


def _different(values: list[float]) -> list[float]:
    return list(dict.fromkeys(values))
