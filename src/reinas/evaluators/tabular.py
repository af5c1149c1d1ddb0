"""Tables as evaluators: every architecture was measured before, looking it up is an evaluation."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Job, Outcome

Noise = Literal["mean", "seeds"]
MEAN = "mean"
"""The metric that holds the mean over training seeds, whatever the reward was."""
REPORTED = "reported"
"""The metric that holds what the search may not see."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a table says of one architecture: rewards, one a training seed, higher is better.

    `reported` is the metric that the reward stands for but may not see, such as test accuracy;
    `seconds` is what one training took.
    """

    rewards: tuple[float, ...]
    reported: float | None = None
    seconds: float = 0.0

    @property
    def mean(self) -> float:
        """The mean reward over the training seeds."""
        return math.fsum(self.rewards) / len(self.rewards)


class AbstractTable(ABC):
    """Rewards of all architectures of a space; rewards to be minimised are held negated."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Its name and parameters, as JSON takes them: with them it can be made again."""

    @property
    @abstractmethod
    def fingerprint(self) -> str | None:
        """A digest of what was read from files; None where the settings say it all."""

    @property
    @abstractmethod
    def space(self) -> AbstractSpace[Any]:
        """What its architectures are."""

    @property
    @abstractmethod
    def reward(self) -> str:
        """What the reward is called."""

    @property
    @abstractmethod
    def report(self) -> str | None:
        """What `reported` is called, if there is such."""

    @property
    @abstractmethod
    def maximise(self) -> bool:
        """Whether people read its rewards as higher is better; else they are held negated."""

    @property
    @abstractmethod
    def best(self) -> float | None:
        """The best mean reward of all architectures, where it is known."""

    @property
    @abstractmethod
    def noise(self) -> Noise:
        """What an evaluation gives where nobody says otherwise."""

    @abstractmethod
    def look(self, answers: Answers) -> Entry | None:
        """What was measured; None for a row that is missing."""

    def draw(self, answers: Answers, rng: np.random.Generator) -> float | None:
        """One training's reward; None for a row that is missing."""
        entry = self.look(answers)
        return None if entry is None else entry.rewards[rng.integers(len(entry.rewards))]


class GridTable(AbstractTable):
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
        self._radix = _radix([d.options for d in space.decisions])

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


@dataclass(frozen=True)
class TabularEvaluator(AbstractEvaluator[Any]):
    """Looks architectures up. The reward is the mean over training seeds, or one of them.

    With `noise="seeds"` each evaluation draws one training's reward by the job's seed. The
    outcome's metrics hold the mean all the same, and the reported metric.
    """

    table: AbstractTable
    noise: Noise

    def __init__(self, table: AbstractTable, noise: Noise | None = None) -> None:
        if noise not in (None, "mean", "seeds"):
            raise SettingError(f"noise is mean or seeds, got {noise!r}")
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "noise", noise or table.noise)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The table's settings, the noise, and which data they are."""
        settings: dict[str, Any] = {"table": dict(self.table.settings), "noise": self.noise}
        if self.table.fingerprint is not None:
            settings["data"] = self.table.fingerprint
        return settings

    def __call__(self, job: Job[Any]) -> Outcome:
        """The row of the job's architecture; a failure where the table has none."""
        answers = self.table.space.encode(job.architecture)
        entry = self.table.look(answers)
        if entry is None:
            return Outcome(None, error="the table has no row for it")
        reward: float | None = entry.mean
        if self.noise == "seeds":
            reward = self.table.draw(answers, np.random.default_rng(job.seed))
        metrics = {MEAN: entry.mean}
        if entry.reported is not None and self.table.report is not None:
            metrics[REPORTED] = entry.reported
        return Outcome(reward, entry.seconds, metrics)
