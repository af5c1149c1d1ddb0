"""The review's line with noise (docs/review.md)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reinas.objectives.base import Objective
from reinas.objectives.regression import Regression
from reinas.rewards import RewardSetting, check_reward
from reinas.seeds import derive
from reinas.tasks.base import AbstractTask, Part, Parts
from reinas.tasks.recipes import Recipe


def line(seed: int) -> Part:
    """100 points: x = 10.00, 10.01, ..., 10.99; y = 2 x + 0.2 N(0, 1).

    Args:
        seed: Of the noise.

    Returns:
        x and y, float32 [100, 1] each.
    """
    x = 10 + np.arange(100) / 100
    y = 2 * x + 0.2 * np.random.default_rng(seed).standard_normal(100)
    return Part(x.astype(np.float32)[:, None], y.astype(np.float32)[:, None])


@dataclass(frozen=True)
class Toy(AbstractTask):
    """The review's data: 100 points of y = 2 x + 0.2 N(0, 1), trained on and measured on.

    The review has no validation part, so here validation *is* the training part; the test part
    is another draw of the same line. Inputs are raw, as in the review.
    """

    reward: RewardSetting = "closeness"
    name: ClassVar[str] = "toy"
    inputs: ClassVar[tuple[int, ...]] = (1,)
    outputs: ClassVar[int] = 1
    objective: ClassVar[Objective] = Regression()
    whitening = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "reward", check_reward(self.reward))

    @property
    def recipe(self) -> Recipe:
        """The review's: Adam, 0.001, batch 32, 2,000 epochs."""
        return Recipe(
            optimizer="adam",
            learning_rate=0.001,
            weight_decay=0.0,
            schedule="constant",
            epochs=2000,
            batch_size=32,
            validate_every=100,
        )

    def parts(self) -> Parts:
        """The same 100 points twice."""
        points = line(derive(0, "toy"))
        return Parts(points, points)

    def test(self) -> Part:
        """100 other draws of the noise."""
        return line(derive(0, "toy", "test"))
