"""All evaluated trials: the memory of policies that learn from single trials."""

from collections.abc import Sequence

import numpy as np

from reinas.policies.base import State, rewards
from reinas.policies.encoding import Floats
from reinas.policies.fidelity import comparable
from reinas.types import Answers, Trial


class History:
    """Every evaluated architecture and its reward, in the order of evaluation.

    Args:
        comparing: Whether to keep what `comparable` needs; without it, a score of a trial that was
            stopped early counts like a reward.

    Attributes:
        answers: One entry per trial.
        values: The value learned from each trial (see `reinas.policies.base.rewards`).
        known: All answers that were evaluated.
        steps: After which step each trial was stopped early; 0 where it was not.
        curves: The scores of each trial by step; empty before any trial was stopped early.
    """

    def __init__(self, *, comparing: bool = False) -> None:
        self._comparing = comparing
        self.answers: list[Answers] = []
        self.values: list[float] = []
        self.known: set[Answers] = set()
        self.steps: list[int] = []
        self.curves: list[dict[int, float]] = []

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
        outcomes = [trial.outcome for trial in trials]
        steps = [0 if o is None or o.pruned is None else o.pruned.step for o in outcomes]
        self.steps += steps if self._comparing else [0] * len(steps)
        told = any(self.steps)
        self.curves += [dict(o.reports) if told and o is not None else {} for o in outcomes]
        return values

    def comparable(self, count: int | None = None) -> Floats:
        """The first trials' values on the scale of whole trainings (`fidelity.comparable`).

        Args:
            count: How many trials. None: all.

        Returns:
            [count].
        """
        part = slice(count)
        return comparable(self.values[part], self.steps[part], self.curves[part])

    def state(self) -> State:
        """Answers int32 [n, T], shallower networks padded with -1, and values float64 [n].

        Where trials were stopped early, also the steps int64 [n], and all their scores as rows of
        (trial, step, score), float64 [reports, 3].
        """
        width = max(map(len, self.answers), default=0)
        answers = np.full((len(self), width), -1, np.int32)
        for row, known in zip(answers, self.answers, strict=True):
            row[: len(known)] = known
        result: State = {"answers": answers, "values": np.array(self.values, np.float64)}
        if any(self.steps):
            rows = [(n, *point) for n, curve in enumerate(self.curves) for point in curve.items()]
            result["steps"] = np.array(self.steps, np.int64)
            result["curves"] = np.array(rows, np.float64).reshape(-1, 3)
        return result

    def restore(self, state: State) -> None:
        """Replace the history by one that `state()` returned."""
        rows = state["answers"].tolist()
        self.answers = [tuple(a for a in row if a >= 0) for row in rows]
        self.values = state["values"].tolist()
        self.known = set(self.answers)
        self.steps = [0] * len(self)
        self.curves = [{} for _ in self.answers]
        if "steps" in state:
            self.steps = state["steps"].tolist()
            for number, step, score in state["curves"].tolist():
                self.curves[int(number)][int(step)] = score
