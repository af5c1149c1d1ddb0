"""From a learning curve and a child's costs to a reward: higher is better.

A reward is a name of `REWARDS` or any function `(curve, metrics) -> float`. Settings record a
function as `module:name`, so one from a module is found again when a search is restored from
its settings; a lambda or a function within another is recorded all the same, but only the
program that defines it can resume the search. A failed child counts as 0, or as the worst so far
where rewards are negative.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, final

from reinas.errors import InvalidSettingError, nearest
from reinas.names import object_name
from reinas.plugins import load_object
from reinas.types import Curve

Metrics = Mapping[str, float]
RewardFunction = Callable[[Curve, Metrics], float]
"""The reward of a child with this learning curve and these metrics: `parameters`, `loss`, the
score by its name, and what the reward's `needs` name."""
RewardSetting = str | Mapping[str, Any] | RewardFunction
"""A name, settings that were recorded, or a function."""

LAST = 5
"""Epochs that count: "the last 5 epochs" (Zoph & Le 2016, section 4.1)."""
COSTS = ("parameters", "flops", "latency")
"""What a constraint may bound: scalars, multiply-adds for one example, seconds for one example."""


class Reward(ABC):
    """A reward with parameters; subclasses are frozen dataclasses."""

    @property
    def needs(self) -> frozenset[str]:
        """Which of `flops` and `latency` must be among the metrics; they are not free."""
        return frozenset()

    @property
    def settings(self) -> Mapping[str, Any]:
        """Name and parameters, as JSON takes them."""
        return {"name": object_name(self), **vars(self)}

    @abstractmethod
    def __call__(self, curve: Curve, metrics: Metrics) -> float:
        """The reward of one child.

        Args:
            curve: Its validated epochs, one or more.
            metrics: Its measurements by name.

        Returns:
            Higher is better.
        """


def accuracy(curve: Curve, metrics: Metrics) -> float:
    """The highest score of the last 5 validated epochs; an R squared below 0 counts as 0."""
    return max(0.0, *(epoch.score for epoch in curve.epochs[-LAST:]))


def score(curve: Curve, metrics: Metrics) -> float:
    """The highest score of the last 5 validated epochs, whatever its sign."""
    return max(epoch.score for epoch in curve.epochs[-LAST:])


def cubed(curve: Curve, metrics: Metrics) -> float:
    """The highest validation accuracy of the last 5 epochs, cubed (section 4.1)."""
    return accuracy(curve, metrics) ** 3


def closeness(curve: Curve, metrics: Metrics) -> float:
    """1 / (1 + the lowest validation loss of the last 5 epochs): 1 is perfect, 0 infinitely bad."""
    return 1.0 / (1.0 + min(epoch.loss for epoch in curve.epochs[-LAST:]))


def negative_error(curve: Curve, metrics: Metrics) -> float:
    """Minus the lowest validation loss of the last 5 epochs: 0 is perfect."""
    return -min(epoch.loss for epoch in curve.epochs[-LAST:])


def perplexity(curve: Curve, metrics: Metrics) -> float:
    """80 / (the lowest validation perplexity of the last 5 epochs) squared (section 4.2)."""
    return 80.0 * math.exp(-2 * min(epoch.loss for epoch in curve.epochs[-LAST:]))


REWARDS: dict[str, RewardFunction] = {
    "accuracy": accuracy,
    "score": score,
    "cubed": cubed,
    "closeness": closeness,
    "negative_error": negative_error,
    "perplexity": perplexity,
}
"""Every reward by its name, as the setting `task.reward` takes it."""
FROM_ZERO = ("accuracy", "cubed")
"""Rewards that take every score below 0 for 0."""


@final
@dataclass(frozen=True)
class Constrained(Reward):
    """See `constrained`."""

    reward: str | RewardFunction
    targets: tuple[tuple[str, float], ...]
    below: float
    above: float

    @property
    def needs(self) -> frozenset[str]:
        """The costs that are constrained, but for parameters, which are always counted."""
        inner = self.reward.needs if isinstance(self.reward, Reward) else frozenset()
        return inner | {cost for cost, _ in self.targets} - {"parameters"}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The arguments of `constrained`."""
        return {
            "name": "constrained",
            "reward": record_of(self.reward),
            **dict(self.targets),
            "exponent": [self.below, self.above],
        }

    def __call__(self, curve: Curve, metrics: Metrics) -> float:
        """The reward, times (cost / target) ** exponent for every constraint."""
        function = REWARDS[self.reward] if isinstance(self.reward, str) else self.reward
        value, factor = function(curve, metrics), 1.0
        for cost, target in self.targets:
            ratio = metrics[cost] / target
            factor *= ratio ** (self.below if ratio <= 1 else self.above)
        return value * factor if value >= 0 else value / factor


@final
@dataclass(frozen=True)
class Measuring(Reward):
    """See `measuring`."""

    reward: str | RewardFunction
    costs: tuple[str, ...]

    @property
    def needs(self) -> frozenset[str]:
        """The costs, but for parameters, which are always counted."""
        inner = self.reward.needs if isinstance(self.reward, Reward) else frozenset()
        return inner | set(self.costs) - {"parameters"}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The arguments of `measuring`."""
        return {
            "name": "measuring",
            "reward": record_of(self.reward),
            "costs": list(self.costs),
        }

    def __call__(self, curve: Curve, metrics: Metrics) -> float:
        """The reward as it is."""
        function = REWARDS[self.reward] if isinstance(self.reward, str) else self.reward
        return float(function(curve, metrics))


