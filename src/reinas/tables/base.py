"""The contract of a benchmark table: rewards that were measured in advance."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from reinas.spaces.base import AbstractSpace
from reinas.types import Answers

Noise = Literal["mean", "seeds"]
"""What an evaluation gives: the mean over the training seeds, or one of them at random."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a table has for one architecture.

    Args:
        rewards: One per training seed; higher is better.
        reported: A held-out metric that is never shown to the policy, such as test accuracy.
        seconds: Duration of one training.
        curve: The (step, reward) of each fidelity below the whole training, by step.
    """

    rewards: tuple[float, ...]
    reported: float | None = None
    seconds: float = 0.0
    curve: tuple[tuple[int, float], ...] = ()

    @property
    def mean(self) -> float:
        """The mean reward over the training seeds."""
        return math.fsum(self.rewards) / len(self.rewards)


class AbstractBenchmarkTable(ABC):
    """The rewards of a space's architectures; rewards to be minimised are stored negated."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Name and parameters as JSON values, from which the table can be made again."""

    @property
    @abstractmethod
    def fingerprint(self) -> str | None:
        """Digest of the files that were read; None if the settings determine the table."""

    @property
    @abstractmethod
    def space(self) -> AbstractSpace[Any]:
        """The space of its architectures."""

    @property
    @abstractmethod
    def reward(self) -> str:
        """Name of the reward."""

    @property
    @abstractmethod
    def report(self) -> str | None:
        """Name of the metric `Entry.reported`; None if there is none."""

    @property
    @abstractmethod
    def maximise(self) -> bool:
        """Whether a higher reward is better; otherwise rewards are stored negated."""

    @property
    @abstractmethod
    def best(self) -> float | None:
        """The best mean reward of all architectures; None if it is not known."""

    @property
    @abstractmethod
    def noise(self) -> Noise:
        """What an evaluation gives by default."""

    @property
    def steps(self) -> int | None:
        """How many steps a whole training has; None, the default: only its end is known."""
        return None

    def random_best(self, count: int, noise: Noise) -> float | None:
        """The expected mean reward of what random search holds, exactly.

        Random search draws each architecture with the same probability, again and again, and holds
        the one with the best reward.

        Args:
            count: The number of evaluations.
            noise: What an evaluation gives.

        Returns:
            The expectation; None, the default, where the table cannot list its rewards.
        """
        return None

    @abstractmethod
    def look(self, answers: Answers) -> Entry | None:
        """What the table has for an architecture.

        Args:
            answers: The architecture.

        Returns:
            Its entry; None if it fails.
        """

    def draw(self, answers: Answers, rng: np.random.Generator) -> float | None:
        """The reward of one random training seed.

        Args:
            answers: The architecture.
            rng: Draws the seed.

        Returns:
            The reward; None if the architecture fails.
        """
        entry = self.look(answers)
        return None if entry is None else entry.rewards[rng.integers(len(entry.rewards))]
