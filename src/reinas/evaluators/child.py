"""Trains and measures one child: the outcome of an architecture and a recipe."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from reinas.children import parameters
from reinas.children.build import Builder
from reinas.devices import Placement
from reinas.errors import TooCostlyError
from reinas.evaluators.limits import NO_LIMITS, Limits
from reinas.rewards import Reward
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import Recipe
from reinas.threads import one_thread
from reinas.training import checkpoints
from reinas.training.costs import costs, latency
from reinas.training.memory import with_less
from reinas.training.tensors import search_objective, search_tensors, seeded
from reinas.training.training import Training
from reinas.types import Curve, Epoch, Outcome, Place, Pruned


def outcome(
    architecture: Any,
    task: AbstractTask,
    recipe: Recipe,
    builder: Builder,
    report: Callable[[int, float], None],
    placement: Placement,
    limits: Limits = NO_LIMITS,
    *,
    until: int | None = None,
    place: Place | None = None,
) -> Outcome:
    """Build, train and measure one child, with one thread of the CPU.

    Args:
        architecture: What to build.
        task: Data, objective, reward.
        recipe: How to train; all randomness is its seed.
        builder: Builds the child.
        report: Is called with every validated epoch and the reward by then.
        placement: Where to train, and with which numbers; resolved.
        limits: Has the limit on latency.
        until: The epoch after which the child pauses, or after the first one later that is
            validated. None: it is trained whole.
        place: Where its checkpoint is; written where it pauses. None: there is none.

    Returns:
        The reward, or why there is none; a pruned outcome where the child pauses. The metric
        `batch_size` is there only where the device had too little memory for the recipe's, and
        half of it was enough.

    Raises:
        MemoryError: The device has too little memory for half the batch, too.
    """
    placement = placement.here()
    search_tensors(task, placement.device)  # loaded once per process, which is not timed
    start = time.perf_counter()
    known: dict[str, float] = {}
    piece = _Piece(architecture, task, builder, report, placement, limits, until, place)
    try:
        found, used = with_less(lambda recipe: piece(recipe, known, start), recipe, placement)
    except TooCostlyError as error:
        return Outcome(None, time.perf_counter() - start, known, error=str(error))
    if used.batch_size == recipe.batch_size:
        return found
    metrics = {**found.metrics, "batch_size": float(used.batch_size)}
    return Outcome(
        found.reward,
        found.seconds,
        metrics,
        found.curve,
        found.error,
        found.pruned,
        found.reports,
    )


class _Piece:
    """A piece of a child's training, or all of it: what `outcome` was given."""

    def __init__(
        self,
        architecture: Any,
        task: AbstractTask,
        builder: Builder,
        report: Callable[[int, float], None],
        placement: Placement,
        limits: Limits,
        until: int | None,
        place: Place | None,
    ) -> None:
        self._architecture, self._task, self._builder = architecture, task, builder
        self._report, self._placement, self._limits = report, placement, limits
        self._until, self._place = until, place

    def __call__(self, recipe: Recipe, known: dict[str, float], start: float) -> Outcome:
        """Train by a recipe; what the child costs is put into `known`."""
        task, placement = self._task, self._placement
        train, valid = search_tensors(task, placement.device)
        with one_thread(), seeded(recipe.seed, placement.where()):
            child = self._builder(self._architecture, task).to(placement.where())
            saved = None if self._place is None else checkpoints.read(self._place)
            if saved is None:
                known |= known_costs(child, self._architecture, task, self._builder)
                self._limits.check_speed(child, task)
            else:
                known |= saved["known"]
            objective = search_objective(task)
            training = Training(child, train, valid, recipe, objective, placement=placement)
            progress = _Progress(task, known, self._report)
            if saved is not None:
                training.restore(saved["training"])
                start -= saved["seconds"]
                progress.restore(training.curve)
            while not (training.finished or _is_validated(training, self._until)):
                epoch = training.run_epoch()
                if epoch is not None:
                    progress.add(epoch)
            if not training.finished:
                return self._pause(training, progress, known, time.perf_counter() - start)
            curve = training.finish()
        return progress.ended(curve, time.perf_counter() - start, has_patience=recipe.patience > 0)

    def _pause(
        self, training: Training, progress: "_Progress", known: Mapping[str, float], seconds: float
    ) -> Outcome:
        if self._place is not None:
            state = {"training": training.state(), "known": dict(known), "seconds": seconds}
            checkpoints.write(self._place, state)
        return progress.paused(training.curve, seconds)


def _is_validated(training: Training, until: int | None) -> bool:
    """Whether the child has been validated at or after the epoch at which it pauses."""
    rows = training.curve.epochs
    return until is not None and bool(rows) and rows[-1].number >= until


class _Progress:
    """Reports the reward that a child would have if it ended with the epoch."""

    def __init__(
        self,
        task: AbstractTask,
        known: Mapping[str, float],
        report: Callable[[int, float], None],
    ) -> None:
        self._task, self._known, self._report = task, known, report
        self._epochs: list[Epoch] = []
        self._reports: list[tuple[int, float]] = []

    def add(self, epoch: Epoch) -> None:
        """One more validated epoch."""
        self._see(epoch)
        self._report(epoch.number, self._score)

    def restore(self, curve: Curve) -> None:
        """The epochs before a pause, which were reported then."""
        for epoch in curve.epochs:
            self._see(epoch)

    def paused(self, curve: Curve, seconds: float) -> Outcome:
        """The outcome of a child that pauses after its last validated epoch."""
        last = self._epochs[-1]
        pruned = Pruned(last.number, self._score)
        reports = tuple(self._reports)
        return Outcome(None, seconds, self._metrics(last), curve, pruned=pruned, reports=reports)

    def ended(self, curve: Curve, seconds: float, *, has_patience: bool) -> Outcome:
        """The outcome of a child whose training has ended, or broke off."""
        reports = tuple(self._reports)
        if curve.stopped:
            return Outcome(None, seconds, self._known, curve, curve.stopped, reports=reports)
        # with patience the weights are those of the best epoch
        kept = min(curve.epochs, key=lambda e: e.loss) if has_patience else curve.epochs[-1]
        metrics = self._metrics(kept)
        reward = self._task.reward_of(curve, metrics)
        return Outcome(reward, seconds, metrics, curve, reports=reports)

    def _metrics(self, epoch: Epoch) -> dict[str, float]:
        measured = self._task.objective.metrics(epoch.loss, epoch.score)
        return {**self._known, "loss": epoch.loss, **measured}

    def _see(self, epoch: Epoch) -> None:
        self._epochs.append(epoch)
        self._score = self._task.reward_of(Curve(tuple(self._epochs)), self._metrics(epoch))
        if math.isfinite(self._score):
            self._reports.append((epoch.number, float(self._score)))


def known_costs(
    child: nn.Module, architecture: Any, task: AbstractTask, builder: Builder
) -> dict[str, float]:
    """The number of parameters, and those costs that the reward asks for.

    Args:
        child: The untrained network.
        architecture: What it was built from.
        task: Has the reward.
        builder: What built it.

    Returns:
        Costs by name; latency in seconds.
    """
    known: dict[str, float] = {"parameters": parameters(child)}
    function = task.reward_function
    needs = function.needs if isinstance(function, Reward) else frozenset()
    if "flops" in needs:
        known["flops"] = costs(architecture, task, builder)[1]
    if "latency" in needs:
        known["latency"] = latency(child, task)
    return known
