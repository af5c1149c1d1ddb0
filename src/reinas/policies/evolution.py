"""Regularised evolution (Real, Aggarwal, Huang & Le 2019)."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from reinas.errors import InvalidSettingError
from reinas.policies.base import State, rewards
from reinas.policies.descent import AbstractDescent, Child
from reinas.policies.history import padded, unpadded
from reinas.policies.neighbours import completed, mutated
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Decision, Trial


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
        # the youngest members alone, so that a state is as small after 100,000 trials as after 100
        self._answers: list[Answers] = []
        self._values: list[float] = []
        self._count, self._worst = 0, 0.0

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "evolution", "population": self._population, "sample": self._sample}

    def descent(self, count: int, *, length: int, seed: int) -> list[Child]:
        """Random children until the population is full, then mutants of tournament winners."""
        missing = max(0, min(count, self._population - self._count))
        first = self._space.sample(missing, seed, length=length, over="decisions")
        rng = np.random.default_rng([seed, missing])  # independent of the random children's stream
        decisions = self._space.decisions[:length]
        mutants = [self._mutant(decisions, rng) for _ in range(count - missing)]
        return [*((answers, None) for answers in first), *mutants]

    def _mutant(self, decisions: Sequence[Decision], rng: np.random.Generator) -> Child:
        alive = len(self._answers)
        drawn = rng.choice(alive, min(self._sample, alive), replace=False)
        if not len(drawn):  # the batch exceeds the population, and nothing was evaluated yet
            return completed(decisions, (), rng), None
        winner = max(drawn, key=self._values.__getitem__)
        parent = self._answers[winner]
        # a shallower parent is extended by randomly drawn layers
        child = mutated(decisions, completed(decisions, parent[: len(decisions)], rng), rng)
        return child, self._count - alive + int(winner)

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Add the batch to the population; as many of the oldest members die.

        Returns:
            `reward`: the batch's mean reward; `population`: the mean reward of the population.
        """
        values = rewards(trials, self._worst)
        self._worst = min(self._worst, *values)
        self._count += len(trials)
        self._answers = [*self._answers, *(t.answers for t in trials)][-self._population :]
        self._values = [*self._values, *values][-self._population :]
        return {"reward": mean(values), "population": mean(self._values)}

    def state(self) -> State:
        """The living: answers int32 [n, T], shallower networks padded with -1, values [n].

        Also how many trials there were, and the lowest value below 0.
        """
        return {
            "answers": padded(self._answers),
            "values": np.array(self._values, np.float64),
            "count": np.array(self._count),
            "worst": np.array(self._worst),
        }

    def restore(self, state: State) -> None:
        """Restore the living; before store version 6 a state had all trials."""
        values = state["values"].tolist()
        self._answers = unpadded(state["answers"])[-self._population :]
        self._values = values[-self._population :]
        self._count = int(state.get("count", np.array(len(values))))
        self._worst = float(state.get("worst", np.array(min([0.0, *values]))))
