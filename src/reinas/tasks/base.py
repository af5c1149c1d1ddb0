"""The contract of a task, its parts, and standardisation."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reinas.errors import InvalidSettingError, SettingError
from reinas.names import object_name
from reinas.objectives.base import Objective
from reinas.objectives.metrics import record_of_metric
from reinas.rewards import (
    FROM_ZERO,
    REWARDS,
    RewardFunction,
    RewardSetting,
    check_reward,
    measuring,
    record_of,
)
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import Scaling
from reinas.types import Curve

MEASURING = {"metric": "auto", "class_weight": None}
"""Parameters of how a task is measured, and what they usually are."""


@dataclass(frozen=True, slots=True)
class Part:
    """Raw examples.

    Args:
        x: Numbers [N, *inputs]; tokens int64 [N].
        y: Targets as the objective takes them: class numbers int64 [N], or float32 [N, outputs].
    """

    x: NDArray[Any]
    y: NDArray[Any]

    def __add__(self, other: "Part") -> "Part":
        """Both parts, one after the other."""
        return Part(np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y]))

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a search may see.

    Args:
        train: The part to train on.
        valid: The part to validate on.
    """

    train: Part
    valid: Part


class Interface(Protocol):
    """What a network has to fit: all that `build` needs to know of a task.

    Tasks and saved networks may also have `flags`, the columns of a table that have two values
    (`AbstractTask.flags`); a `build` that uses them does without where there are none.
    """

    @property
    def name(self) -> str:
        """The task's name, for messages."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example.

        (columns,), (channels, time) or (channels, height, width); () for tokens.
        """

    @property
    def outputs(self) -> int:
        """How many numbers the network gives: one per class, label or target."""


class AbstractTask(ABC):
    """What networks are searched for: subclasses are frozen dataclasses of parameters.

    The test part is not among `parts()`: only `test()` reads it, and only `finish` calls that,
    once per search.
    """

    reward: RewardSetting
    """A name of `reinas.rewards.REWARDS`, any function `(curve, metrics) -> float`, or `auto`."""
    whitening: str = "channel"
    """How inputs are standardised by the training part's statistics: `channel` (one mean and
    deviation per channel of images and series, per column of tables), `zca` (all inputs
    uncorrelated), `quantile` (each input standard normal by its empirical distribution, for
    tables) or `none`. Targets of regression are standardised unless it is `none`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The task's name, for settings and messages."""

    @property
    @abstractmethod
    def objective(self) -> Objective:
        """What the outputs mean: loss, score, targets, predictions."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example.

        (columns,), (channels, time) or (channels, height, width); () for tokens.
        """

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many numbers the network gives: one per class, label or target."""

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """How children are trained by default."""

    @abstractmethod
    def parts(self) -> Parts:
        """The training and the validation part, raw; the same at every call."""

    @abstractmethod
    def test(self) -> Part:
        """The held-back part, raw. It is measured once, for the final network."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's name and parameters: with them it can be made again."""
        own = not type(self).__module__.startswith("reinas.")
        name = object_name(type(self)) if own else self.name
        parameters = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        parameters |= {"reward": record_of(check_reward(self.reward))}
        for key, usual in MEASURING.items():  # not recorded as usual: earlier stores have none
            if key in parameters and parameters[key] == usual:
                del parameters[key]
        if "metric" in parameters:
            parameters["metric"] = record_of_metric(parameters["metric"])
        return {"name": name, **parameters}

    def reward_of(self, curve: Curve, metrics: Mapping[str, float] | None = None) -> float:
        """The reward of a child.

        Args:
            curve: Its validated epochs, one or more.
            metrics: Its measurements by name; those that `reward_function.needs` must be there.

        Returns:
            Higher is better.
        """
        return float(self.reward_function(curve, metrics or {}))

    @property
    def reward_function(self) -> RewardFunction:
        """The reward; `auto` stands for what the objective chooses."""
        reward = check_reward(self.reward)
        if not isinstance(reward, str):
            return reward
        if reward in FROM_ZERO and self.objective.score_name.startswith("-"):
            raise InvalidSettingError(
                "task.reward",
                f"'{reward}' takes scores from 0 up, but {self.objective.score_name} is below 0:"
                " choose auto or score",
            )
        return REWARDS[self.objective.reward(self.inputs) if reward == "auto" else reward]

    def measuring(self, costs: Sequence[str]) -> "AbstractTask":
        """The task with the same reward, whose children are also measured by what they cost.

        Args:
            costs: Some of parameters, flops and latency.
        """
        if not set(costs) - {"parameters"}:  # these are always counted
            return self
        reward = self.objective.reward(self.inputs) if self.reward == "auto" else self.reward
        changed = copy.copy(self)
        checked = check_reward(reward)
        object.__setattr__(changed, "reward", measuring(checked, costs))
        return changed

    @property
    def reward_name(self) -> str:
        """The reward's name, for people."""
        if self.reward == "auto":
            return self.objective.reward(self.inputs)
        record = record_of(check_reward(self.reward))
        return str(record["name"] if isinstance(record, dict) else record)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what was recognised in the data, for people."""
        return ()

    @property
    def fingerprint(self) -> str | None:
        """A hash of the training and the validation part; None where they come with reinas."""
        return None

    @property
    def flags(self) -> tuple[int, ...]:
        """The columns of a table that have no more than two values in the training part.

        Such as categories and flags of missing numbers; numbers from 0, in order. A network may
        treat them differently (`build` reads them where a task has them).
        """
        return ()

    @property
    def labels(self) -> Mapping[str, Any]:
        """What a saved network needs to read examples and name its outputs, as JSON takes it."""
        return {}

    def scalings(self, train: Part) -> tuple[Scaling, Scaling]:
        """The standardisation of inputs and of targets by the statistics of the training part.

        Args:
            train: The raw training part.

        Returns:
            The scaling of the inputs, as `whitening` says, and that of the targets.
        """
        if self.whitening == "none":
            return Scaling.none(), Scaling.none()
        targets = self.objective.scale_targets(train.y)
        if self.whitening == "zca":
            return Scaling.zca(train.x), targets
        if self.whitening == "quantile":
            return Scaling.quantile(train.x), targets
        axes = (0, *range(2, train.x.ndim)) if len(self.inputs) > 1 else (0,)
        return Scaling.of(train.x, axes), targets


def check_parts(task: AbstractTask) -> None:
    """Check that the parts are what the task says, and what children can take.

    Args:
        task: The task; its training and validation part are read.

    Raises:
        SettingError: They are not.
    """
    parts = task.parts()
    for name, part in (("training", parts.train), ("validation", parts.valid)):
        where = f"task '{task.name}', {name} part"
        if len(part.x) != len(part.y) or len(part) < 2:
            raise SettingError(
                f"{where}: expected two or more examples, each with a target; got {len(part.x)}"
                f" examples and {len(part.y)} targets"
            )
        if part.x.shape[1:] != task.inputs:
            raise SettingError(
                f"{where}: expected examples of shape {task.inputs}, got {part.x.shape[1:]}"
            )
        task.objective.check_targets(where, part.y, task.outputs)
