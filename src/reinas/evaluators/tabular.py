"""Tables as evaluators: every architecture was measured before, looking it up is an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from reinas.errors import SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.tables.base import AbstractBenchmarkTable, Noise
from reinas.types import Job, Outcome, Pruned

MEAN = "mean"
"""The metric that holds the mean over training seeds, whatever the reward was."""
REPORTED = "reported"
"""The metric that holds what the search may not see."""


@dataclass(frozen=True)
class TabularEvaluator(AbstractEvaluator[Any]):
    """Looks architectures up. The reward is the mean over training seeds, or one of them.

    With `noise="seeds"` each evaluation draws one training's reward by the job's seed. The
    outcome's metrics hold the mean all the same, and the reported metric. The mean costs as much
    as all trainings that it is taken over. Where the table has several fidelities a child can be
    stopped at each of them, for its share of the cost.
    """

    table: AbstractBenchmarkTable
    noise: Noise
    timed: ClassVar[bool] = False

    def __init__(self, table: AbstractBenchmarkTable, noise: Noise | None = None) -> None:
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

    def steps(self, architecture: Any) -> int | None:
        """The table's, where it has several fidelities."""
        return self.table.steps

    def __call__(self, job: Job[Any]) -> Outcome:
        """The row of the job's architecture; a failure where the table has none."""
        answers = self.table.space.encode(job.architecture)
        entry = self.table.look(answers)
        if entry is None:
            return Outcome(None, error="the table has no row for it")
        reward: float | None = entry.mean
        seconds = entry.seconds * len(entry.rewards)
        if self.noise == "seeds":
            seconds = entry.seconds
            reward = self.table.draw(answers, np.random.default_rng(job.seed))
        metrics = {MEAN: entry.mean}
        if entry.reported is not None and self.table.report is not None:
            metrics[REPORTED] = entry.reported
        if (steps := self.table.steps) is None:
            return Outcome(reward, seconds, metrics)
        reports = entry.curve
        for place, (step, score) in enumerate(reports):
            if job.until is not None and step >= job.until:
                pruned, known = Pruned(step, score), reports[: place + 1]
                share = seconds * step / steps
                return Outcome(None, share, metrics, pruned=pruned, reports=known)
        assert reward is not None
        return Outcome(reward, seconds, metrics, reports=(*reports, (steps, reward)))
