"""The life of a trial, for whatever runs a study: ask and tell, figure 3, a simulation."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace

from reinas.errors import reason
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.spaces.growth import Growth
from reinas.store import AbstractRecord
from reinas.store.values import Claim
from reinas.study.batches import BatchRequest, proposals
from reinas.study.budget import Budget
from reinas.study.observer import Observer
from reinas.study.results import Results
from reinas.types import A, Answers, Job, Outcome, Trial


class Lifecycle(Results[A]):
    """From the request for a batch to the outcomes of its trials.

    Args:
        space, record, seed: As in `Results`.
        batch_size: How many trials a batch has.
        budget: When the study ends.
        reuse: Whether an architecture that was evaluated before takes over that outcome.
        growth: The schedule of depth; None: full depth.
        observer: Is told of every finished trial.
    """

    def __init__(
        self,
        space: AbstractSpace[A],
        record: AbstractRecord,
        seed: int,
        batch_size: int,
        budget: Budget,
        reuse: bool,
        growth: Growth | None,
        observer: Observer | None,
    ) -> None:
        super().__init__(space, record, seed)
        self.deadline = math.inf if budget.seconds is None else time.monotonic() + budget.seconds
        self.batch_size, self.reuse, self.growth = batch_size, reuse, growth
        self.observer = observer or Observer()
        self._budget = budget
        self.continuing = False
        self.reached: Trial | None = next(filter(self._good_enough, record.best()), None)

    # ---- its end -----------------------------------------------------------------------------

    @property
    def budget(self) -> Budget:
        """When the study ends."""
        return replace(self._budget, trials=self.record.trials)

    @property
    def is_over(self) -> bool:
        """Whether a reward is good enough or the time is up."""
        return self.reached is not None or time.monotonic() >= self.deadline

    @property
    def finished(self) -> bool:
        """Whether the budget is spent."""
        return self.is_over or self.record.count()[1] >= self.record.trials

    @property
    def stopped(self) -> str | None:
        """Why the study ended before its trials were used up; None if it did not."""
        if self.record.count()[1] >= self.record.trials or not self.is_over:
            return None
        if self.reached is not None:
            return f"trial {self.reached.number} has a reward of {self.reached.reward:.4f}"
        return f"its {self._budget.seconds:g} seconds are over"

    # ---- the life of a trial, for schedules --------------------------------------------------

    def request(self, batch: int, first: int) -> BatchRequest | None:
        """What the batch after `first` trials takes; None where the budget is spent."""
        count = min(self.batch_size, self.record.trials - first)
        if count <= 0:
            return None
        lengths = self.space.lengths
        length = lengths[-1]
        if self.growth is not None:
            length = lengths[min(self.growth.depth(first), len(lengths)) - 1]
        return BatchRequest(batch, first, count, length, derive(self.seed, "propose", batch))

    def propose(
        self, request: BatchRequest, answered: Sequence[Answers], claim: Claim | None = None
    ) -> list[Trial]:
        """Write a batch before any of its trials is evaluated; a claim hands them out at once."""
        batch = proposals(
            self.space,
            self.record,
            request,
            answered,
            reuse=self.reuse,
            continuing=self.continuing,
        )
        self.record.propose(request.batch, batch, claim)
        return self.record.batch(request.batch)

    def job(self, trial: Trial) -> Job[A]:
        """What is to be evaluated for a trial that the space can decode."""
        architecture = self.space.decode(trial.answers)
        return Job(trial.number, architecture, derive(self.seed, "evaluate", trial.number))

    def undecodable(self, trial: Trial) -> Outcome | None:
        """The failure of a trial that the space cannot decode; None for all others."""
        try:
            self.space.decode(trial.answers)
        except Exception as error:
            return Outcome(None, error=reason(error))
        return None

    def record_outcome(self, trial: Trial, outcome: Outcome) -> Trial[A]:
        """Write a trial's outcome. A repeat takes over its original's, and costs nothing."""
        if trial.repeat_of is not None:
            outcome = replace(outcome, seconds=0.0)
        kept = self.record.record(trial.number, outcome)
        return self.decoded(replace(trial, outcome=kept, worker=None))

    def notify(self, trial: Trial[A]) -> None:
        """Tell the observer of a trial that is kept, and notice if its reward is good enough."""
        if self.reached is None and self._good_enough(trial):
            self.reached = trial
        self.observer.on_trial(trial)

    def _good_enough(self, trial: Trial) -> bool:
        reward = None if trial.outcome is None else trial.outcome.reward
        aim = self._budget.reward
        return aim is not None and reward is not None and reward >= aim
