"""Train the child, measure it on the validation part."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from reinas.children import adjust_recipe, build, parameters
from reinas.children.build import Builder, check_builder
from reinas.devices import CPU, Placement
from reinas.errors import SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.names import object_name
from reinas.rewards import Reward
from reinas.seeds import derive
from reinas.tasks.base import AbstractTask, check_parts
from reinas.tasks.recipes import Recipe
from reinas.tasks.user_data import Data, FileTask, cache_data
from reinas.threads import one_thread
from reinas.training import checkpoints
from reinas.training.costs import costs, latency
from reinas.training.tensors import search_tensors, seeded
from reinas.training.training import Training
from reinas.types import TOO_COSTLY, Curve, Epoch, Job, Outcome, Place, Pruned


@dataclass(frozen=True)
class Limits:
    """What a child may cost.

    Args:
        parameters: Trainable parameters at most; None is no limit.
        flops: Multiply-adds for one example at most; None is no limit.
    """

    parameters: int | None = None
    flops: int | None = None

    def __post_init__(self) -> None:
        for key in ("parameters", "flops"):
            value = getattr(self, key)
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise SettingError(f"limits: {key} must be at least 1, got {value}")

    @property
    def settings(self) -> dict[str, int]:
        """The limits that there are."""
        both = {"parameters": self.parameters, "flops": self.flops}
        return {key: value for key, value in both.items() if value is not None}

    def broken(self, parameters: int, flops: int) -> str | None:
        """Say which limit a child breaks.

        Args:
            parameters: Its number of parameters.
            flops: Its multiply-adds for one example.

        Returns:
            The reason why it is not trained; None if it may be.
        """
        if self.parameters is not None and parameters > self.parameters:
            return f"{TOO_COSTLY}: more than {self.parameters:,} parameters"
        if self.flops is not None and flops > self.flops:
            return f"{TOO_COSTLY}: more than {self.flops:,} multiply-adds"
        return None


@dataclass(frozen=True)
class TrainedEvaluator(AbstractEvaluator[Any]):
    """Builds each child, trains it by the recipe, rewards its learning curve.

    After every validated epoch the reward that the child would have by then is reported.

    Args:
        task: Data, objective, reward.
        recipe: How children are trained; None is the task's recipe.
        limits: A child that breaks one is not trained: it fails, and so counts as reward 0.
        build: A function (architecture, task) -> module at the top of a module of yours; None
            is `reinas.build`.
        placement: Where children train, and with which numbers; None is the CPU with float32.
            `auto` is what the machine has where the evaluator is made.

    Raises:
        SettingError: `build` cannot be imported by worker processes, or there is no such device.
    """

    task: AbstractTask
    recipe: Recipe
    limits: Limits
    build: Builder | None
    placement: Placement

    def __init__(
        self,
        task: AbstractTask,
        recipe: Recipe | None = None,
        limits: Limits | None = None,
        build: Builder | None = None,
        placement: Placement | None = None,
    ) -> None:
        if build is not None:
            check_builder(build)
        placed = (placement or Placement()).resolved()
        object.__setattr__(self, "task", task)
        object.__setattr__(self, "recipe", recipe or task.recipe)
        object.__setattr__(self, "limits", limits or Limits())
        object.__setattr__(self, "build", build)
        object.__setattr__(self, "placement", placed)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's settings and the recipe's, the limits, and which data they are."""
        settings: dict[str, Any] = {
            "task": dict(self.task.settings),
            "recipe": self.recipe.settings,
        }
        if self.limits.settings:
            settings["limits"] = self.limits.settings
        if (fingerprint := self.task.fingerprint) is not None:
            settings["data"] = fingerprint
        if self.build is not None:
            settings["build"] = object_name(self.build)
        if self.placement.settings:
            settings["placement"] = self.placement.settings
        return settings

    def portable(self) -> AbstractEvaluator[Any]:
        """With the training and the validation part, where they were read from files."""
        if not isinstance(self.task, FileTask):
            return self
        return _Carried(self, self.task, replace(self.task.data, test=None))

    def check(self, architecture: Any) -> None:
        """Refuse a space, a task or data that do not fit together; builds without memory."""
        with torch.device("meta"):
            (self.build or build)(architecture, self.task)
        check_parts(self.task)

    def steps(self, architecture: Any) -> int:
        """The epochs of its recipe."""
        return adjust_recipe(architecture, self.recipe).epochs

    def __call__(self, job: Job[Any]) -> Outcome:
        """One child, trained with one thread; all randomness comes from the job's seed.

        Where the job says so the child pauses, and goes on from its checkpoint.
        """
        start = time.perf_counter()
        if self.limits.settings:
            count, flops = costs(job.architecture, self.task, self.build or build)
            if reason := self.limits.broken(count, flops):
                metrics = {"parameters": count, "flops": flops}
                return Outcome(None, time.perf_counter() - start, metrics, error=reason)
        recipe = adjust_recipe(job.architecture, self.recipe)
        seeded_recipe = replace(recipe, seed=derive(job.seed, recipe.seed))
        return outcome(
            job.architecture,
            self.task,
            seeded_recipe,
            self.build or build,
            job.report,
            self.placement,
            until=job.until,
            place=job.checkpoint,
        )


