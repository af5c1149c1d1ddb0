"""Trains a candidate for a piece of time, from one checkpoint to the next."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinas.children import adjust_recipe, build
from reinas.children.build import Builder
from reinas.devices import Placement
from reinas.errors import FileError
from reinas.evaluators.base import AbstractEvaluator
from reinas.evaluators.child import known_costs
from reinas.evaluators.limits import Limits
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import Recipe
from reinas.threads import one_thread
from reinas.training.checkpoint_file import read_checkpoint, write_checkpoint
from reinas.training.costs import costs
from reinas.training.memory import with_less
from reinas.training.tensors import search_objective, search_tensors, seeded
from reinas.training.training import Pace, Training
from reinas.types import Curve, Epoch, Job, Outcome

PASSES, SECONDS, MEASURING = "passes", "training_seconds", "measuring_seconds"
"""Metrics of a candidate: passes over the training part and seconds of training so far, and the
seconds of a validation."""
WHOLE = "whole"
KEEP_EVERY = 5.0
"""Seconds between two checkpoints of a long piece: what a kill may cost."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a candidate's training.

    Args:
        architecture: What to build.
        recipe: How to train it; its seed is all the randomness.
        file: The checkpoint to go on from, where it exists, and to write at the end.
        until: How long the candidate has trained in all at the end of the piece, in seconds.
            None: as long as there is time until `deadline`.
        deadline: When to have ended in any case, in seconds since 1970.
        is_last: Whether the learning rate falls to 0 over this piece.
        by_recipe: Train by the recipe's own epochs and schedule instead of by the clock.
        warmup: Seconds of warm-up from the beginning of the first piece.
    """

    architecture: Any
    recipe: Recipe
    file: str
    deadline: float
    until: float | None = None
    is_last: bool = False
    by_recipe: bool = False
    warmup: float = 0.0


@dataclass(frozen=True)
class PieceEvaluator(AbstractEvaluator[Piece]):
    """Trains candidates piece by piece; the state between two pieces is a file.

    Args:
        task: Data, objective, reward.
        placement: Where to train; resolved.
        limits: A candidate that breaks one is not trained.
        build: Builds candidates.
    """

    task: AbstractTask
    placement: Placement
    limits: Limits
    build: Builder = build

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's settings."""
        return {"task": dict(self.task.settings)}

    def __call__(self, job: Job[Piece]) -> Outcome:
        """The reward by the end of the piece, measured with the weights that are kept."""
        piece = job.architecture
        recipe = adjust_recipe(piece.architecture, piece.recipe)
        reason, known = self._costs(piece.architecture)
        if reason is not None:
            return Outcome(None, metrics=known, error=reason)
        placement, begun = self.placement.here(), time.time()
        search_tensors(self.task, placement.device)  # loaded once per process
        training, used = with_less(
            lambda own: self._trained(job, own, placement, known, begun), recipe, placement
        )
        if used.batch_size != recipe.batch_size:
            known["batch_size"] = float(used.batch_size)
        return self._outcome(training, known, time.time() - begun, by_recipe=piece.by_recipe)

    def _trained(
        self,
        job: Job[Piece],
        recipe: Recipe,
        placement: Placement,
        known: dict[str, float],
        begun: float,
    ) -> Training:
        """Train the piece by a recipe; what the candidate costs is put into `known`."""
        piece, file, device = job.architecture, Path(job.architecture.file), placement.where()
        train, valid = search_tensors(self.task, placement.device)
        with one_thread(), seeded(recipe.seed, device):
            child = self.build(piece.architecture, self.task).to(device)
            known |= known_costs(child, piece.architecture, self.task, self.build)
            self.limits.check_speed(child, self.task)
            state = _read(file, identity(piece), placement.device)
            before = 0.0 if state is None else float(state["clock"][0])
            training = Training(
                child,
                train,
                valid,
                recipe,
                search_objective(self.task),
                pace=_pace(piece, before, begun),
                placement=placement,
            )
            if state is not None:
                training.restore(state)
            for epoch in _run(training, piece, file):
                metrics = known | self.task.objective.metrics(epoch.loss, epoch.score)
                job.report(epoch.number, self.task.reward_of(Curve((epoch,)), metrics))
        return training

    def _costs(self, architecture: Any) -> tuple[str | None, dict[str, float]]:
        """Why a candidate is too costly, counted before it is built; what was counted."""
        if self.limits.parameters is None and self.limits.flops is None:
            return None, {}
        count, flops = costs(architecture, self.task, self.build)
        return self.limits.broken(count, flops), {"parameters": count, "flops": flops}

    def _outcome(
        self, training: Training, known: dict[str, float], seconds: float, *, by_recipe: bool
    ) -> Outcome:
        curve = training.curve
        known |= {
            PASSES: training.passes,
            SECONDS: training.seconds,
            MEASURING: training.measuring,
        }
        if curve.stopped or not curve.epochs:
            error = curve.stopped or "no validation was reached in the time given"
            return Outcome(None, seconds, known, curve, error)
        kept = _kept(curve, by_recipe=by_recipe)
        metrics = known | {"loss": kept.loss}
        metrics |= self.task.objective.metrics(kept.loss, kept.score)
        return Outcome(self.task.reward_of(Curve((kept,)), metrics), seconds, metrics, curve)


def identity(piece: Piece) -> str:
    """What a checkpoint is of: the same in all pieces of a candidate."""
    return f"{piece.architecture} {piece.recipe.settings}"


def _pace(piece: Piece, before: float, begun: float) -> Pace | None:
    """The piece's clock, in seconds of training since the candidate's beginning."""
    if piece.by_recipe:
        return None
    end = before + max(0.0, piece.deadline - begun)
    if piece.until is not None:
        end = min(end, piece.until)
    decay_from = max(before, piece.warmup) if piece.is_last else None
    return Pace(end, piece.warmup, decay_from)


def _kept(curve: Curve, *, by_recipe: bool) -> Epoch:
    """The epoch that a candidate counts by: the last, since all are compared after the same time.

    By a recipe with patience it is the best one.
    """
    return min(curve.epochs, key=lambda e: e.loss) if by_recipe else curve.epochs[-1]


def _run(training: Training, piece: Piece, file: Path) -> Iterator[Epoch]:
    """Train to the end of the piece; yields every validated epoch, and keeps the state."""
    kept = time.time()
    while not training.finished and time.time() < piece.deadline:
        if (epoch := training.run_epoch()) is not None:
            yield epoch
        if time.time() - kept > KEEP_EVERY:
            write_checkpoint(file, identity(piece), training.state())
            kept = time.time()
    if training.curve.stopped is not None:  # the last checkpoint stays what it was
        return
    is_whole = piece.is_last or piece.by_recipe
    if is_whole:
        training.finish()  # the weights that are kept are the child's from here on
    write_checkpoint(file, identity(piece), {**training.state(), WHOLE: is_whole})


def kept_weights(state: Mapping[str, Any]) -> dict[str, Any]:
    """The weights in a checkpoint that were measured: their means while a training is under way."""
    average = state["average"]
    weights = state["child"] if state.get(WHOLE) or average is None else average["module"]
    return dict(weights)


def _read(file: Path, expected: str, device: str) -> dict[str, Any] | None:
    """The state to go on from; a file that is torn counts as none, since it can be made again."""
    if not file.exists():
        return None
    with contextlib.suppress(FileError):
        return read_checkpoint(file, expected, device)
    return None
