"""Regularised evolution (Real, Aggarwal, Huang & Le 2019)."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from reinas.errors import InvalidSettingError
from reinas.policies.base import State
from reinas.policies.descent import AbstractDescent, Child
from reinas.policies.history import History
from reinas.policies.neighbours import completed, mutated
from reinas.spaces.base import AbstractSpace
from reinas.types import Decision, Trial


class Evolution(AbstractDescent):
    """Regularised evolution: mutates the best of a random sample of the youngest children.

    The first `population` children are random. After that, each child is the best of `sample`
    members drawn from the `population` youngest, with one answer changed: members die of age,
    however good they are (Real et al. 2019, algorithm 1).

    Args:
        space: The space to search.
        population: Number of children that are alive, at least 2. The default is the paper's, for
            thousands of children; with hundreds, 10 to 30 is better.
        sample: Size of the tournament, from 1 to `population`.

    Raises:
        InvalidSettingError: A parameter is out of range.
    """

    batch_size = 1

    def __init__(
        self, space: AbstractSpace[Any], *, population: int = 100, sample: int = 25
    ) -> None:
        if population < 2:
            raise InvalidSettingError("policy.population", f"must be at least 2, got {population}")
        if not 1 <= sample <= population:
            raise InvalidSettingError(
                "policy.sample", f"must be from 1 to the population, {population}; got {sample}"
            )
        self._space = space
        self._population, self._sample = population, sample
        self._history = History()

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "evolution", "population": self._population, "sample": self._sample}

    def descent(self, count: int, *, length: int, seed: int) -> list[Child]:
        """Random children until the population is full, then mutants of tournament winners."""
        missing = max(0, min(count, self._population - len(self._history)))
        first = self._space.sample(missing, seed, length=length, over="decisions")
        rng = np.random.default_rng([seed, missing])  # independent of the random children's stream
        decisions = self._space.decisions[:length]
        mutants = [self._mutant(decisions, rng) for _ in range(count - missing)]
        return [*((answers, None) for answers in first), *mutants]

    def _mutant(self, decisions: Sequence[Decision], rng: np.random.Generator) -> Child:
        answers = self._history.answers[-self._population :]
        values = self._history.values[-self._population :]
        drawn = rng.choice(len(answers), min(self._sample, len(answers)), replace=False)
        if not len(drawn):  # the batch exceeds the population, and nothing was evaluated yet
            return completed(decisions, (), rng), None
        winner = max(drawn, key=values.__getitem__)
        parent = answers[winner]
        # a shallower parent is extended by randomly drawn layers
        child = mutated(decisions, completed(decisions, parent[: len(decisions)], rng), rng)
        return child, len(self._history) - len(answers) + int(winner)

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Add the batch to the population; as many of the oldest members die.

        Returns:
            `reward`: the batch's mean reward; `population`: the mean reward of the population.
        """
        values = self._history.add(trials)
        alive = self._history.values[-self._population :]
        return {"reward": mean(values), "population": mean(alive)}

    def state(self) -> State:
        """The whole history; its end is the population."""
        return self._history.state()

    def restore(self, state: State) -> None:
        """Restore the history."""
        self._history.restore(state)
