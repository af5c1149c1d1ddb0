"""What every search writes down, whoever decides and wherever children run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal

from reinas.errors import AnswersError, SettingError, reason
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.spaces.growth import Growth
from reinas.store import Log
from reinas.store.memory_record import MemoryLog
from reinas.store.rows import Proposal
from reinas.types import A, Answers, Job, Outcome, Trial

Repeats = Literal["train", "reuse"]


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch that is still to be proposed: its number, its first trial, and what it takes."""

    batch: int
    first: int
    count: int
    length: int
    seed: int


@dataclass
class Ledger(Generic[A]):
    """One search's batches and trials, in whatever log.

    `target` is a reward that is good enough; `reached` is the first trial that had it.
    """

    space: AbstractSpace[A]
    log: Log | MemoryLog
    children: int
    seed: int
    repeats: Repeats = "reuse"
    growth: Growth | None = None
    target: float | None = None
    on_trial: Callable[[Trial], None] | None = None
    reached: Trial | None = None

    def slot(self, batch: int, first: int) -> BatchRequest | None:
        """What the batch after `first` trials takes; None when the budget is used up."""
        count = min(self.children, self.log.trials - first)
        if count <= 0:
            return None
        lengths = self.space.lengths
        length = lengths[-1]
        if self.growth is not None:
            length = lengths[min(self.growth.depth(first), len(lengths)) - 1]
        return BatchRequest(batch, first, count, length, derive(self.seed, "propose", batch))

    def write(self, slot: BatchRequest, answered: Sequence[Answers]) -> list[Trial]:
        """Write a batch down, whole, before any of its children is evaluated."""
        proposed = [tuple(map(int, answers)) for answers in answered]
        if [len(answers) for answers in proposed] != [slot.length] * slot.count:
            raise AnswersError(
                f"the policy was asked for {slot.count} times {slot.length} answers, and gave"
                f" {[len(answers) for answers in proposed]}: is it for this space?"
            )
        for answers in proposed:
            self.space.check(answers)
        keys = [self._key(answers) for answers in proposed]
        known = self.log.first_with(keys, slot.batch) if self.repeats == "reuse" else {}
        proposals = []
        for number, (answers, key) in enumerate(zip(proposed, keys, strict=True), slot.first):
            proposals.append(Proposal(number, answers, key, known.get(key)))
            if self.repeats == "reuse":
                known.setdefault(key, number)
        self.log.propose(slot.batch, proposals)
        return self.log.batch(slot.batch)

    def _key(self, answers: Answers) -> Answers:
        """Canonical answers: equal for equal architectures."""
        try:
            return self.space.encode(self.space.decode(answers))
        except AnswersError:
            raise
        except Exception:
            return answers  # the space cannot build it: it fails when it is evaluated

    def job(self, trial: Trial) -> Job[A] | Outcome:
        """What is to be evaluated for a trial; a failure where the space cannot build it."""
        try:
            architecture = self.space.decode(trial.answers)
        except Exception as error:
            return Outcome(None, error=reason(error))
        return Job(trial.number, architecture, derive(self.seed, "evaluate", trial.number))

    def record(self, trial: Trial, outcome: Outcome) -> Trial:
        """Write a trial's outcome; a repeat takes over its original's, and costs nothing."""
        if trial.repeat_of is not None:
            outcome = replace(outcome, seconds=0.0)
        self.log.record(trial.number, outcome)
        return replace(trial, outcome=outcome)

    def tell(self, trial: Trial) -> None:
        """Tell whoever wants to know of a trial that is kept, and notice if it is good enough."""
        if self.reached is None and self.good_enough(trial):
            self.reached = trial
        if self.on_trial is not None:
            self.on_trial(trial)

    def good_enough(self, trial: Trial) -> bool:
        """Whether the trial has the reward that is aimed at."""
        reward = None if trial.outcome is None else trial.outcome.reward
        return self.target is not None and reward is not None and reward >= self.target


def check_budget(trials: int, children: int, repeats: str) -> None:
    """Raise `SettingError` unless a search can have these."""
    for key, value in (("trials", trials), ("children", children)):
        if value < 1:
            raise SettingError(f"{key} must be at least 1, got {value}")
    if repeats not in ("train", "reuse"):
        raise SettingError(f"repeats is train or reuse, got {repeats!r}")
