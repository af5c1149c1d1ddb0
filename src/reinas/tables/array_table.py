"""Benchmark tables held in memory as arrays."""

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
    """A benchmark table held in memory.

    Args:
        space: The space; it must have no conditions.
        rewards: [size, seeds], in lexicographic order of the answers; with a pool, too, there is a
            row for every combination. NaN marks a missing training seed; a row of NaN is an
            architecture that fails, or that the pool does not have.
        settings: Name and parameters from which the table can be made again.
        reward: Name of the reward.
        maximise: Whether a higher reward is better; otherwise the rewards are stored negated.
        report: Name of the reported metric.
        reported: [size], a metric hidden from the search, such as test accuracy.
        seconds: [size], the duration of one training.
        fingerprint: Digest of the file that the table was read from.
        fidelities: The steps at which rewards are known, ascending; the last is the whole
            training's. None at all: only its end is known, and has no number.
        partial: [size, fidelities - 1], the rewards at those below the last.

    Raises:
        SettingError: There is no reward at all, or the fidelities do not fit their rewards.
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
        fidelities: Sequence[int] = (),
        partial: NDArray[np.float64] | None = None,
    ) -> None:
        if np.isnan(rewards).all():
            raise SettingError("a table needs at least one reward, got none")
        below = tuple(fidelities)[:-1]
        if list(fidelities) != sorted({*fidelities}) or (fidelities and fidelities[0] < 1):
            raise SettingError(f"fidelities ascend from 1 or more, got {tuple(fidelities)}")
        columns = 0 if partial is None else partial.shape[1]
        if columns != len(below):
            raise SettingError(
                f"{len(fidelities)} fidelities need rewards at all but the last; got {columns}"
            )
        self._fidelities = tuple(fidelities)
        self._partial = partial if maximise or partial is None else -partial
        self._space, self._settings, self._fingerprint = space, dict(settings), fingerprint
        self._reward, self._maximise, self._report = reward, maximise, report
        self._rewards = rewards if maximise else -rewards
        self._reported, self._seconds = reported, seconds
        self._radix = _radix([d.num_options for d in space.decisions])

    @property
    def settings(self) -> Mapping[str, Any]:
        """Name and parameters."""
        return self._settings

    @property
    def fingerprint(self) -> str | None:
        """Digest of the file that the table was read from."""
        return self._fingerprint

    @property
    def space(self) -> AbstractSpace[Any]:
        """The space, without conditions."""
        return self._space

    @property
    def reward(self) -> str:
        """Name of the reward."""
        return self._reward

    @property
    def report(self) -> str | None:
        """Name of the reported metric, if there is one."""
        return self._report

    @property
    def maximise(self) -> bool:
        """Whether a higher reward is better."""
        return self._maximise

    @property
    def steps(self) -> int | None:
        """The last fidelity, if there are any."""
        return self._fidelities[-1] if self._fidelities else None

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """Mean reward of each architecture [size]; NaN where it fails."""
        counts = (~np.isnan(self._rewards)).sum(1)
        sums = np.nansum(self._rewards, axis=1)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    @cached_property
    def best(self) -> float:
        """The best mean reward of all architectures."""
        return self._entry(int(np.nanargmax(self.means))).mean

    @cached_property
    def _ordered(self) -> Mapping[Noise, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """For both kinds of evaluation: the chance to draw at most each reward, and its mean."""
        there = self._places()
        means = self.means[there]
        means = np.where(np.isnan(means), np.nanmin(means), means)
        rewards = self._rewards[there]
        counts = (~np.isnan(rewards)).sum(1)
        drawn = np.where(counts[:, None] > 0, rewards, means[:, None])
        weights = np.where(np.isnan(drawn), 0.0, 1 / np.maximum(counts, 1)[:, None])
        weights[counts == 0, 1:] = 0.0  # a failure is one draw, not one per training seed
        wide = np.repeat(means[:, None], drawn.shape[1], 1)
        return {
            "mean": _cumulated(means, means, np.ones(len(means))),
            "seeds": _cumulated(drawn.ravel(), wide.ravel(), weights.ravel()),
        }

    def _places(self) -> NDArray[np.int64]:
        """The rows of the space's architectures."""
        pool = self._space.pool
        if pool is None:
            return np.arange(len(self._rewards))
        places: NDArray[np.int64] = np.array(pool.rows, np.int64) @ np.array(self._radix)
        return places

    def random_best(self, count: int, noise: Noise) -> float:
        """The expected mean reward of what random search holds, exactly.

        The sum over all rewards r, in ascending order, of (P(R <= r)^n - P(R < r)^n) times the mean
        reward of the architectures that give r. A failure counts as the lowest mean.

        Args:
            count: The number of evaluations n; every one draws anew, repeats included.
            noise: What an evaluation gives.

        Returns:
            The expectation.
        """
        shares, means = self._ordered[noise]
        below = np.concatenate([[0.0], shares[:-1]])
        return float(((shares**count - below**count) * means).sum())

    @property
    def noise(self) -> Noise:
        """`mean`: by default an evaluation gives the mean over the training seeds."""
        return "mean"

    def look(self, answers: Answers) -> Entry | None:
        """What the table has for an architecture.

        Args:
            answers: The architecture.

        Returns:
            Its entry; None if it fails.
        """
        place = sum(a * r for a, r in zip(answers, self._radix, strict=True))
        return None if np.isnan(self.means[place]) else self._entry(place)

    def _entry(self, place: int) -> Entry:
        row = self._rewards[place]
        reported = None if self._reported is None else float(self._reported[place])
        seconds = 0.0 if self._seconds is None else float(self._seconds[place])
        curve: tuple[tuple[int, float], ...] = ()
        if self._partial is not None:
            curve = tuple(zip(self._fidelities, self._partial[place].tolist(), strict=False))
        return Entry(tuple(row[~np.isnan(row)].tolist()), reported, seconds, curve)


def _cumulated(
    rewards: NDArray[np.float64], means: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of the weight at or below each different reward, ascending, and their means."""
    known = weights > 0
    rewards, means, weights = rewards[known], means[known], weights[known]
    values, places = np.unique(rewards, return_inverse=True)
    mass = np.bincount(places, weights, len(values))
    mean = np.bincount(places, weights * means, len(values)) / mass
    return np.cumsum(mass) / mass.sum(), mean


def _radix(options: Sequence[int]) -> list[int]:
    """The place value of each answer in the index of a row; the last decision varies fastest."""
    weights = [1]
    for count in reversed(options[1:]):
        weights.append(weights[-1] * count)
    return weights[::-1]
