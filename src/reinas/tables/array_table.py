"""Benchmark tables that are held whole, as arrays."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.spaces.base import AbstractSpace
from reinas.tables.base import AbstractBenchmarkTable, Entry, Noise
from reinas.types import Answers


class BenchmarkTable(AbstractBenchmarkTable):
    """A table that is held whole: `rewards` [size, seeds], in the order of `space.enumerate()`.

    NaN is a training seed that is missing; a row of nothing else is an architecture that fails.
    The space has to be a full grid (no conditions). `reported` and `seconds` are [size].
    """

    def __init__(
        self,
        space: AbstractSpace[Any],
        rewards: NDArray[np.float64],
        settings: Mapping[str, Any],
        *,
        reward: str,
        maximise: bool = True,
        report: str | None = None,
        reported: NDArray[np.float64] | None = None,
        seconds: NDArray[np.float64] | None = None,
        fingerprint: str | None = None,
    ) -> None:
        if np.isnan(rewards).all():
            raise SettingError("a table needs at least one reward, got none")
        self._space, self._settings, self._fingerprint = space, dict(settings), fingerprint
        self._reward, self._maximise, self._report = reward, maximise, report
        self._rewards = rewards if maximise else -rewards
        self._reported, self._seconds = reported, seconds
        self._radix = _radix([d.num_options for d in space.decisions])

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its name and parameters."""
        return self._settings

    @property
    def fingerprint(self) -> str | None:
        """A digest of the file."""
        return self._fingerprint

    @property
    def space(self) -> AbstractSpace[Any]:
        """A full grid of choices."""
        return self._space

    @property
    def reward(self) -> str:
        """The column's name."""
        return self._reward

    @property
    def report(self) -> str | None:
        """The reported column's name."""
        return self._report

    @property
    def maximise(self) -> bool:
        """Whether higher is better."""
        return self._maximise

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """The mean reward of each row [size]; NaN where it is missing."""
        counts = (~np.isnan(self._rewards)).sum(1)
        sums = np.nansum(self._rewards, axis=1)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    @cached_property
    def best(self) -> float:
        """The best mean reward."""
        return self._entry(int(np.nanargmax(self.means))).mean

    @property
    def noise(self) -> Noise:
        """The mean over training seeds."""
        return "mean"

    def look(self, answers: Answers) -> Entry | None:
        """The row of these answers."""
        place = sum(a * r for a, r in zip(answers, self._radix, strict=True))
        return None if np.isnan(self.means[place]) else self._entry(place)

    def _entry(self, place: int) -> Entry:
        row = self._rewards[place]
        reported = None if self._reported is None else float(self._reported[place])
        seconds = 0.0 if self._seconds is None else float(self._seconds[place])
        return Entry(tuple(row[~np.isnan(row)].tolist()), reported, seconds)


def _radix(options: Sequence[int]) -> list[int]:
    """What each answer counts in the number of a row: the last decision runs fastest."""
    weights = [1]
    for count in reversed(options[1:]):
        weights.append(weights[-1] * count)
    return weights[::-1]
