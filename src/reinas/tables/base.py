"""The contract of a benchmark table: rewards that were measured before."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from reinas.spaces.base import AbstractSpace
from reinas.types import Answers

Noise = Literal["mean", "seeds"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a table says of one architecture: rewards, one a training seed, higher is better.

    `reported` is the metric that the reward stands for but may not see, such as test accuracy;
    `seconds` is what one training took.
    """

    rewards: tuple[float, ...]
    reported: float | None = None
    seconds: float = 0.0

    @property
    def mean(self) -> float:
        """The mean reward over the training seeds."""
        return math.fsum(self.rewards) / len(self.rewards)


class AbstractBenchmarkTable(ABC):
    """Rewards of all architectures of a space; rewards to be minimised are held negated."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Its name and parameters, as JSON takes them: with them it can be made again."""

    @property
    @abstractmethod
    def fingerprint(self) -> str | None:
        """A digest of what was read from files; None where the settings say it all."""

    @property
    @abstractmethod
    def space(self) -> AbstractSpace[Any]:
        """What its architectures are."""

    @property
    @abstractmethod
    def reward(self) -> str:
        """What the reward is called."""

    @property
    @abstractmethod
    def report(self) -> str | None:
        """What `reported` is called, if there is such."""

    @property
    @abstractmethod
    def maximise(self) -> bool:
        """Whether people read its rewards as higher is better; else they are held negated."""

    @property
    @abstractmethod
    def best(self) -> float | None:
        """The best mean reward of all architectures, where it is known."""

    @property
    @abstractmethod
    def noise(self) -> Noise:
        """What an evaluation gives where nobody says otherwise."""

    @abstractmethod
    def look(self, answers: Answers) -> Entry | None:
        """What was measured; None for a row that is missing."""

    def draw(self, answers: Answers, rng: np.random.Generator) -> float | None:
        """One training's reward; None for a row that is missing."""
        entry = self.look(answers)
        return None if entry is None else entry.rewards[rng.integers(len(entry.rewards))]