@dataclass(frozen=True)
class _Carried(AbstractEvaluator[Any]):
    """An evaluator and what its task has read: all that a child needs, without the test part."""

    evaluator: TrainedEvaluator
    task: FileTask
    data: Data

    @property
    def settings(self) -> Mapping[str, Any]:
        """The evaluator's."""
        return self.evaluator.settings

    def steps(self, architecture: Any) -> int:
        """The evaluator's."""
        return self.evaluator.steps(architecture)

    def __call__(self, job: Job[Any]) -> Outcome:
        """The evaluator's outcome; nothing is read from files."""
        cache_data(self.task, self.data)
        return self.evaluator(job)


@dataclass(frozen=True, slots=True)
class RecipePoint:
    """An architecture and the recipe to train it by: what a grid is made of."""

    architecture: Any
    recipe: Recipe


@dataclass(frozen=True)
class RecipeEvaluator(AbstractEvaluator[RecipePoint]):
    """Trains one architecture by different recipes.

    Args:
        task: Data, objective, reward.
        build: Builds the architecture.
        placement: Where it trains; resolved.
    """

    task: AbstractTask
    build: Builder = build
    placement: Placement = CPU

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's settings."""
        return {"task": dict(self.task.settings)}

    def __call__(self, job: Job[RecipePoint]) -> Outcome:
        """The outcome of the job's own recipe, whose seed is all the randomness."""
        point = job.architecture
        return outcome(
            point.architecture, self.task, point.recipe, self.build, job.report, self.placement
        )


def outcome(
    architecture: Any,
    task: AbstractTask,
    recipe: Recipe,
    builder: Builder,
    report: Callable[[int, float], None],
    placement: Placement,
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
        until: The epoch after which the child pauses, or after the first one later that is
            validated. None: it is trained whole.
        place: Where its checkpoint is; written where it pauses. None: there is none.

    Returns:
        The reward, or why there is none; a pruned outcome where the child pauses.
    """
    train, valid = search_tensors(task, placement.device)
    start = time.perf_counter()  # without the data, which are loaded once per process
    with one_thread(), seeded(recipe.seed, placement.where()):
        child = builder(architecture, task).to(placement.where())
        saved = None if place is None else checkpoints.read(place)
        known = _costs(child, architecture, task, builder) if saved is None else saved["known"]
        training = Training(child, train, valid, recipe, task.objective, placement=placement)
        progress = _Progress(task, known, report)
        if saved is not None:
            training.restore(saved["training"])
            start -= saved["seconds"]
            progress.restore(training.curve)
        while not (training.finished or _is_validated(training, until)):
            epoch = training.run_epoch()
            if epoch is not None:
                progress.add(epoch)
        if not training.finished:
            seconds = time.perf_counter() - start
            if place is not None:
                state = {"training": training.state(), "known": known, "seconds": seconds}
                checkpoints.write(place, state)
            return progress.paused(training.curve, seconds)
        curve = training.finish()
    seconds = time.perf_counter() - start
    reports = tuple(progress.reports)
    if curve.stopped:
        return Outcome(None, seconds, known, curve, curve.stopped, reports=reports)
    # with patience the weights are those of the best epoch
    kept = min(curve.epochs, key=lambda e: e.loss) if recipe.patience else curve.epochs[-1]
    metrics = known | _metrics(task, kept)
    reward = task.reward_of(curve, metrics)
    return Outcome(reward, seconds, metrics, curve, reports=reports)


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
        self.reports: list[tuple[int, float]] = []

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
        metrics = {**self._known, **_metrics(self._task, last)}
        pruned = Pruned(last.number, self._score)
        return Outcome(None, seconds, metrics, curve, pruned=pruned, reports=tuple(self.reports))

    def _see(self, epoch: Epoch) -> None:
        self._epochs.append(epoch)
        metrics = {**self._known, **_metrics(self._task, epoch)}
        self._score = self._task.reward_of(Curve(tuple(self._epochs)), metrics)
        if math.isfinite(self._score):
            self.reports.append((epoch.number, float(self._score)))


def _metrics(task: AbstractTask, epoch: Epoch) -> dict[str, float]:
    return {"loss": epoch.loss, **task.objective.metrics(epoch.loss, epoch.score)}


def _costs(
    child: nn.Module, architecture: Any, task: AbstractTask, builder: Builder
) -> dict[str, float]:
    """The number of parameters, and those costs that the reward asks for."""
    known: dict[str, float] = {"parameters": parameters(child)}
    function = task.reward_function
    needs = function.needs if isinstance(function, Reward) else frozenset()
    if "flops" in needs:
        known["flops"] = costs(architecture, task, builder)[1]
    if "latency" in needs:
        known["latency"] = latency(child, task)
    return known
