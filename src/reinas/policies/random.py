"""Random search: the rival that every learned policy has to beat."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from reinas.policies.base import AbstractPolicy, State, rewards
from reinas.spaces.base import AbstractSpace, Over
from reinas.types import Answers, Trial


class RandomSearch(AbstractPolicy):
    """Random search: draws without learning, with replacement.

    `over="decisions"` (default) draws each asked decision uniformly, as a controller does before
    it has learned; `over="architectures"` makes every architecture equally likely.
    """

    def __init__(self, space: AbstractSpace[Any], *, over: Over = "decisions") -> None:
        space.sample(0, 0, over=over)  # refuses an unknown word
        self._space = space
        self._over: Over = over

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and what is uniform."""
        return {"name": "random", "over": self._over}

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Independent draws."""
        return self._space.sample(count, seed, length=length, over=self._over)

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Learns nothing."""
        return {"reward": mean(rewards(trials))}

    def state(self) -> State:
        """Nothing was learned."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing to restore."""
