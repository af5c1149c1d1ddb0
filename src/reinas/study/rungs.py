"""Batches with early stopping: which children train up to which rung, and which are given up."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import OnReport
from reinas.study.stopping import AbstractStopping, Progress, checked_rungs, cut
from reinas.study.study import Study
from reinas.training.checkpoints import Checkpoints
from reinas.types import A, Job, Outcome, Trial


@dataclass(frozen=True, slots=True)
class Train(Generic[A]):
    """Children to train up to a rung."""

    trials: Sequence[Trial[A]]
    step: int


@dataclass(frozen=True, slots=True)
class Tell(Generic[A]):
    """A child that is given up, with its outcome."""

    trial: Trial[A]
    outcome: Outcome


class Rungs(Generic[A]):
    """Takes the decisions of early stopping; a schedule carries them out.

    All of a batch's children are trained up to their first rung; then it is decided which go on,
    and those are trained up to the next one. A decision depends on nothing but the record: on the
    scores that this batch and the others have at that rung. So where batches are evaluated one
    after the other, it is the same whichever child is first, and when a study died in between.

    What a child has reported is written when it pauses, all of it in one transaction. Live scores
    of the piece under way come before that, but never the one at its end. So a trial has come to a
    rung exactly if the record has a report of that step or a later one.

    Args:
        study: The study; it has a rule.
        rule: That rule.
        evaluator: It can stop and continue children.
        checkpoints: Where they are kept between two rungs.
    """

    def __init__(
        self,
        study: Study[A],
        rule: AbstractStopping,
        evaluator: AbstractEvaluator[A],
        checkpoints: Checkpoints,
    ) -> None:
        self._study, self._record, self._rule = study, study.record, rule
        self._evaluator, self._checkpoints = evaluator, checkpoints
        self._finished: dict[int, Sequence[Trial]] = {}
        self._rungs: dict[int, tuple[int, ...]] = {}
        self._before: dict[int, tuple[Trial, ...]] = {}
        self._alive: dict[int, Trial[A]] = {}
        self._paused: dict[int, Outcome] = {}
        self._stopped: dict[int, float] = self._found()

    # ---- the course of a batch ---------------------------------------------------------------

    def course(self, trials: Sequence[Trial[A]]) -> Iterator[Train[A] | Tell[A]]:
        """What to do with the open trials of a batch, one thing after the other.

        The caller has done each before it takes the next: whatever is trained has come to
        `paused` or `ended`.

        Args:
            trials: In the order proposed.

        Yields:
            Children to train, and children that are given up.
        """
        batch = trials[0].batch
        mine = {trial.number for trial in trials}
        self._alive |= {trial.number: trial for trial in trials}
        self._checkpoints.keep(self._scores())
        for step in sorted({rung for trial in trials for rung in self.of(trial)}):
            here = [t for t in trials if t.number in self._alive and step in self.of(t)]
            yield Train([trial for trial in here if self._reached(trial) < step], step)
            # a child that reports so seldom that it has come to its next rung is judged there
            here = [t for t in here if t.number in self._alive and self._reached(t) == step]
            given_up = self._given_up(here, step, batch)
            # a study that died before it told them has to have their outcomes once more
            yield Train([t for t in given_up if t.number not in self._paused], step)
            for trial in given_up:
                if trial.number in self._alive:
                    yield Tell(trial, self._paused[trial.number])
            if waiting := mine & self._alive.keys():
                self._record.close_attempts(waiting)  # nobody works on those that pause
            self._checkpoints.keep(self._scores())

    # ---- one child ---------------------------------------------------------------------------

    def job(self, trial: Trial[A], step: int) -> Job[A]:
        """The job of training a child up to a rung, from where it was stopped if it was."""
        first = self._first(trial)
        place = self._checkpoints.place(first.number)
        seed = self._study.job(first).seed
        return replace(self._study.job(trial), seed=seed, until=step, checkpoint=place)

    def is_paused(self, trial: int, step: int, outcome: Outcome) -> bool:
        """Whether a child paused at this rung; it may have been pruned earlier by its own code."""
        at = outcome.pruned
        return at is not None and at.step >= step and step < self.of(self._alive[trial])[-1]

    def paused(self, trial: int, outcome: Outcome) -> None:
        """Write all that a paused child has reported; its last score is the one of the rung."""
        assert outcome.pruned is not None
        last = (outcome.pruned.step, outcome.pruned.score)
        self._study.report_all(trial, dict((*outcome.reports, last)))
        self._paused[trial] = outcome

    def ended(self, trial: int, outcome: Outcome) -> Outcome:
        """The outcome of a child that does not go on, with what it reported before it paused.

        Its seconds are those that it took since an earlier trial of it was stopped.
        """
        earlier = [t.outcome for t in self._earlier(self._alive[trial]) if t.outcome is not None]
        reports = dict(point for o in earlier for point in o.reports)
        reports |= {**dict(self._record.reports(trial)), **dict(outcome.reports)}
        seconds = max(0.0, outcome.seconds - sum(o.seconds for o in earlier))
        return replace(outcome, reports=tuple(sorted(reports.items())), seconds=seconds)

    def told(self, trial: int) -> None:
        """Forget a child whose outcome is in the record; one that may go on keeps its file."""
        self._paused.pop(trial, None)
        first = self._first(self._alive.pop(trial)).number
        last = self._record.trial(trial).outcome
        if self._study.continuing and last is not None and last.pruned is not None:
            self._stopped[first] = last.pruned.score
        else:
            self._stopped.pop(first, None)
            self._checkpoints.sweep(first)

    def close(self) -> None:
        """Sweep what is left of a study that is finished."""
        if self._study.finished:
            self._checkpoints.keep({})

    # ---- decisions ---------------------------------------------------------------------------

    def _given_up(self, here: Sequence[Trial[A]], step: int, batch: int) -> list[Trial[A]]:
        """Those of the children at a rung that do not go on."""
        if not here:
            return []
        known = [self._progress(self._batch(n), step, batch) for n in range(self._record.batches())]
        everyone = {child.trial: child for children in known for child in children}
        result = []
        for trial in here:
            mine = self._first(trial).number
            others = [child for number, child in everyone.items() if number != mine]
            if not self._rule.goes_on(step, everyone[mine], others):
                result.append(trial)
        return result

    def _batch(self, number: int) -> Sequence[Trial]:
        """A batch's trials; one in which nothing changes any more is read only once."""
        if number in self._finished:
            return self._finished[number]
        trials = self._record.batch(number)
        if all(trial.outcome is not None for trial in trials):
            self._finished[number] = trials
        return trials

    def _progress(self, trials: Sequence[Trial], step: int, batch: int) -> list[Progress]:
        """How those of the trials have done that have this rung and have come to it."""
        result = []
        for trial in trials:
            if trial.repeat_of is not None or step not in self.of(trial):
                continue
            outcome = trial.outcome
            complete = outcome is not None and outcome.reward is not None
            reports = self._record.reports(trial.number) if outcome is None else outcome.reports
            known = cut(reports, step, ended=complete)
            if known is not None:
                steps, earlier = self.of(trial)[-1], trial.batch != batch
                first = self._first(trial).number  # a child has each rung in one trial only
                result.append(Progress(first, steps, known, complete and earlier))
        return result

    def of(self, trial: Trial) -> tuple[int, ...]:
        """A trial's rungs; none where the space cannot decode it."""
        if trial.number not in self._rungs:
            architecture = self._study.decoded(trial).architecture
            rungs: tuple[int, ...] = ()
            if architecture is not None:
                steps = self._evaluator.steps(architecture)
                assert steps is not None  # `search` has checked it
                rungs = checked_rungs(self._rule, self._first(trial).number, steps)
                since = _stopped_at(self._earlier(trial))
                rungs = tuple(rung for rung in rungs if rung > since) or rungs[-1:]
            self._rungs[trial.number] = rungs
        return self._rungs[trial.number]

    # ---- children that go on after they were stopped -----------------------------------------

    def _earlier(self, trial: Trial) -> tuple[Trial, ...]:
        """The earlier trials of the same child, each stopped where the next one began."""
        if not self._study.continuing or trial.repeat_of is not None:
            return ()
        if trial.number not in self._before:
            known = (t for n in range(trial.batch) for t in self._batch(n))
            self._before[trial.number] = tuple(
                t for t in known if t.answers == trial.answers and t.repeat_of is None
            )
        return self._before[trial.number]

    def _first(self, trial: Trial) -> Trial:
        """The trial in which a child began: its seed and its checkpoint are the child's."""
        return next(iter(self._earlier(trial)), trial)

    def _found(self) -> dict[int, float]:
        """The children that were stopped and may go on, by their first trial: their last scores."""
        found: dict[int, float] = {}
        if not self._study.continuing:
            return found
        for number in range(self._record.batches()):
            for trial in self._batch(number):
                outcome, first = trial.outcome, self._first(trial).number
                if outcome is not None and outcome.pruned is not None:
                    found[first] = outcome.pruned.score
                elif outcome is not None:
                    found.pop(first, None)
        return found

    def _reached(self, trial: Trial[A]) -> int:
        """The last of its rungs that a trial has come to; 0 before the first."""
        last = max((step for step, _ in self._record.reports(trial.number)), default=0)
        return max((rung for rung in self.of(trial) if rung <= last), default=0)

    def _scores(self) -> dict[int, float]:
        """The last score of every child that has a checkpoint, by its first trial."""
        scores = dict(self._stopped)
        for number, trial in self._alive.items():
            reports = self._record.reports(number)
            first = self._first(trial).number
            scores[first] = reports[-1][1] if reports else scores.get(first, -math.inf)
        return scores


def _stopped_at(earlier: Sequence[Trial]) -> int:
    """The step at which the last of a child's earlier trials was stopped; 0 without any."""
    outcome = earlier[-1].outcome if earlier else None
    return 0 if outcome is None or outcome.pruned is None else outcome.pruned.step


def before(step: int, on_report: OnReport) -> OnReport:
    """Pass on the scores before a step: one at it would say that the child has got there.

    Args:
        step: The rung up to which a child trains.
        on_report: Is passed the scores.
    """

    def passed_on(trial: int, at: int, score: float) -> None:
        if at < step:
            on_report(trial, at, score)

    return passed_on
