"""Schedules: in which order a study's trials are evaluated and learned from."""

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from reinas.errors import InvalidSettingError, TrialError
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.policies.base import AbstractPolicy
from reinas.study.rung_by_rung import RungByRung
from reinas.study.rungs import Rungs
from reinas.study.study import Study
from reinas.types import A

APART = 0.25  # seconds between two scores of a running trial that are kept


class AbstractSchedule(ABC):
    """Runs a study to its end."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """What changes results, as JSON takes it; compared when a search resumes."""

    @abstractmethod
    def check(self, policy: AbstractPolicy, executor: AbstractExecutor, batches: int) -> None:
        """Refuse what does not fit together, before anything has begun.

        Args:
            policy: The search's policy.
            executor: Where children run.
            batches: How many batches the search has.

        Raises:
            SettingError: These cannot be run so.
        """

    @abstractmethod
    def run(
        self, study: Study[A], evaluator: AbstractEvaluator[A], executor: AbstractExecutor
    ) -> None:
        """Evaluate the study's trials until its budget is spent."""

    @abstractmethod
    def status(self) -> str:
        """What to show beside the progress; may be empty."""


@dataclass(frozen=True, slots=True)
class Synchronous(AbstractSchedule):
    """One batch after the other: the policy proposes, all children are evaluated, it learns."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Nothing: this is the usual order."""
        return {}

    def check(self, policy: AbstractPolicy, executor: AbstractExecutor, batches: int) -> None:
        """Everything fits."""

    def run(
        self, study: Study[A], evaluator: AbstractEvaluator[A], executor: AbstractExecutor
    ) -> None:
        """Batch after batch, from the last one that the policy has learned from."""
        watch = Throttled(study)
        if study.stopping is not None:
            with closing(study.checkpoints) as kept:
                rungs = Rungs(study, study.stopping, evaluator, kept)
                batches = RungByRung(study, rungs, evaluator, executor, watch)
                while trials := study.ask():
                    batches.run(trials)
                rungs.close()
            return
        while trials := study.ask():
            for job, outcome in executor.run(
                evaluator,
                [study.job(trial) for trial in trials],
                deadline=study.deadline,
                on_attempt=study.record.attempted,
                on_report=watch,
            ):
                study.tell(job.trial, outcome=outcome)
                if study.is_over:
                    break

    def status(self) -> str:
        """Nothing to add."""
        return ""


class Throttled:
    """Keeps a running trial's scores, at most a few per second: each costs a transaction.

    The outcome has all of them.
    """

    def __init__(self, study: Study[Any]) -> None:
        self._study = study
        self._last: dict[int, float] = {}

    def __call__(self, trial: int, step: int, score: float) -> None:
        """Keep the score, unless the trial's last one is too recent."""
        now = time.monotonic()
        if now - self._last.get(trial, now - 2 * APART) >= APART:
            self._last[trial] = now
            # one that comes after the outcome, or whose step is odd, is not worth the search
            with contextlib.suppress(InvalidSettingError, TrialError):
                self._study.report(trial, step, score)
