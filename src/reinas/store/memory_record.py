"""Studies in memory: the same contract as a database, and nothing outlives the process."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from reinas.errors import TrialError
from reinas.store.record import AbstractRecord, State
from reinas.store.rows import recipe_key
from reinas.store.values import AttemptRecord, Claim, FinalRecord, Proposal, Report, Update
from reinas.types import Answers, Attempt, Outcome, Trial


class MemoryRecord(AbstractRecord):
    """One study in memory: `AbstractRecord` has the contract."""

    def __init__(self, name: str, settings: dict[str, Any], trials: int, created: str = "") -> None:
        super().__init__(name, settings, trials, created)
        self._trials: list[Trial] = []
        self._proposals: list[Proposal] = []
        self._batches: list[range] = []
        self._own: dict[Answers, list[int]] = {}
        self._finished: dict[int, float] = {}
        self._claims: dict[int, Claim] = {}
        self._reports: dict[int, dict[int, float]] = {}
        self._diagnostics: dict[int, dict[str, float]] = {}
        self._snapshot: tuple[int, dict[str, NDArray[Any]]] | None = None
        self._updates: list[Update] = []
        self._attempts: list[AttemptRecord] = []
        self._points: dict[str, tuple[dict[str, Any], Outcome]] = {}
        self._final: FinalRecord | None = None

    # ---- writing -----------------------------------------------------------------------------

    @contextmanager
    def together(self) -> Iterator[None]:
        """Nothing here can fail half-way."""
        yield

    def set_budget(self, trials: int) -> None:
        """Let the study run to so many trials; fewer than before where it has ended early."""
        self.trials = trials

    def propose(
        self, batch: int, proposals: Sequence[Proposal], claim: Claim | None = None
    ) -> bool:
        """Take a whole batch, unless it is there."""
        if batch < len(self._batches):
            return False
        first = len(self._trials)
        for p in proposals:
            held = claim if p.repeat_of is None else None
            worker = None if held is None else held.worker
            self._trials.append(Trial(p.number, batch, p.answers, None, p.repeat_of, worker=worker))
            self._proposals.append(p)
            if p.repeat_of is None:
                self._own.setdefault(p.key, []).append(p.number)
            if held is not None:
                self._claims[p.number] = held
        self._batches.append(range(first, len(self._trials)))
        return True

    def claim(
        self, batch: int, claim: Claim, count: int, *, now: float, gone: Callable[[str], bool]
    ) -> list[int]:
        """Hand waiting trials to a worker."""
        free = [
            trial.number
            for trial in self.unfinished(batch)
            if trial.repeat_of is None and self._is_free(trial.number, claim.worker, now, gone)
        ][:count]
        for number in free:
            self._claims[number] = claim
            self._reports.pop(number, None)
            self._trials[number] = replace(self._trials[number], worker=claim.worker)
        return free

    def _is_free(self, number: int, worker: str, now: float, gone: Callable[[str], bool]) -> bool:
        held = self._claims.get(number)
        return held is None or (
            held.worker != worker and (held.expires <= now or gone(held.worker))
        )

    def renew(self, claim: Claim) -> None:
        """Put off the end of the worker's claims."""
        for number, held in self._claims.items():
            if held.worker == claim.worker:
                self._claims[number] = claim

    def report(self, report: Report) -> None:
        """Keep a running trial's score."""
        self._reports.setdefault(report.trial, {})[report.step] = report.score

    def record(self, number: int, outcome: Outcome) -> Outcome:
        """Keep one trial's outcome."""
        trial = self.trial(number)
        if trial.outcome is not None:
            raise TrialError(f"trial {number} of '{self.name}' has an outcome already: it is kept")
        if not outcome.reports and number in self._reports:
            outcome = replace(outcome, reports=tuple(self.reports(number)))
        self._reports.pop(number, None)
        self._claims.pop(number, None)
        self._trials[number] = replace(trial, outcome=outcome, worker=None)
        self._finished[number] = time.time()
        return outcome

    def learned(self, batch: int, diagnostics: Mapping[str, float], state: State) -> None:
        """Keep diagnostics and state, unless they are there."""
        if batch not in self._diagnostics:
            self._diagnostics[batch] = dict(diagnostics)
            self._snapshot = batch, _copied(state)

    def applied(self, updates: Sequence[Update], state: State) -> None:
        """Keep updates and state."""
        for update in updates:
            self._updates.append(replace(update, diagnostics={}))
            self._diagnostics[update.batch] = dict(update.diagnostics)
        self._snapshot = updates[-1].number, _copied(state)

    def attempted(self, attempt: Attempt) -> None:
        """Keep that a worker has taken up a trial, or that it was lost."""
        if attempt.lost is None:
            begun = AttemptRecord(attempt.trial, attempt.worker, attempt.begun, None, None, False)
            self._attempts.append(begun)
            return
        now = time.time()
        self._attempts = [
            replace(a, ended=now, lost=attempt.lost)
            if a.trial == attempt.trial and a.ended is None
            else a
            for a in self._attempts
        ]

    def close_attempts(
        self, trials: Collection[int] | None = None, *, unknown_end: bool = False
    ) -> None:
        """Close the attempts at unfinished trials."""
        now = time.time()
        self._attempts = [
            replace(a, ended=a.begun if unknown_end else now)
            if a.ended is None
            and a.trial not in self._finished
            and (trials is None or a.trial in trials)
            else a
            for a in self._attempts
        ]

    def record_point(self, recipe: Mapping[str, Any], outcome: Outcome) -> None:
        """Keep what one recipe of the final grid gave."""
        self._points[recipe_key(recipe)] = dict(recipe), outcome

    def finish(self, final: FinalRecord) -> None:
        """Keep the final network's test result."""
        if self._final is not None:
            raise TrialError(f"'{self.name}' is finished already: its test result is kept")
        self._final = final

    # ---- reading -----------------------------------------------------------------------------

    def last_update(self) -> int:
        """The number of the last update; -1 before the first."""
        return -1 if self._snapshot is None else self._snapshot[0]

    def snapshot(self) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """The last update's number and the policy's state after it."""
        return None if self._snapshot is None else (self._snapshot[0], _copied(self._snapshot[1]))

    def batch(self, number: int) -> list[Trial]:
        """A batch's trials; empty where it was not proposed yet."""
        if number >= len(self._batches):
            return []
        return [self._trials[place] for place in self._batches[number]]

    def unfinished(self, batch: int) -> list[Trial]:
        """A batch's trials without an outcome."""
        return [trial for trial in self.batch(batch) if trial.outcome is None]

    def all_trials(self) -> list[Trial]:
        """Every trial, finished or not."""
        return list(self._trials)

    def finished(self) -> list[Trial]:
        """The finished trials."""
        return [trial for trial in self._trials if trial.outcome is not None]

    def trial(self, number: int) -> Trial:
        """One trial."""
        if not 0 <= number < len(self._trials):
            raise TrialError(f"'{self.name}' has no trial {number}")
        return self._trials[number]

    def texts(self, numbers: Iterable[int]) -> dict[int, str]:
        """The architectures as text."""
        return {number: self._proposals[number].architecture for number in numbers}

    def best(self, count: int = 1) -> list[Trial]:
        """The best different architectures."""
        rated = [
            trial
            for trial in self._trials
            if trial.outcome is not None
            and trial.outcome.reward is not None
            and trial.repeat_of is None
        ]
        found: dict[Answers, Trial] = {}
        for trial in sorted(rated, key=lambda trial: (-trial.reward, trial.number)):
            found.setdefault(self._proposals[trial.number].key, trial)
            if len(found) == count:
                break
        return list(found.values())

    def count(self) -> tuple[int, int]:
        """How many trials were proposed, and how many have finished."""
        return len(self._trials), len(self._finished)

    def batches(self) -> int:
        """How many batches were proposed."""
        return len(self._batches)

    def own_with(self, keys: Iterable[Answers], before: int) -> dict[Answers, int]:
        """For each architecture that an earlier batch has, the trial that evaluated it last."""
        earlier = {
            key: [n for n in self._own.get(key, ()) if self._trials[n].batch < before]
            for key in keys
        }
        return {key: numbers[-1] for key, numbers in earlier.items() if numbers}

    def reports(self, number: int) -> list[tuple[int, float]]:
        """The reported scores."""
        outcome = self.trial(number).outcome
        if outcome is not None and outcome.reports:
            return list(outcome.reports)
        return sorted(self._reports.get(number, {}).items())

    def diagnostics(self) -> list[tuple[int, dict[str, float]]]:
        """Each batch that was learned from, and its diagnostics."""
        return sorted(self._diagnostics.items())

    def open_batches(self) -> list[int]:
        """The batches that were not learned from yet."""
        return [number for number in range(len(self._batches)) if number not in self._diagnostics]

    def updates(self) -> list[Update]:
        """The updates that parameter servers applied."""
        return list(self._updates)

    def attempts(self) -> list[AttemptRecord]:
        """Every attempt of a worker at a trial."""
        done = [
            replace(a, ended=self._finished[a.trial], finished=True)
            if a.ended is None and a.trial in self._finished
            else a
            for a in self._attempts
        ]
        return sorted(done, key=lambda attempt: attempt.begun)

    def points(self) -> dict[str, tuple[dict[str, Any], Outcome]]:
        """The trained recipes of the final grid."""
        return dict(self._points)

    def final(self) -> FinalRecord | None:
        """The tested network; None before `finish`."""
        return self._final


def _copied(state: State) -> dict[str, NDArray[Any]]:
    return {key: value.copy() for key, value in state.items()}
