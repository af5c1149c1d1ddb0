"""Local search (White, Nolen & Savani 2021)."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from reinas.errors import InvalidSettingError
from reinas.policies.base import State
from reinas.policies.descent import AbstractDescent, Child
from reinas.policies.history import History
from reinas.policies.neighbours import changed, changes, completed
from reinas.policies.random import fresh
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Trial


class LocalSearch(AbstractDescent):
    """Local search with restarts: climbs from the best of a few random architectures.

    A neighbour differs in one answer. Nothing is evaluated twice. If no neighbour is better, the
    search restarts from new random architectures (White, Nolen & Savani 2021).

    Args:
        space: The space to search.
        starts: Random architectures per restart, at least 1; the best of them is the start.
        first: If true, move to the first better neighbour; otherwise evaluate all neighbours and
            move to the best.

    Raises:
        InvalidSettingError: `starts` is below 1.
    """

    batch_size = 1

    def __init__(self, space: AbstractSpace[Any], *, starts: int = 10, first: bool = True) -> None:
        if starts < 1:
            raise InvalidSettingError("policy.starts", f"must be at least 1, got {starts}")
        self._space = space
        self._starts, self._first = starts, first
        self._history = History()
        self._restarted = 0  # index of the first trial after the last restart
        self._centre: int | None = None  # index of the trial whose neighbours are evaluated
        self._cached: tuple[int, int] | None = None  # centre and length of `_neighbours`
        self._neighbours: list[Answers] = []

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "local", "starts": self._starts, "first": self._first}

    def descent(self, count: int, *, length: int, seed: int) -> list[Child]:
        """Unevaluated neighbours in random order; random architectures after a restart."""
        left = self._unevaluated(length)
        order = np.random.default_rng(seed).permutation(len(left))[:count]
        around = [left[place] for place in order]
        known = self._history.known | set(around)
        others = fresh(self._space, count - len(around), known, length=length, seed=seed)
        missing = count - len(around) - len(others)  # above 0 only if everything was evaluated
        others += self._space.sample(missing, seed, length=length, over="decisions")
        return [*((a, self._centre) for a in around), *((a, None) for a in others)]

    def _unevaluated(self, length: int) -> list[Answers]:
        """The centre's neighbours that were not evaluated; none after a restart."""
        if self._centre is None:
            return []
        if self._cached != (self._centre, length):
            self._cached = self._centre, length
            self._neighbours = self._all_neighbours(self._centre, length)
        return [answers for answers in self._neighbours if answers not in self._history.known]

    def _all_neighbours(self, trial: int, length: int) -> list[Answers]:
        """The trial's neighbours; newly active decisions are drawn, the same at every call."""
        decisions = self._space.decisions[:length]
        rng = np.random.default_rng(trial)
        centre = completed(decisions, self._history.answers[trial][:length], rng)
        around = (changed(decisions, centre, c, rng) for c in changes(decisions, centre))
        return list(dict.fromkeys(self._space.snapped(answers) for answers in around))

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Move to a better neighbour, stay, or restart.

        Returns:
            `reward`: the batch's mean reward; `best`: the best reward so far.
        """
        values = self._history.add(trials)
        every = self._history.values
        if self._centre is not None:
            self._climb(self._centre, len(trials[-1].answers))
        elif len(every) - self._restarted >= self._starts:
            self._centre = max(range(self._restarted, len(every)), key=every.__getitem__)
        return {"reward": mean(values), "best": max(every)}

    def _climb(self, centre: int, length: int) -> None:
        every = self._history.values
        exhausted = not self._unevaluated(length)
        if self._first or exhausted:
            best = max(range(self._restarted, len(every)), key=every.__getitem__)
            if every[best] > every[centre]:
                self._centre = best
                return
        if exhausted:
            self._restarted, self._centre = len(every), None

    def state(self) -> State:
        """The history, the trial of the last restart, and the centre (-1 for none)."""
        centre = -1 if self._centre is None else self._centre
        return {**self._history.state(), "place": np.array([self._restarted, centre])}

    def restore(self, state: State) -> None:
        """Restore the history, the last restart and the centre."""
        self._history.restore(state)
        self._restarted, centre = map(int, state["place"])
        self._centre = None if centre < 0 else centre
        self._cached = None
