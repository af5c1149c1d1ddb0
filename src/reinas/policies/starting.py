"""A policy that begins with given architectures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reinas.policies.base import AbstractPolicy, State
from reinas.types import Answers, Trial

PROPOSED = "starting.proposed"


class StartingWith(AbstractPolicy):
    """Proposes given architectures first, then those of another policy, which learns from all.

    Args:
        policy: What proposes the rest.
        starts: Answers to propose first, in this order; they belong to the policy's space.
    """

    def __init__(self, policy: AbstractPolicy, starts: Sequence[Answers]) -> None:
        self._policy, self._starts = policy, tuple(starts)
        self._seen = 0
        self.batch_size = policy.batch_size

    @property
    def settings(self) -> Mapping[str, Any]:
        """The other policy's, and the starts."""
        return {**self._policy.settings, "starts": [list(answers) for answers in self._starts]}

    def continue_stopped(self) -> bool:
        """Whether the other policy does."""
        return self._policy.continue_stopped()

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """What is left of the starts, then the other policy's proposals."""
        first = [answers[:length] for answers in self._starts[self._seen : self._seen + count]]
        left = count - len(first)
        return first + (self._policy.propose(left, length=length, seed=seed) if left else [])

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """The other policy learns from the batch."""
        self._seen += len(trials)
        return self._policy.update(trials)

    def state(self) -> State:
        """The other policy's, and how many trials there were."""
        return {**self._policy.state(), PROPOSED: np.array([self._seen])}

    def restore(self, state: State) -> None:
        """Restore the other policy, and how many trials there were."""
        rest = dict(state)
        self._seen = int(rest.pop(PROPOSED)[0])
        self._policy.restore(rest)
