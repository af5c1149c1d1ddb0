"""Local search (White, Nolen & Savani 2021)."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from reinas.errors import SettingError
from reinas.policies.base import AbstractPolicy, State
from reinas.policies.history import History
from reinas.policies.neighbours import extended, moved, moves
from reinas.policies.random import fresh
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Trial


class LocalSearch(AbstractPolicy):
    """Local search with restarts: from the best of a few random ones up, neighbour by neighbour.

    A neighbour differs in one answer. With `first=true` it moves to the first neighbour that is
    better, else it measures all of them and moves to the best. Where none is better it starts
    again from `starts` random ones. Nothing is measured twice.
    """

    batch = 1

    def __init__(self, space: AbstractSpace[Any], *, starts: int = 10, first: bool = True) -> None:
        if starts < 1:
            raise SettingError(f"local: starts must be at least 1, got {starts}")
        self._space = space
        self._starts, self._first = starts, first
        self._history = History()
        self._since = 0  # the trial at which the last restart began
        self._centre: int | None = None  # the trial whose neighbours are measured
        self._around: tuple[int, int] | None = None  # whose neighbours these are, at what length
        self._neighbours: list[Answers] = []

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "local", "starts": self._starts, "first": self._first}

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Neighbours that are not measured yet, in random order; random ones at a restart."""
        left = self._left(length)
        order = np.random.default_rng(seed).permutation(len(left))[:count]
        proposed = [left[place] for place in order]
        known = self._history.known | set(proposed)
        proposed += fresh(self._space, count - len(proposed), known, length=length, seed=seed)
        missing = count - len(proposed)  # everything was measured
        return proposed + self._space.sample(missing, seed, length=length, over="decisions")

    def _left(self, length: int) -> list[Answers]:
        """The neighbours of the centre that are not measured yet; none where there is no centre."""
        if self._centre is None:
            return []
        if self._around != (self._centre, length):
            self._around = self._centre, length
            self._neighbours = self._find(self._centre, length)
        return [answers for answers in self._neighbours if answers not in self._history.known]

    def _find(self, trial: int, length: int) -> list[Answers]:
        """All neighbours; what a move newly asks is drawn, the same at every call."""
        decisions = self._space.decisions[:length]
        rng = np.random.default_rng(trial)
        centre = extended(decisions, self._history.answers[trial][:length], rng)
        return [moved(decisions, centre, move, rng) for move in moves(decisions, centre)]

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Move, stay, or give this hill up."""
        values = self._history.add(trials)
        every = self._history.values
        if self._centre is not None:
            self._climb(self._centre, len(trials[-1].answers))
        elif len(every) - self._since >= self._starts:
            self._centre = max(range(self._since, len(every)), key=every.__getitem__)
        return {"reward": mean(values), "best": max(every)}

    def _climb(self, centre: int, length: int) -> None:
        every = self._history.values
        exhausted = not self._left(length)
        if self._first or exhausted:
            best = max(range(self._since, len(every)), key=every.__getitem__)
            if every[best] > every[centre]:
                self._centre = best
                return
        if exhausted:
            self._since, self._centre = len(every), None

    def state(self) -> State:
        """What was measured, and where it stands."""
        place = -1 if self._centre is None else self._centre
        return {**self._history.state(), "place": np.array([self._since, place])}

    def restore(self, state: State) -> None:
        """Everything that `state()` gave."""
        self._history.restore(state)
        self._since, place = map(int, state["place"])
        self._centre = None if place < 0 else place
        self._around = None
