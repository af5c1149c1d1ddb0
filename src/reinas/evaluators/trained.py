"""Train the child, measure it on the validation part."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
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
from reinas.tasks.base import AbstractTask, Interface, check_parts
from reinas.tasks.recipes import Recipe
from reinas.tasks.user_data import Data, FileTask, cache_data
from reinas.threads import one_thread
from reinas.training.costs import costs, latency
from reinas.training.fit import fit
from reinas.training.tensors import search_tensors, seeded
from reinas.types import TOO_COSTLY, Curve, Epoch, Job, Outcome


@dataclass(frozen=True)
class Limits:
    """What a child may cost.

    Args:
        parameters: Trainable parameters at most; None is no limit.
        flops: Multiply-adds for one example at most; None is no limit.
        latency: Seconds for one example at most, on the device where children train, timed before
            the training (the median of several passes); None is no limit.
    """

    parameters: int | None = None
    flops: int | None = None
    latency: float | None = None

    def __post_init__(self) -> None:
        for key in ("parameters", "flops"):
            value = getattr(self, key)
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise SettingError(f"limits: {key} must be at least 1, got {value}")
        if self.latency is not None and not 0 < self.latency < math.inf:
            raise SettingError(
                f"limits: latency must be above 0 seconds and finite, got {self.latency}"
            )

    @property
    def settings(self) -> dict[str, float]:
        """The limits that there are."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def too_slow(self, child: nn.Module, task: Interface) -> str | None:
        """Say whether a child breaks the limit on latency, which is timed now.

        Args:
            child: The untrained network, where it will train.
            task: The shape of its inputs.

        Returns:
            The reason why it is not trained; None if it may be.
        """
        if self.latency is None:
            return None
        if latency(child, task) <= self.latency:
            return None
        return f"{TOO_COSTLY}: more than {1000 * self.latency:g} ms per example"

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

    def __call__(self, job: Job[Any]) -> Outcome:
        """One child, trained with one thread; all randomness comes from the job's seed."""
        start = time.perf_counter()
        if self.limits.parameters is not None or self.limits.flops is not None:
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
            self.limits,
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
    limits: Limits | None = None,
) -> Outcome:
    """Build, train and measure one child, with one thread of the CPU.

    Args:
        architecture: What to build.
        task: Data, objective, reward.
        recipe: How to train; all randomness is its seed.
        builder: Builds the child.
        report: Is called with every validated epoch and the reward by then.
        placement: Where to train, and with which numbers; resolved.
        limits: Has the limit on latency; None is no limit.

    Returns:
        The reward, or why there is none.
    """
    train, valid = search_tensors(task, placement.device)
    start = time.perf_counter()  # without the data, which are loaded once per process
    with one_thread(), seeded(recipe.seed, placement.where()):
        child = builder(architecture, task).to(placement.where())
        known = known_costs(child, architecture, task, builder)
        if limits is not None and (reason := limits.too_slow(child, task)):
            return Outcome(None, time.perf_counter() - start, known, error=reason)
        progress = _Progress(task, known, report)
        curve = fit(
            child,
            train,
            valid,
            recipe,
            task.objective,
            on_epoch=progress.add,
            placement=placement,
        )
    seconds = time.perf_counter() - start
    if curve.stopped:
        return Outcome(None, seconds, known, curve, curve.stopped)
    # with patience the weights are those of the best epoch
    kept = min(curve.epochs, key=lambda e: e.loss) if recipe.patience else curve.epochs[-1]
    metrics = known | _metrics(task, kept)
    return Outcome(task.reward_of(curve, metrics), seconds, metrics, curve)


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

    def add(self, epoch: Epoch) -> None:
        """One more validated epoch."""
        self._epochs.append(epoch)
        metrics = {**self._known, **_metrics(self._task, epoch)}
        self._report(epoch.number, self._task.reward_of(Curve(tuple(self._epochs)), metrics))


def _metrics(task: AbstractTask, epoch: Epoch) -> dict[str, float]:
    return {"loss": epoch.loss, **task.objective.metrics(epoch.loss, epoch.score)}


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
