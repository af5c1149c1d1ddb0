"""Random search: the rival that every learned policy has to beat."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from reinas.policies.base import AbstractPolicy, State, rewards
from reinas.policies.history import History
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace, Over
from reinas.types import Answers, Trial

SMALL = 50_000  # architectures that are listed rather than drawn until a new one comes
PATIENCE = 100  # draws in a row without a new architecture, in a space that is too large to list


def fresh(
    space: AbstractSpace[Any],
    count: int,
    known: set[Answers],
    *,
    length: int,
    seed: int,
    over: Over = "decisions",
) -> list[Answers]:
    """`count` random answers that are not among `known`, nor twice.

    Fewer where the space has no more, or, if it is too large to be listed, where no new one was
    found in a hundred draws for each.
    """
    taken = set(known)
    found: list[Answers] = []
    for attempt in range(PATIENCE):
        missing = count - len(found)
        if not missing:
            return found
        for answers in space.sample(missing, derive(seed, attempt), length=length, over=over):
            if answers not in taken:
                taken.add(answers)
                found.append(answers)
    if length == len(space.decisions) and space.size <= SMALL:
        rest = [answers for answers in space.enumerate() if answers not in taken]
        order = np.random.default_rng(derive(seed, "rest")).permutation(len(rest))
        found += [rest[place] for place in order[: count - len(found)]]
    return found


class RandomSearch(AbstractPolicy):
    """Random search: draws without learning, with replacement.

    `over="decisions"` (default) draws each asked decision uniformly, as a controller does before
    it has learned; `over="architectures"` makes every architecture equally likely. With
    `replacement=false` nothing is drawn twice before everything was drawn.
    """

    def __init__(
        self, space: AbstractSpace[Any], *, over: Over = "decisions", replacement: bool = True
    ) -> None:
        space.sample(0, 0, over=over)  # refuses an unknown word
        self._space = space
        self._over: Over = over
        self._replacement = replacement
        self._history = History()

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name, what is uniform, and, where it never repeats itself, that."""
        named = {"name": "random", "over": self._over}
        return named if self._replacement else {**named, "replacement": False}

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Independent draws, or new ones."""
        if self._replacement:
            return self._space.sample(count, seed, length=length, over=self._over)
        known = self._history.known
        drawn = fresh(self._space, count, known, length=length, seed=seed, over=self._over)
        missing = count - len(drawn)
        return drawn + self._space.sample(missing, seed, length=length, over=self._over)

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Learns nothing; remembers what not to draw again."""
        if not self._replacement:
            self._history.add(trials)
        return {"reward": mean(rewards(trials))}

    def state(self) -> State:
        """What was drawn, where that matters."""
        return {} if self._replacement else self._history.state()

    def restore(self, state: State) -> None:
        """Everything that `state()` gave."""
        if not self._replacement:
            self._history.restore(state)
