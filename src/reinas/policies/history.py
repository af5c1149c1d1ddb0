"""All evaluated trials: the memory of policies that learn from single trials."""

from collections.abc import Sequence

import numpy as np

from reinas.policies.base import State, rewards
from reinas.types import Answers, Trial


class History:
    """Every evaluated architecture and its reward, in the order of evaluation.

    Attributes:
        answers: One entry per trial.
        values: The value learned from each trial (see `reinas.policies.base.rewards`).
        known: All answers that were evaluated.
    """

    def __init__(self) -> None:
        self.answers: list[Answers] = []
        self.values: list[float] = []
        self.known: set[Answers] = set()

    def __len__(self) -> int:
        """Number of trials."""
        return len(self.answers)

    def add(self, trials: Sequence[Trial]) -> list[float]:
        """Append a finished batch.

        Args:
            trials: A finished batch.

        Returns:
            The value learned from each of its trials.

        Raises:
            ValueError: There is nothing to learn from (see `reinas.policies.base.rewards`).
        """
        values = rewards(trials, min(self.values, default=0.0))
        self.answers += [trial.answers for trial in trials]
        self.values += values
        self.known.update(trial.answers for trial in trials)
        return values

    def state(self) -> State:
        """Answers int32 [n, T], shallower networks padded with -1, and values float64 [n]."""
        width = max(map(len, self.answers), default=0)
        answers = np.full((len(self), width), -1, np.int32)
        for row, known in zip(answers, self.answers, strict=True):
            row[: len(known)] = known
        return {"answers": answers, "values": np.array(self.values, np.float64)}

    def restore(self, state: State) -> None:
        """Replace the history by one that `state()` returned."""
        rows = state["answers"].tolist()
        self.answers = [tuple(a for a in row if a >= 0) for row in rows]
        self.values = state["values"].tolist()
        self.known = set(self.answers)
