"""What was measured: the memory of policies that learn from single trials."""

from collections.abc import Sequence

import numpy as np

from reinas.policies.base import State, rewards
from reinas.types import Answers, Trial


class History:
    """All answers in the order measured, and the reward of each (a failed one: as the worst)."""

    def __init__(self) -> None:
        self.answers: list[Answers] = []
        self.values: list[float] = []
        self.known: set[Answers] = set()

    def __len__(self) -> int:
        """How many trials there were."""
        return len(self.answers)

    def add(self, trials: Sequence[Trial]) -> list[float]:
        """Remember a finished batch; the rewards that it earned."""
        values = rewards(trials, min(self.values, default=0.0))
        self.answers += [trial.answers for trial in trials]
        self.values += values
        self.known.update(trial.answers for trial in trials)
        return values

    def state(self) -> State:
        """Answers [n, T], those of shallower networks filled with -1, and rewards [n]."""
        width = max(map(len, self.answers), default=0)
        answers = np.full((len(self), width), -1, np.int32)
        for row, known in zip(answers, self.answers, strict=True):
            row[: len(known)] = known
        return {"answers": answers, "values": np.array(self.values, np.float64)}

    def restore(self, state: State) -> None:
        """Everything that `state()` gave."""
        rows = state["answers"].tolist()
        self.answers = [tuple(a for a in row if a >= 0) for row in rows]
        self.values = state["values"].tolist()
        self.known = set(self.answers)
