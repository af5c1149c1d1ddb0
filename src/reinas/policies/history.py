"""All evaluated trials: the memory of policies that learn from single trials."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.policies.base import State, rewards
from reinas.policies.encoding import Floats, Ints
from reinas.policies.fidelity import comparable, doubts
from reinas.types import Answers, Trial


class History:
    """Every evaluated architecture and its reward, in the order of evaluation.

    Args:
        comparing: Whether to keep what `comparable` needs; without it, a score of a trial that was
            stopped early counts like a reward.

    Attributes:
        continuing: Whether trials that were stopped early may go on.
        answers: One entry per trial.
        values: The value learned from each trial (see `reinas.policies.base.rewards`).
        known: All answers that were evaluated.
        steps: After which step each trial was stopped early; 0 where it was not.
        curves: The scores of each trial by step; empty before any trial was stopped early.
        failed: Whether each trial failed.
    """

    def __init__(self, *, comparing: bool = False) -> None:
        self._comparing, self.continuing = comparing, False
        self.answers: list[Answers] = []
        self.values: list[float] = []
        self.known: set[Answers] = set()
        self.steps: list[int] = []
        self.curves: list[dict[int, float]] = []
        self.failed: list[bool] = []

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
        self.failed += [trial.state == "failed" for trial in trials]
        self.known.update(trial.answers for trial in trials)
        outcomes = [trial.outcome for trial in trials]
        steps = [0 if o is None or o.pruned is None else o.pruned.step for o in outcomes]
        self.steps += steps if self._comparing else [0] * len(steps)
        told = any(self.steps)
        self.curves += [dict(o.reports) if told and o is not None else {} for o in outcomes]
        return values

    @property
    def settled(self) -> set[Answers]:
        """The answers that need not be evaluated again: `known` without those that may go on."""
        if not self.continuing:
            return self.known
        reached: dict[Answers, int] = {}
        waiting = set()
        for answers, step in zip(self.answers, self.steps, strict=True):
            if step > reached.get(answers, 0):
                waiting.add(answers)
            else:  # trained whole, or no further than before
                waiting.discard(answers)
            reached[answers] = max(step, reached.get(answers, 0))
        return self.known - waiting

    def latest(self, count: int | None = None) -> Ints:
        """Which of the first trials the model learns from.

        Args:
            count: How many trials. None: all.

        Returns:
            Their places, ascending: all of them, but where trials may go on only the last one of
            each architecture.
        """
        answers = self.answers[:count]
        if not self.continuing:
            return np.arange(len(answers))
        last = {own: place for place, own in enumerate(answers)}
        return np.array(sorted(last.values()), np.int64)

    def failures(self, places: Ints) -> NDArray[np.bool_]:
        """Which of the trials failed.

        Args:
            places: [n], which trials.

        Returns:
            bool [n].
        """
        return np.array(self.failed, bool)[places]

    def comparable(self, places: Ints) -> Floats:
        """Trials' values on the scale of whole trainings (`fidelity.comparable`).

        Args:
            places: [n], which trials.

        Returns:
            [n].
        """
        values, steps, curves = self._of(places)
        return comparable(values, steps, curves)

    def doubts(self, places: Ints) -> Floats:
        """How much less the scores of trials that were stopped early say (`fidelity.doubts`).

        Args:
            places: [n], which trials.

        Returns:
            [n]; zeros where no trial may go on.
        """
        _, steps, curves = self._of(places)
        return doubts(steps, curves) if self.continuing else np.zeros(len(places))

    def _of(self, places: Ints) -> tuple[list[float], list[int], list[dict[int, float]]]:
        chosen = places.tolist()
        return (
            [self.values[n] for n in chosen],
            [self.steps[n] for n in chosen],
            [self.curves[n] for n in chosen],
        )

    def state(self) -> State:
        """Answers int32 [n, T], shallower networks padded with -1, and values float64 [n].

        Where trials were stopped early, also the steps int64 [n], and all their scores as rows of
        (trial, step, score), float64 [reports, 3]; where trials failed, the numbers of these.
        """
        result: State = {
            "answers": padded(self.answers),
            "values": np.array(self.values, np.float64),
        }
        if any(self.failed):
            result["failed"] = np.flatnonzero(self.failed)
        if any(self.steps):
            rows = [(n, *point) for n, curve in enumerate(self.curves) for point in curve.items()]
            result["steps"] = np.array(self.steps, np.int64)
            result["curves"] = np.array(rows, np.float64).reshape(-1, 3)
        return result

    def restore(self, state: State) -> None:
        """Replace the history by one that `state()` returned."""
        self.answers = unpadded(state["answers"])
        self.values = state["values"].tolist()
        self.known = set(self.answers)
        self.steps = [0] * len(self)
        self.curves = [{} for _ in self.answers]
        self.failed = [False] * len(self)
        for number in state.get("failed", np.zeros(0, np.int64)).tolist():
            self.failed[number] = True
        if "steps" in state:
            self.steps = state["steps"].tolist()
            for number, step, score in state["curves"].tolist():
                self.curves[int(number)][int(step)] = score


def padded(answers: Sequence[Answers]) -> NDArray[np.int32]:
    """Answers int32 [n, T]; those of shallower networks end with -1."""
    width = max(map(len, answers), default=0)
    rows = np.full((len(answers), width), -1, np.int32)
    for row, known in zip(rows, answers, strict=True):
        row[: len(known)] = known
    return rows


def unpadded(rows: NDArray[Any]) -> list[Answers]:
    """The answers that `padded` was given."""
    return [tuple(a for a in row if a >= 0) for row in rows.tolist()]
