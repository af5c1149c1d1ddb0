"""A made landscape: how much decisions depend on each other is a parameter."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.seeds import derive
from reinas.spaces.base import check_number
from reinas.spaces.product import ProductSpace
from reinas.tables.base import AbstractBenchmarkTable, Entry, Noise
from reinas.types import Answers

LARGEST = 20_000_000  # contributions held in memory


@dataclass(frozen=True)
class Landscape(AbstractBenchmarkTable):
    """An NK landscape (Kauffman & Levin 1987): the mean of one contribution a decision.

    A decision's contribution is uniform in [0, 1] and depends on its own answer and on those of
    the `interactions` decisions before it: 0 is a sum of independent parts; with decisions - 1 the
    last ones depend on all, and the first on few. `deviation` is the standard deviation of noise
    that is added to each evaluation. `seed` draws the landscape.
    """

    decisions: int = 6
    options: int = 5
    interactions: int = 0
    deviation: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("landscape", "decisions", self.decisions, 1, 10_000)
        check_number("landscape", "options", self.options, 2, 1000)
        check_number("landscape", "interactions", self.interactions, 0, self.decisions - 1)
        if not 0 <= self.deviation < 1e6:
            raise SettingError(
                f"landscape: deviation must be from 0 to a million, got {self.deviation}"
            )
        size = self.decisions * self.options ** (self.interactions + 1)
        if size > LARGEST:
            raise SettingError(
                f"landscape: {self.options} options with {self.interactions} interactions take more"
                f" than {LARGEST:,} contributions: give fewer of them"
            )

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and parameters."""
        return {"name": "landscape", **asdict(self)}

    @property
    def fingerprint(self) -> None:
        """Nothing is read from files."""

    @cached_property
    def space(self) -> ProductSpace:
        """`decisions` choices among `options` each, every one a kind of its own.

        Nothing that is learned of one holds for another, so no policy shall share weights.
        """
        return ProductSpace(
            tuple(
                (f"d{n}", tuple(f"d{n}.{k}" for k in range(1, self.options + 1)))
                for n in range(1, self.decisions + 1)
            )
        )

    @property
    def reward(self) -> str:
        """It has no name of its own."""
        return "reward"

    @property
    def report(self) -> None:
        """There is no other metric."""

    @property
    def maximise(self) -> bool:
        """Higher is better."""
        return True

    @property
    def noise(self) -> Noise:
        """Drawn where there is any."""
        return "seeds" if self.deviation else "mean"

    @cached_property
    def _contributions(self) -> list[NDArray[np.float64]]:
        """For each decision [options, ...]: by earlier answers, oldest first, then its own."""
        rng = np.random.default_rng(derive(self.seed, "landscape"))
        return [
            rng.random((self.options,) * (min(n, self.interactions) + 1))
            for n in range(self.decisions)
        ]

    @cached_property
    def best(self) -> float:
        """The best reward, by dynamic programming over what later decisions still depend on."""
        best = np.zeros(())  # by the last `interactions` answers: the best sum so far
        for contribution in self._contributions:
            best = best[..., None] + contribution
            if best.ndim > self.interactions:
                best = best.max(0)  # nothing later asks about the oldest answer
        return float(best.max()) / self.decisions

    def look(self, answers: Answers) -> Entry:
        """The mean contribution."""
        k = self.interactions
        total = sum(
            float(part[answers[max(0, n - k) : n + 1]])
            for n, part in enumerate(self._contributions)
        )
        return Entry((total / self.decisions,))

    def draw(self, answers: Answers, rng: np.random.Generator) -> float:
        """The reward with noise."""
        return self.look(answers).mean + self.deviation * float(rng.standard_normal())
