"""A batch with early stopping: rung by rung, so that decisions do not depend on who is first."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, OnReport
from reinas.study.stopping import AbstractStopping, Progress, checked_rungs, cut
from reinas.study.study import Study
from reinas.training.checkpoints import Checkpoints
from reinas.types import A, Job, Outcome, Trial


class RungByRung(Generic[A]):
    """Evaluates batches of a study that has a rule of early stopping.

    All of a batch's children are trained up to their first rung; then it is decided which go on,
    and those are trained up to the next one. A decision is a function of the record alone: of the
    scores that the batch and all earlier trials have at that rung. So it is the same whoever
    finishes first, and when the study died in between and takes it again.

    What a child has reported is written when it pauses, all of it in one transaction. Live scores
    of the piece under way come before that, but never the one at its end. So a trial has come to a
    rung exactly if the record has a report of that step or a later one.

    Args:
        study: The study; it has a rule.
        rule: That rule.
        evaluator: It can stop and continue children.
        executor: Where they are evaluated.
        checkpoints: Where they are kept between two rungs.
        on_report: Keeps the scores of children under way.
    """

    def __init__(
        self,
        study: Study[A],
        rule: AbstractStopping,
        evaluator: AbstractEvaluator[A],
        executor: AbstractExecutor,
        checkpoints: Checkpoints,
        on_report: OnReport,
    ) -> None:
        self._study, self._record, self._rule = study, study.record, rule
        self._evaluator, self._executor = evaluator, executor
        self._checkpoints, self._on_report = checkpoints, on_report
        self._earlier: list[Trial] = []  # of the batches before `_next`
        self._next = 0
        self._rungs: dict[int, tuple[int, ...]] = {}
        self._paused: dict[int, Outcome] = {}

    def run(self, trials: Sequence[Trial[A]]) -> None:
        """Evaluate the open trials of a batch; some are left where the time is up.

        Args:
            trials: In the order proposed.
        """
        batch = trials[0].batch
        self._load(batch)
        alive = {trial.number: trial for trial in trials}
        self._checkpoints.keep({number: self._last_score(number) for number in alive})
        for step in sorted({rung for trial in trials for rung in self._of(trial)}):
            here = [trial for trial in alive.values() if step in self._of(trial)]
            new = [trial for trial in here if self._reached(trial) < step]
            if not self._train(new, step, alive):
                return
            # a child that reports so seldom that it has come to its next rung is judged there
            here = [trial for trial in here if trial.number in alive]
            here = [trial for trial in here if self._reached(trial) == step]
            given_up = self._given_up(here, step, batch)
            # a study that died before it told them has to have their outcomes once more
            again = [trial for trial in given_up if trial.number not in self._paused]
            if not self._train(again, step, alive):
                return
            for trial in given_up:
                if trial.number in alive:
                    self._tell(trial.number, self._paused[trial.number], alive)
            if alive:
                self._record.close_attempts()  # nobody works on those that pause
            self._checkpoints.keep({n: self._last_score(n) for n in alive})

    # ---- children ----------------------------------------------------------------------------

    def _train(self, trials: Sequence[Trial[A]], step: int, alive: dict[int, Trial[A]]) -> bool:
        """Train children up to a rung; those that come to their end have their outcome then.

        Returns:
            Whether all of them have got there; False where the study is over.
        """
        left = {trial.number for trial in trials}
        if not left:
            return True
        for job, outcome in self._executor.run(
            self._evaluator,
            [self._job(trial, step) for trial in trials],
            deadline=self._study.deadline,
            on_attempt=self._record.attempted,
            on_report=self._before(step),
        ):
            left.discard(job.trial)
            if _is_paused(outcome, step) and step < self._of(alive[job.trial])[-1]:
                self._keep(job.trial, outcome)
            else:
                self._tell(job.trial, outcome, alive)
            if self._study.is_over:
                return False
        return not left

    def _job(self, trial: Trial[A], step: int) -> Job[A]:
        place = self._checkpoints.place(trial.number)
        return replace(self._study.job(trial), until=step, checkpoint=place)

    def _before(self, step: int) -> OnReport:
        """Passes on the scores before a step: one at it would say that the child has got there."""

        def on_report(trial: int, at: int, score: float) -> None:
            if at < step:
                self._on_report(trial, at, score)

        return on_report

    def _keep(self, number: int, outcome: Outcome) -> None:
        """Write all that a paused child has reported; its last score is the one of the rung."""
        assert outcome.pruned is not None
        last = (outcome.pruned.step, outcome.pruned.score)
        self._study.report_all(number, dict((*outcome.reports, last)))
        self._paused[number] = outcome

    def _tell(self, number: int, outcome: Outcome, alive: dict[int, Trial[A]]) -> None:
        """Tell an outcome, with what the child reported before it paused last."""
        reports = {**dict(self._record.reports(number)), **dict(outcome.reports)}
        outcome = replace(outcome, reports=tuple(sorted(reports.items())))
        self._study.tell(number, outcome=outcome)
        self._checkpoints.sweep(number)
        self._paused.pop(number, None)
        del alive[number]

    # ---- decisions ---------------------------------------------------------------------------

    def _given_up(self, here: Sequence[Trial[A]], step: int, batch: int) -> list[Trial[A]]:
        """Those of the children at a rung that do not go on."""
        if not here:
            return []
        earlier = self._progress(self._earlier, step, earlier=True)
        mine = self._progress(self._record.batch(batch), step, earlier=False)
        everyone = sorted([*earlier, *mine], key=lambda child: child.trial)
        by_trial = {child.trial: child for child in mine}
        result = []
        for trial in here:
            others = [child for child in everyone if child.trial != trial.number]
            if not self._rule.goes_on(step, by_trial[trial.number], others):
                result.append(trial)
        return result

    def _progress(self, trials: Sequence[Trial], step: int, *, earlier: bool) -> list[Progress]:
        """How those of the trials have done that have this rung and have come to it."""
        result = []
        for trial in trials:
            if trial.repeat_of is not None or step not in self._of(trial):
                continue
            outcome = trial.outcome
            complete = outcome is not None and outcome.reward is not None
            reports = self._record.reports(trial.number) if outcome is None else outcome.reports
            known = cut(reports, step, ended=complete)
            if known is not None:
                steps = self._of(trial)[-1]
                result.append(Progress(trial.number, steps, known, complete and earlier))
        return result

    def _load(self, batch: int) -> None:
        """Take note of the batches before this one, all of which are finished."""
        while self._next < batch:
            self._earlier += self._record.batch(self._next)
            self._next += 1

    def _of(self, trial: Trial) -> tuple[int, ...]:
        """A trial's rungs; none where the space cannot decode it."""
        if trial.number not in self._rungs:
            architecture = self._study.decoded(trial).architecture
            rungs: tuple[int, ...] = ()
            if architecture is not None:
                steps = self._evaluator.steps(architecture)
                assert steps is not None  # `search` has checked it
                rungs = checked_rungs(self._rule, trial.number, steps)
            self._rungs[trial.number] = rungs
        return self._rungs[trial.number]

    def _reached(self, trial: Trial[A]) -> int:
        """The last of its rungs that a trial has come to; 0 before the first."""
        last = max((step for step, _ in self._record.reports(trial.number)), default=0)
        return max((rung for rung in self._of(trial) if rung <= last), default=0)

    def _last_score(self, number: int) -> float:
        reports = self._record.reports(number)
        return reports[-1][1] if reports else -math.inf


def _is_paused(outcome: Outcome, step: int) -> bool:
    """Whether a child paused at this rung; it may have been pruned earlier by its own code."""
    return outcome.pruned is not None and outcome.pruned.step >= step
