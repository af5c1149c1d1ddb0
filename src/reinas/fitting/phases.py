"""The phases of a fit: explore many candidates, narrow them down, train the best to the end."""

import contextlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from reinas.executors.base import AbstractExecutor
from reinas.fitting.clock import Clock, write_whole
from reinas.fitting.fit_observer import FitObserver
from reinas.fitting.pieces import MEASURING, PASSES, SECONDS, Piece, PieceEvaluator
from reinas.fitting.plan import Plan
from reinas.fitting.probe import Pacing
from reinas.seeds import derive
from reinas.study.study import Study
from reinas.types import Job, Outcome, Trial

EXPLORE = 0.2
"""The share of the time that is spent on short trainings of many candidates."""
EXPLORE_BY_RECIPE = 1.0
"""The same where candidates are trained whole."""
NARROWED = 2
"""Candidates per worker that train on after the exploration."""
NARROWED_SLICES = 2
"""Slices that these have trained before the best of them train to the end."""
RESERVE, RESERVED_SECONDS = 0.01, 2.0
"""The share of the time, and the seconds, that are kept for saving and the page."""
CHOICE, TEST = 0.7, 0.9
"""Of the seconds of a validation on one core: what choosing the ensemble takes per network, and
what the test takes per network and view, if the test part is a little larger."""
OWN = (PASSES, SECONDS, MEASURING)
"""Metrics that only a fit needs."""
GRACE = 3.0
"""Seconds after its deadline at which a candidate's worker is killed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that was trained for some time.

    Args:
        trial: Its trial.
        reward: What it came to.
        seconds: How long it has trained.
    """

    trial: int
    reward: float
    seconds: float


