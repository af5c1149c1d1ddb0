"""The contract of a policy: `propose` learns nothing; only `update` learns."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from reinas.types import Answers, Trial

State = dict[str, NDArray[Any]]
"""Everything that a policy has learned, as named arrays; it can be stored without pickle."""

MAX_SEED = (1 << 63) - 1
"""The largest seed that a policy takes: what a signed 64-bit integer holds."""


class AbstractPolicy(ABC):
    """Proposes answers and learns from the outcomes; higher rewards are better.

    A search calls `propose`, evaluates the children, and calls `update` with the whole batch, in
    the order proposed. After `restore(state())`, a policy with the same settings continues
    exactly as the first one would have.

    What is learned from a trial is `Outcome.value`:

    - complete: the reward;
    - pruned: the last score that the child reported before it was stopped early, treated like a
      reward; Bayesian search puts it on the scale of whole trainings first;
    - failed: 0, or the lowest value seen so far if that is below 0. Otherwise failing would be
      the best that a child could do where all rewards are negative.

    Attributes:
        batch_size: Number of children per batch, unless the search sets another.
    """

    batch_size: int = 8

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The name and every parameter that changes results, as JSON values.

        A search compares them with the stored ones when it resumes.
        """

    def continue_stopped(self) -> bool:
        """Let the policy propose architectures again whose training was stopped early.

        A search that can go on with them calls it before anything else. Such a proposal becomes
        a trial of its own, which begins where the earlier one was stopped.

        Returns:
            Whether the policy will; by default it does not.
        """
        return False

    @abstractmethod
    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Propose architectures, without learning anything.

        Args:
            count: How many to propose.
            length: Answer only the first `length` decisions of the space.
            seed: The only source of randomness; the same seed gives the same proposals.

        Returns:
            `count` canonical answers, each of `length` indices.
        """

    @abstractmethod
    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Learn from a finished batch.

        Args:
            trials: The whole batch, in the order proposed; every trial has its outcome.

        Returns:
            Diagnostics of this update by name; the search stores and plots them.

        Raises:
            ValueError: There are no trials, or one has no outcome or no finite reward.
        """

    @abstractmethod
    def state(self) -> State:
        """A copy of everything learned so far."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Replace what was learned by a state that `state()` returned.

        Args:
            state: From a policy with the same settings.
        """


def rewards(trials: Sequence[Trial], worst: float = 0.0) -> list[float]:
    """The value that a policy learns from each trial.

    A failed trial gets 0, or the lowest value seen so far (here or in `worst`) if that is below 0.

    Args:
        trials: A finished batch.
        worst: The lowest value of earlier batches, or 0.

    Returns:
        One finite value per trial.

    Raises:
        ValueError: There are no trials, or one has no outcome or no finite reward.
    """
    values: list[float] = []
    if not trials:
        raise ValueError("a policy learns from one or more trials, got none")
    for trial in trials:
        if trial.outcome is None:
            raise ValueError(
                f"trial {trial.number} has no outcome yet: a policy learns from finished trials"
            )
        if not math.isfinite(trial.outcome.value):
            raise ValueError(
                f"trial {trial.number} has the reward {trial.outcome.value}, expected a finite one"
            )
        values.append(trial.outcome.value)
    lowest = min(worst, *values, 0.0)
    return [
        lowest if trial.state == "failed" else value
        for trial, value in zip(trials, values, strict=True)
    ]
