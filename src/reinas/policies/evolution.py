"""Regularised evolution (Real, Aggarwal, Huang & Le 2019)."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from reinas.errors import SettingError
from reinas.policies.base import AbstractPolicy, State
from reinas.policies.history import History
from reinas.policies.neighbours import extended, mutated
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Trial


class Evolution(AbstractPolicy):
    """Regularised evolution: mutates the best of a random sample of the youngest.

    The first `population` children are random. Then each child is the best of `sample` members
    drawn from the `population` youngest, with one answer changed: who is old dies, however good.
    The defaults are the paper's, for thousands of children; for hundreds a population of 10 to 30
    is better.
    """

    batch = 1

    def __init__(
        self, space: AbstractSpace[Any], *, population: int = 100, sample: int = 25
    ) -> None:
        if population < 2:
            raise SettingError(f"evolution: population must be at least 2, got {population}")
        if not 1 <= sample <= population:
            raise SettingError(
                f"evolution: sample must be from 1 to the population, {population}; got {sample}"
            )
        self._space = space
        self._population, self._sample = population, sample
        self._history = History()

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the two sizes."""
        return {"name": "evolution", "population": self._population, "sample": self._sample}

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Random ones until the population is full, then mutants of tournament winners."""
        missing = max(0, min(count, self._population - len(self._history)))
        first = self._space.sample(missing, seed, length=length, over="decisions")
        rng = np.random.default_rng([seed, missing])  # another stream than that of the random ones
        decisions = self._space.decisions[:length]
        return first + [self._mutant(decisions, rng) for _ in range(count - missing)]

    def _mutant(self, decisions: Sequence[Any], rng: np.random.Generator) -> Answers:
        answers = self._history.answers[-self._population :]
        values = self._history.values[-self._population :]
        drawn = rng.choice(len(answers), min(self._sample, len(answers)), replace=False)
        if not len(drawn):  # asked for more than the population before anything was measured
            return extended(decisions, (), rng)
        parent = answers[max(drawn, key=values.__getitem__)]
        # a shallower parent grows, with the new layers drawn
        return mutated(decisions, extended(decisions, parent[: len(decisions)], rng), rng)

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """The batch is born, and as many of the oldest die."""
        values = self._history.add(trials)
        alive = self._history.values[-self._population :]
        return {"reward": mean(values), "population": mean(alive)}

    def state(self) -> State:
        """The whole history, of which the population is the end."""
        return self._history.state()

    def restore(self, state: State) -> None:
        """Everything that `state()` gave."""
        self._history.restore(state)
