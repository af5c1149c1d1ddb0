"""Random search: the baseline that every learned policy has to beat."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from reinas.policies.base import AbstractPolicy, State, rewards
from reinas.policies.history import History
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace, Over
from reinas.types import Answers, Trial

SMALL = 50_000  # largest space that is enumerated once drawing finds no new architectures
MAX_DRAWS = 100  # rounds of drawing, each of as many architectures as are still missing


def fresh(
    space: AbstractSpace[Any],
    count: int,
    known: set[Answers],
    *,
    length: int,
    seed: int,
    over: Over = "decisions",
) -> list[Answers]:
    """Draw distinct random answers that are not in `known`.

    Args:
        space: The space to draw from.
        count: How many to draw.
        known: Answers to avoid.
        length: Answer only the first `length` decisions.
        seed: The only source of randomness.
        over: What is uniform: each decision, or each architecture.

    Returns:
        `count` answers; fewer if the space has no more, or, if it is too large to be enumerated,
        if 100 rounds of drawing did not find enough.
    """
    taken = set(known)
    found: list[Answers] = []
    for attempt in range(MAX_DRAWS):
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
    """Random search: samples without learning, with replacement by default.

    Args:
        space: The space to sample.
        over: `decisions` draws each active decision uniformly, as an untrained controller does;
            `architectures` makes every architecture equally likely.
        replacement: If false, nothing is proposed twice before everything was proposed.

    Raises:
        SettingError: `over` is neither of the two.
    """

    def __init__(
        self, space: AbstractSpace[Any], *, over: Over = "decisions", replacement: bool = True
    ) -> None:
        space.sample(0, 0, over=over)  # raises if `over` is unknown
        self._space = space
        self._over: Over = over
        self._replacement = replacement
        self._history = History()

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters; `replacement` only if false."""
        named = {"name": "random", "over": self._over}
        return named if self._replacement else {**named, "replacement": False}

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Independent draws; without replacement, architectures not evaluated yet."""
        if self._replacement:
            return self._space.sample(count, seed, length=length, over=self._over)
        known = self._history.known
        drawn = fresh(self._space, count, known, length=length, seed=seed, over=self._over)
        missing = count - len(drawn)
        return drawn + self._space.sample(missing, seed, length=length, over=self._over)

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Learn nothing, except what not to draw again; the diagnostic is the mean reward."""
        if not self._replacement:
            self._history.add(trials)
        return {"reward": mean(rewards(trials))}

    def state(self) -> State:
        """The history if nothing may be repeated, else empty."""
        return {} if self._replacement else self._history.state()

    def restore(self, state: State) -> None:
        """Restore the history if there is one."""
        if not self._replacement:
            self._history.restore(state)
