"""Synthetic landscapes with adjustable interactions between decisions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import InvalidSettingError
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace, check_number
from reinas.spaces.conv import ConvSpace
from reinas.spaces.product import ProductSpace
from reinas.tables.base import AbstractBenchmarkTable, Entry, Noise
from reinas.types import Answers

MAX_CONTRIBUTIONS = 20_000_000  # numbers held in memory


class _Chain(AbstractBenchmarkTable):
    """A landscape over the decisions of a space, which depend on those before them."""

    interactions: int
    deviation: float
    seed: int

    def _check_deviation(self) -> None:
        if not 0 <= self.deviation < 1e6:
            raise InvalidSettingError(
                "table.deviation", f"must be from 0 to a million, got {self.deviation}"
            )

    @property
    def fingerprint(self) -> None:
        """None: nothing is read from files."""

    @property
    def reward(self) -> str:
        """Always `reward`."""
        return "reward"

    @property
    def report(self) -> None:
        """None: there is no other metric."""

    @property
    def maximise(self) -> bool:
        """True: a higher reward is better."""
        return True

    @property
    def noise(self) -> Noise:
        """`seeds` if there is noise, else `mean`."""
        return "seeds" if self.deviation else "mean"

    @cached_property
    def _contributions(self) -> list[NDArray[np.float64]]:
        """One array per decision; its axes are the earlier answers, oldest first, then its own."""
        rng = np.random.default_rng(derive(self.seed, "landscape"))
        counts = [decision.num_options for decision in self.space.decisions]
        k = self.interactions
        return [rng.random(counts[max(0, n - k) : n + 1]) for n in range(len(counts))]

    @cached_property
    def best(self) -> float:
        """The best reward without noise, by dynamic programming."""
        best = np.zeros(())  # the best sum so far, for each combination of the last answers
        for contribution in self._contributions:
            best = best[..., None] + contribution
            if best.ndim > self.interactions:
                best = best.max(0)  # no later decision depends on the oldest answer
        return float(best.max()) / len(self._contributions)

    def look(self, answers: Answers) -> Entry:
        """The reward without noise: the mean contribution.

        Args:
            answers: The architecture.

        Returns:
            Its entry, with one reward in [0, 1].
        """
        k = self.interactions
        total = sum(
            float(part[answers[max(0, n - k) : n + 1]])
            for n, part in enumerate(self._contributions)
        )
        return Entry((total / len(self._contributions),))

    def draw(self, answers: Answers, rng: np.random.Generator) -> float:
        """The reward with noise.

        Args:
            answers: The architecture.
            rng: Draws the noise.

        Returns:
            The reward.
        """
        return self.look(answers).mean + self.deviation * float(rng.standard_normal())


@dataclass(frozen=True)
class Landscape(_Chain):
    """An NK landscape (Kauffman & Levin 1987): the mean of one contribution per decision.

    A decision's contribution is uniform in [0, 1] and depends on its own answer and on those of
    the `interactions` decisions before it.

    Args:
        decisions: Number of decisions N, 1 to 10,000.
        options: Number of options per decision, 2 to 1,000.
        interactions: K, 0 to `decisions` - 1. With 0 the decisions are independent; with
            `decisions` - 1 the last decision depends on all others.
        deviation: Standard deviation of the noise that is added to each evaluation.
        seed: Draws the landscape.

    Raises:
        SettingError: A parameter is out of range, or the landscape is too large.
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
        self._check_deviation()
        size = self.decisions * self.options ** (self.interactions + 1)
        if size > MAX_CONTRIBUTIONS:
            raise InvalidSettingError(
                "table.interactions",
                f"is {self.interactions}: with {self.options} options that takes more than"
                f" {MAX_CONTRIBUTIONS:,} contributions; lower one of the two",
            )

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "landscape", **asdict(self)}

    @cached_property
    def space(self) -> AbstractSpace[Any]:
        """`decisions` choices with `options` options each.

        Each is a kind of its own, so that no policy shares weights between them: what is learned
        about one says nothing about another.
        """
        return ProductSpace(
            tuple(
                (f"d{n}", tuple(f"d{n}.{k}" for k in range(1, self.options + 1)))
                for n in range(1, self.decisions + 1)
            )
        )


@dataclass(frozen=True)
class ConvLandscape(_Chain):
    """An NK landscape over the decisions of `ConvSpace`: filters, and links by anchor points.

    As in `Landscape`, a decision's contribution depends on those before it, in the order in which
    a controller answers them. It says nothing about convolutional networks: it is there to compare
    controllers on decisions of several kinds, with links.

    Args:
        depth: Number of layers, 1 to 30.
        interactions: K, 0 to 6.
        deviation: Standard deviation of the noise that is added to each evaluation.
        seed: Draws the landscape.

    Raises:
        SettingError: A parameter is out of range.
    """

    depth: int = 6
    interactions: int = 2
    deviation: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("conv-landscape", "depth", self.depth, 1, 30)
        check_number("conv-landscape", "interactions", self.interactions, 0, 6)
        self._check_deviation()

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "conv-landscape", **asdict(self)}

    @cached_property
    def space(self) -> AbstractSpace[Any]:
        """The paper's space at this depth."""
        return ConvSpace(depth=self.depth)
