"""A study with early stopping, batch after batch."""

from collections.abc import Sequence
from typing import Generic

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, OnReport
from reinas.study.rungs import Rungs, Tell, Train, before
from reinas.study.study import Study
from reinas.types import A, Outcome, Trial


class RungByRung(Generic[A]):
    """Evaluates batches of a study that has a rule of early stopping.

    Args:
        study: The study.
        rungs: Its decisions.
        evaluator: It can stop and continue children.
        executor: Where they are evaluated.
        on_report: Keeps the scores of children under way.
    """

    def __init__(
        self,
        study: Study[A],
        rungs: Rungs[A],
        evaluator: AbstractEvaluator[A],
        executor: AbstractExecutor,
        on_report: OnReport,
    ) -> None:
        self._study, self._rungs, self._on_report = study, rungs, on_report
        self._evaluator, self._executor = evaluator, executor

    def run(self, trials: Sequence[Trial[A]]) -> None:
        """Evaluate the open trials of a batch; those that do not fit into the time stay open.

        Args:
            trials: In the order proposed.
        """
        for what in self._rungs.course(trials):
            match what:
                case Train(children, step):
                    if not self._train(children, step):
                        return
                case Tell(trial, outcome):
                    self._tell(trial.number, outcome)

    def _train(self, trials: Sequence[Trial[A]], step: int) -> bool:
        """Train children up to a rung; those that come to their end have their outcome then.

        Returns:
            Whether all of them have got there; False where the study is over.
        """
        left = {trial.number for trial in trials}
        if not left:
            return True
        for job, outcome in self._executor.run(
            self._evaluator,
            [self._rungs.job(trial, step) for trial in trials],
            deadline=self._study.deadline,
            on_attempt=self._study.record.attempted,
            on_report=before(step, self._on_report),
        ):
            left.discard(job.trial)
            if self._rungs.is_paused(job.trial, step, outcome):
                self._rungs.paused(job.trial, outcome)
            else:
                self._tell(job.trial, outcome)
            if self._study.is_over:
                return False
        return not left

    def _tell(self, number: int, outcome: Outcome) -> None:
        self._study.tell(number, outcome=self._rungs.ended(number, outcome))
        self._rungs.told(number)
