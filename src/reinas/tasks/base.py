"""The contract of a task, its parts, and standardisation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError, nearest
from reinas.tasks.recipes import Recipe
from reinas.tasks.rewards import REWARDS
from reinas.types import Curve

Loss = Literal["cross_entropy", "mse"]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Part:
    """Examples: x float32 [N, *inputs]; y int64 [N] (classes) or float32 [N, outputs]."""

    x: Floats
    y: NDArray[Any]

    def __add__(self, other: "Part") -> "Part":
        """Both parts, one after the other."""
        return Part(np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y]))

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a search may see: a part to train on and one to validate on."""

    train: Part
    valid: Part


@dataclass(frozen=True, slots=True)
class Scaling:
    """Standardisation: (raw - mean) / std; a constant column is only centred."""

    mean: Floats
    std: Floats

    @staticmethod
    def of(values: NDArray[Any], axes: tuple[int, ...]) -> "Scaling":
        """The statistics of `values` over `axes`, kept as axes of length 1 but for the first."""
        mean = values.mean(axis=axes, keepdims=True, dtype=np.float64)[0]
        std = values.std(axis=axes, keepdims=True, dtype=np.float64)[0]
        # rounding gives a constant column a deviation a little above 0: compare the values
        constant = (values == values[:1]).all(axis=axes, keepdims=True)[0]
        std = np.where(constant | (std == 0), 1.0, std)
        return Scaling(mean.astype(np.float32), std.astype(np.float32))

    @staticmethod
    def none() -> "Scaling":
        """Leaves everything as it is."""
        return Scaling(np.zeros(1, np.float32), np.ones(1, np.float32))

    def __call__(self, values: NDArray[Any]) -> Floats:
        """The standardised values, same shape, float32."""
        return ((values - self.mean) / self.std).astype(np.float32)


class Interface(Protocol):
    """What a network has to fit: all that `build` needs to know of a task."""

    @property
    def name(self) -> str:
        """The task's name, for messages."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example: (channels, height, width) or (columns,)."""

    @property
    def outputs(self) -> int:
        """How many numbers the network gives: one a class, or one a target."""


class AbstractTask(ABC):
    """What networks are searched for: subclasses are frozen dataclasses of parameters.

    The test part is not among `parts()`: only `test()` reads it, and only `reinas finish`
    calls that, once a search.
    """

    name: ClassVar[str]
    loss: ClassVar[Loss]
    standardise: ClassVar[bool] = True
    """Whether inputs (and targets of regression) are standardised by the training statistics."""
    reward: str
    """The name of the reward function, one of `reinas.tasks.rewards.REWARDS`."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example: (channels, height, width) or (columns,)."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many numbers the network gives: one a class, or one a target."""

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """How children are trained unless somebody says otherwise."""

    @abstractmethod
    def parts(self) -> Parts:
        """The training and the validation part, raw; the same at every call."""

    @abstractmethod
    def test(self) -> Part:
        """The held-back part, raw. It is measured once, for the final network."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's name and parameters: with them it can be made again."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]

    @property
    def score(self) -> str:
        """What a curve's score is called."""
        return "accuracy" if self.loss == "cross_entropy" else "r2"

    def reward_of(self, curve: Curve) -> float:
        """The reward of a child whose training went so."""
        return REWARDS[self.reward](curve)

    def scalings(self, train: Part) -> tuple[Scaling, Scaling]:
        """The standardisation of inputs and of targets by the statistics of `train` only.

        Images have one mean a channel, tables one a column; classes are left alone.
        """
        if not self.standardise:
            return Scaling.none(), Scaling.none()
        axes = (0, 2, 3) if len(self.inputs) == 3 else (0,)
        targets = Scaling.of(train.y, (0,)) if self.loss == "mse" else Scaling.none()
        return Scaling.of(train.x, axes), targets


def check_parts(task: AbstractTask) -> None:
    """Raise `SettingError` unless the parts are what the task says and children can take."""
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
        classes = task.loss == "cross_entropy"
        kind, shape = ("int64", ()) if classes else ("float32", (task.outputs,))
        if part.y.dtype != np.dtype(kind) or part.y.shape[1:] != shape:
            raise SettingError(
                f"{where}: expected targets of type {kind} and shape {shape}, got {part.y.dtype}"
                f" and {part.y.shape[1:]}"
            )


def check_reward(owner: str, reward: str) -> None:
    """Raise `SettingError` unless there is a reward of that name."""
    if reward not in REWARDS:
        raise SettingError(f"{owner}: unknown reward '{reward}': {nearest(reward, REWARDS)}")