def measuring(reward: str | RewardFunction, costs: Sequence[str]) -> Measuring:
    """A reward whose children are also measured by what they cost.

    Args:
        reward: The reward, by its name or as a function.
        costs: Some of parameters, flops and latency; they become metrics of outcomes.

    Returns:
        A reward, to be given to a task.

    Raises:
        InvalidSettingError: There is no such reward or cost.
    """
    checked = check_reward(reward)
    if checked == "auto" or isinstance(checked, Mapping):
        raise InvalidSettingError(
            "task.reward.reward", "should be a name or a function, not 'auto'"
        )
    for cost in costs:
        if cost not in COSTS:
            raise InvalidSettingError(
                "task.reward.costs", f"'{cost}' is not known: {nearest(cost, COSTS)}"
            )
    return Measuring(checked, tuple(costs))


def constrained(
    reward: str | RewardFunction,
    *,
    parameters: float | None = None,
    flops: float | None = None,
    latency: float | None = None,
    exponent: float | tuple[float, float] = -0.07,
) -> Constrained:
    """Trade a reward against costs: reward x (cost / target) ** w (Tan et al. 2019, equation 2).

    Several constraints multiply. A negative reward is divided by the factor instead, so that
    cost never improves it.

    Args:
        reward: The reward without costs, by its name or as a function.
        parameters: Target for the number of parameters.
        flops: Target for the multiply-adds of one example.
        latency: Target for the seconds of one example. It is measured where children are
            trained, so rewards differ a little from run to run.
        exponent: w, or the pair (alpha below the target, beta above it); at most 0. The paper's
            choice is -0.07 for both; (0, -1) only punishes what exceeds the target.

    Returns:
        A reward, to be given to a task.

    Raises:
        SettingError: A value is out of range, or there is no target.
    """
    checked = check_reward(reward)
    if checked == "auto" or isinstance(checked, Mapping):
        raise InvalidSettingError(
            "task.reward.reward", "should be a name or a function, not 'auto'"
        )
    targets = {"parameters": parameters, "flops": flops, "latency": latency}
    given = tuple((cost, float(t)) for cost, t in targets.items() if t is not None)
    if not given:
        raise InvalidSettingError(
            "task.reward", f"needs a target for one or more of {', '.join(COSTS)}"
        )
    for cost, target in given:
        if not 0 < target < math.inf:
            raise InvalidSettingError(f"task.reward.{cost}", f"must be above 0, got {target}")
    pair = (exponent, exponent) if isinstance(exponent, int | float) else tuple(exponent)
    if len(pair) != 2 or not all(-math.inf < w <= 0 for w in pair):
        raise InvalidSettingError(
            "task.reward.exponent", f"must be a number of at most 0, or two of them; got {exponent}"
        )
    return Constrained(checked, given, float(pair[0]), float(pair[1]))


def check_reward(reward: RewardSetting) -> str | RewardFunction:
    """A reward from what a person gave or what settings recorded.

    Args:
        reward: A name, `auto`, `module:name`, recorded settings, or a function.

    Returns:
        A name of `REWARDS`, `auto`, or a function.

    Raises:
        InvalidSettingError: There is no such reward.
    """
    if isinstance(reward, str):
        known = ("auto", *REWARDS)
        if ":" in reward:
            return _by_name(reward)
        if reward not in known:
            raise InvalidSettingError(
                "task.reward", f"'{reward}' is not known: {nearest(reward, known)}"
            )
        return reward
    if isinstance(reward, Mapping):
        return _from_settings(dict(reward))
    given: Any = reward
    if not callable(given) or isinstance(given, type):
        raise InvalidSettingError(
            "task.reward", f"should be a name or a function (curve, metrics), got {given!r}"
        )
    return reward


def _by_name(name: str) -> RewardFunction:
    """The function or `Reward` that a name leads to.

    Names come out of stores, too, so a function is only taken that says that it returns a number.
    """
    found: Any = _loaded(name)
    if isinstance(found, Reward):
        return found
    if isinstance(found, FunctionType) and found.__annotations__.get("return") in (float, "float"):
        return found
    raise InvalidSettingError(
        "task.reward",
        f"'{name}' is no reward by its name: expected a function (curve, metrics) with the"
        " annotation '-> float', or an object derived from reinas.rewards.Reward",
    )


def _loaded(name: str) -> Any:
    try:
        return load_object(name)
    except InvalidSettingError as error:
        raise InvalidSettingError("task.reward", str(error)) from error


def _from_settings(settings: dict[str, Any]) -> RewardFunction:
    name = settings.pop("name", None)
    makers: dict[Any, Any] = {"constrained": constrained, "measuring": measuring}
    kind: Any = makers.get(name) or _loaded(str(name))
    if name not in makers and not (isinstance(kind, type) and issubclass(kind, Reward)):
        raise InvalidSettingError(
            "task.reward", f"'{name}' is no reward: expected a subclass of reinas.rewards.Reward"
        )
    try:
        made: RewardFunction = kind(**settings)
    except TypeError as error:
        raise InvalidSettingError("task.reward", f"{name} cannot be made: {error}") from None
    return made


def record_of(reward: str | RewardFunction) -> Any:
    """A reward as settings record it.

    Args:
        reward: A name or a function.

    Returns:
        The name, the settings of a `Reward`, or `module:name` of another function.
    """
    if isinstance(reward, str):
        return reward
    return dict(reward.settings) if isinstance(reward, Reward) else object_name(reward)
