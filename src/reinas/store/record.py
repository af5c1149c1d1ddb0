"""The contract of a record: everything that happened in one study."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from reinas.store.values import (
    AttemptRecord,
    Claim,
    Count,
    FinalRecord,
    Proposal,
    Report,
    Update,
)
from reinas.types import Answers, Attempt, Outcome, Trial

State = Mapping[str, NDArray[Any]]
"""All that a policy has learned, as named arrays."""


class AbstractRecord(ABC):
    """One study: what was proposed, what came out, what was learned.

    Each writing method is one transaction: it happens as a whole or not at all, also where the
    process is killed. `reinas.testing.StoreContract` tests an implementation.

    Args:
        name: The study's name.
        settings: Everything that changes its results, as JSON has it.
        trials: How many trials its budget allows.
        created: When it was created, ISO 8601.
    """

    def __init__(self, name: str, settings: dict[str, Any], trials: int, created: str) -> None:
        self.name = name
        self.settings = settings
        self.trials = trials
        self.created = created

    # ---- writing -----------------------------------------------------------------------------

    @abstractmethod
    def together(self) -> AbstractContextManager[None]:
        """Within the block, all that is read and written is one transaction."""

    @abstractmethod
    def set_budget(self, trials: int) -> None:
        """Let the study run to so many trials; fewer than before where it has ended early."""

    @abstractmethod
    def propose(
        self, batch: int, proposals: Sequence[Proposal], claim: Claim | None = None
    ) -> bool:
        """Write a whole batch before any of its trials is evaluated.

        Args:
            batch: The batch's number.
            proposals: Its trials, in order.
            claim: Who takes up those that have to be evaluated; None leaves them waiting.

        Returns:
            False where another process has proposed the batch already: nothing is written then.
        """

    @abstractmethod
    def claim(
        self, batch: int, claim: Claim, count: int, *, now: float, gone: Callable[[str], bool]
    ) -> list[int]:
        """Hand waiting trials of a batch to a worker; no two workers get the same one.

        What an earlier worker has reported of them is deleted: the trial begins anew.

        Args:
            batch: The batch's number.
            claim: The worker, and until when it holds them.
            count: At most so many trials.
            now: The time; claims that have expired are void.
            gone: Whether a worker is known to have ended: its claims are void, too.

        Returns:
            The trials' numbers, in order. Those that the worker held already are not among them.
        """

    @abstractmethod
    def renew(self, claim: Claim) -> None:
        """Let the worker hold its running trials until the claim expires."""

    @abstractmethod
    def report(self, report: Report) -> None:
        """Write a running trial's score after a step; a step reported twice keeps the last."""

    @abstractmethod
    def record(self, number: int, outcome: Outcome) -> Outcome:
        """Write a trial's outcome.

        Returns:
            The outcome as written: without reports of its own it has those of `report`.

        Raises:
            TrialError: The trial has an outcome already.
        """

    @abstractmethod
    def learned(self, batch: int, diagnostics: Mapping[str, float], state: State) -> None:
        """Write what the policy reports of a batch, and its state after it.

        Where another process has written that already, nothing changes.
        """

    @abstractmethod
    def applied(self, updates: Sequence[Update], state: State) -> None:
        """Write updates in the order applied, and the policy's state after the last."""

    @abstractmethod
    def attempted(self, attempt: Attempt) -> None:
        """Write that a worker has taken up a trial, or that it was lost."""

    @abstractmethod
    def close_attempts(
        self, trials: Collection[int] | None = None, *, unknown_end: bool = False
    ) -> None:
        """Close the attempts at unfinished trials: nobody works on them any more.

        Args:
            trials: Their numbers. None: all of them.
            unknown_end: The process was killed at an unknown time, so each attempt ends when it
                began. Otherwise it ends now.
        """

    @abstractmethod
    def record_point(self, recipe: Mapping[str, Any], outcome: Outcome) -> None:
        """Write what one recipe of the final grid gave."""

    @abstractmethod
    def finish(self, final: FinalRecord) -> None:
        """Write the final network's test result: once per study."""

    # ---- reading -----------------------------------------------------------------------------

    @abstractmethod
    def last_update(self) -> int:
        """The number of the last update in the snapshot; -1 before the first.

        A synchronous study has one update per batch, in their order, so there it is the batch's.
        """

    @abstractmethod
    def snapshot(self) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """The last update's number and the policy's state after it; None before the first."""

    @abstractmethod
    def batch(self, number: int) -> list[Trial]:
        """A batch's trials in the order proposed; empty where it was not proposed yet."""

    @abstractmethod
    def unfinished(self, batch: int) -> list[Trial]:
        """A batch's trials without an outcome, in the order proposed."""

    @abstractmethod
    def all_trials(self) -> list[Trial]:
        """Every trial, finished or not, in the order proposed."""

    @abstractmethod
    def finished(self) -> list[Trial]:
        """The finished trials, in the order proposed."""

    @abstractmethod
    def trial(self, number: int) -> Trial:
        """One trial.

        Raises:
            TrialError: There is no trial of that number.
        """

    @abstractmethod
    def texts(self, numbers: Iterable[int]) -> dict[int, str]:
        """The architectures of these trials as one line of text each."""

    @abstractmethod
    def best(self, count: int = 1) -> list[Trial]:
        """The `count` best different architectures: highest reward first, then the earliest."""

    @abstractmethod
    def count(self) -> tuple[int, int]:
        """How many trials were proposed, numbered from 0 on, and how many of them have finished."""

    def counts(self) -> list[Count]:
        """What the finished trials came to, in the order in which each end was first met."""
        found: dict[tuple[str | None, bool, bool], Count] = {}
        for trial in self.finished():
            assert trial.outcome is not None
            end = trial.outcome.error, trial.outcome.pruned is not None, trial.repeat_of is not None
            before = found.get(end, Count(*end, 0, 0.0))
            seconds = before.seconds + trial.outcome.seconds
            found[end] = replace(before, trials=before.trials + 1, seconds=seconds)
        return list(found.values())

    def held(self) -> list[Trial]:
        """The unfinished trials that workers hold, in the order proposed."""
        return [trial for trial in self.all_trials() if trial.worker is not None]

    @abstractmethod
    def batches(self) -> int:
        """How many batches were proposed."""

    @abstractmethod
    def own_with(self, keys: Iterable[Answers], before: int) -> dict[Answers, int]:
        """For each architecture that a batch before that one has, the trial that evaluated it.

        Args:
            keys: The architectures' keys.
            before: The number of the batch.

        Returns:
            The number of the last trial with that key that repeats no other.
        """

    @abstractmethod
    def reports(self, number: int) -> list[tuple[int, float]]:
        """A trial's reported (step, score) pairs, by step."""

    @abstractmethod
    def diagnostics(self) -> list[tuple[int, dict[str, float]]]:
        """Each batch that the policy has learned from, and the policy's diagnostics of it."""

    @abstractmethod
    def open_batches(self) -> list[int]:
        """The batches that were proposed and not learned from yet, in order."""

    @abstractmethod
    def updates(self) -> list[Update]:
        """The updates that parameter servers applied, in that order, without diagnostics."""

    @abstractmethod
    def attempts(self) -> list[AttemptRecord]:
        """Every attempt of a worker at a trial, in the order begun."""

    @abstractmethod
    def points(self) -> dict[str, tuple[dict[str, Any], Outcome]]:
        """The recipes of the final grid that are trained: recipe and outcome, by key."""

    @abstractmethod
    def final(self) -> FinalRecord | None:
        """The tested network; None before `finish`."""
