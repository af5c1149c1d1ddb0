"""The contract of a policy: propose learns nothing, update alone learns."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from reinas.types import Answers, Trial

State = dict[str, NDArray[Any]]
"""All that a policy has learned, as named arrays: storable without pickle."""


class AbstractPolicy(ABC):
    """Proposes answers and learns from what came of them: higher rewards are better.

    A failed child counts as 0, or as the worst so far where rewards are below 0.

    A search calls `propose`, has the children evaluated, and calls `update` with the whole
    batch in the order proposed. `restore(state())` on a policy with the same settings gives one
    that goes on exactly alike. `batch` is how many children it wants at a time, where nobody says
    otherwise.
    """

    batch: int = 8

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything that changes results, as JSON takes it; compared when a search resumes."""

    @abstractmethod
    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """`count` answers to the first `length` decisions; the same seed gives the same answers."""

    @abstractmethod
    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Learn from a finished batch; diagnostics to be kept and drawn."""

    @abstractmethod
    def state(self) -> State:
        """All that was learned."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Go on from a state that `state()` gave."""


def rewards(trials: Sequence[Trial], worst: float = 0.0) -> list[float]:
    """What each trial earned; `ValueError` where there is nothing to learn from.

    A failed one earned 0, or as little as the worst where rewards are below 0: of these trials,
    or of earlier ones, of which `worst` is the least.
    """
    values: list[float] = []
    if not trials:
        raise ValueError("a policy learns from one or more trials, got none")
    for trial in trials:
        if trial.outcome is None:
            raise ValueError(f"trial {trial.number} has no outcome yet: only finished ones teach")
        if not math.isfinite(trial.outcome.value):
            raise ValueError(f"trial {trial.number} has the reward {trial.outcome.value}")
        values.append(trial.outcome.value)
    least = min(worst, *values, 0.0)
    return [
        least if trial.outcome is None or trial.outcome.reward is None else value
        for trial, value in zip(trials, values, strict=True)
    ]