@dataclass(frozen=True)
class Phases:
    """Everything that the phases share.

    Args:
        plan: How to search and train.
        study: Proposes candidates, and keeps what came of their first training.
        evaluator: Trains candidates.
        executor: Where they train.
        workers: How many train at a time.
        clock: The time.
        folder: Checkpoints, and what candidates came to later.
        pacing: What the probe has decided.
        observer: Watches.
    """

    plan: Plan
    study: Study[Any]
    evaluator: PieceEvaluator
    executor: AbstractExecutor
    workers: int
    clock: Clock
    folder: Path
    pacing: Pacing
    observer: FitObserver

    # ---- times, in seconds since the beginning -----------------------------------------------

    @property
    def slice(self) -> float:
        """How long a candidate trains at first."""
        return self.pacing.slice

    @property
    def explored(self) -> float:
        """When the exploration ends."""
        share = EXPLORE_BY_RECIPE if self.plan.by_recipe else EXPLORE
        begun = self.pacing.begun
        return min(begun + share * (self.clock.seconds - begun), self.trained)

    @property
    def narrowed(self) -> float:
        """When the candidates are narrowed down."""
        return self.explored + NARROWED * (NARROWED_SLICES - 1) * self.slice

    @property
    def trained(self) -> float:
        """When all training ends: the choice of the ensemble and the test take time, too."""
        views = 2 if self.plan.mirror else 1
        took: dict[str, float] = self._kept().get("measuring", {})
        count = min(self.workers, self.plan.members)
        measuring = sum(took.get(str(c.trial), 0.0) for c in self.best(count))
        measuring *= CHOICE + TEST * views
        return (1 - RESERVE) * self.clock.seconds - RESERVED_SECONDS - measuring

    # ---- the phases --------------------------------------------------------------------------

    def explore(self) -> None:
        """Train the study's candidates for a slice each, or whole, as long as there is time."""
        self.observer.on_phase("explore", self.explored)
        while self.clock.spent + 0.9 * self.slice < self.explored and (trials := self.study.ask()):
            pieces = {t.number: self.piece(t, self.explored, until=self.slice) for t in trials}
            for number, outcome in self._run(pieces):
                self.study.tell(number, outcome=_told(outcome))

    def narrow(self) -> None:
        """Train the best candidates for longer, since a short training says little."""
        until = NARROWED_SLICES * self.slice
        best = [c for c in self.best(NARROWED * self.workers) if c.seconds < until - 1]
        if self.clock.spent >= self.narrowed or len(best) <= self.workers:
            return
        self.observer.on_phase("narrow", self.narrowed)
        self._train_on(best, self.narrowed, until=until)

    def train(self) -> None:
        """Train the best candidates to the end, one per worker."""
        if self.plan.by_recipe or self.clock.spent >= self.trained:
            return
        self.observer.on_phase("train", self.trained)
        best = self.best(self.workers)
        if not best:  # the time did not suffice to explore: take what would have come first
            best = [Candidate(t.number, 0.0, 0.0) for t in self.study.ask()[: self.workers]]
        if best:
            self._train_on(best, self.trained, is_last=True)

    def close(self) -> None:
        """Tell the study of the candidates that were never trained."""
        for trial in self.study.trials:
            if trial.outcome is None:
                self.study.tell(trial, error="there was no time left for it")
        self.study.record.set_budget(self.study.record.count()[0])

    def _train_on(self, candidates: Sequence[Candidate], end: float, **more: Any) -> None:
        trials = [self.trial(c.trial) for c in candidates]
        pieces = {t.number: self.piece(t, end, **more) for t in trials}
        for number, outcome in self._run(pieces):
            told = _told(outcome)
            if self.study.record.trial(number).outcome is None:
                self.study.tell(number, outcome=told)
            if told.reward is not None:
                self._keep(Candidate(number, told.reward, told.seconds))

    def piece(self, trial: Trial[Any], end: float = 0.0, **more: Any) -> Piece:
        """A piece of a trial's training that ends at `end`, seconds since the beginning."""
        seed = derive(trial.seed, self.plan.recipe.seed)
        return Piece(
            trial.architecture,
            replace(self.plan.recipe, seed=seed),
            str(self.checkpoint(trial.number)),
            self.clock.at(end),
            by_recipe=self.plan.by_recipe,
            warmup=self.slice / 2,
            **more,
        )

    def _run(self, pieces: dict[int, Piece]) -> Iterable[tuple[int, Outcome]]:
        """Each trial with the outcome of its piece; none where the time was over."""
        jobs = [Job(number, piece, piece.recipe.seed) for number, piece in pieces.items()]
        last = max(piece.deadline for piece in pieces.values()) + GRACE
        deadline = time.monotonic() + last - time.time()
        for job, outcome in self.executor.run(
            self.evaluator, jobs, deadline=deadline, on_report=self.observer.on_report
        ):
            took = {str(job.trial): outcome.metrics.get(MEASURING, 0.0)}
            self._keep(measuring=self._kept().get("measuring", {}) | took)
            yield job.trial, outcome

    # ---- candidates --------------------------------------------------------------------------

    def trial(self, number: int) -> Trial[Any]:
        """A trial with its architecture and seed."""
        return self.study.decoded(self.study.record.trial(number))

    def checkpoint(self, trial: int) -> Path:
        """The file of a candidate's training."""
        return self.folder / f"{trial}.pt"

    def best(self, count: int) -> list[Candidate]:
        """The candidates with the highest rewards, best first; of equal ones the earliest."""
        found = {
            trial.number: Candidate(trial.number, trial.outcome.reward, trial.outcome.seconds)
            for trial in self.study.trials
            if trial.outcome is not None
            and trial.outcome.reward is not None
            and trial.repeat_of is None
        }
        found |= self._later()
        here = [c for c in found.values() if self.checkpoint(c.trial).exists()]
        return sorted(here, key=lambda c: (-c.reward, c.trial))[:count]

    def sweep(self, keep: int) -> None:
        """Delete the checkpoints of all but the best candidates."""
        kept = {candidate.trial for candidate in self.best(keep)}
        for file in self.folder.glob("*.pt"):
            if int(file.stem) not in kept:
                file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self.folder / "fit.json"

    def _later(self) -> dict[int, Candidate]:
        """What candidates came to after their first training."""
        return {row["trial"]: Candidate(**row) for row in self._kept().get("candidates", ())}

    def _kept(self) -> dict[str, Any]:
        """What is known besides the study."""
        with contextlib.suppress(OSError, ValueError):  # it only saves time
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return kept if isinstance(kept, dict) else {}
        return {}

    def _keep(self, *candidates: Candidate, **more: Any) -> None:
        later = self._later() | {c.trial: c for c in candidates}
        kept = {**self._kept(), "candidates": [asdict(c) for c in later.values()], **more}
        write_whole(self._file, json.dumps(kept))


def _told(outcome: Outcome) -> Outcome:
    """The outcome as the study keeps it: with the seconds of all pieces."""
    metrics = {k: v for k, v in outcome.metrics.items() if k not in OWN}
    return replace(outcome, seconds=outcome.metrics.get(SECONDS, outcome.seconds), metrics=metrics)
