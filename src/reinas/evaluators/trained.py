"""Train the child, measure it on the validation part."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from reinas.children import adjust_recipe, build, parameters
from reinas.children.build import Builder, check_builder
from reinas.devices import CPU, Placement
from reinas.evaluators.base import AbstractEvaluator
from reinas.evaluators.build_check import check_build
from reinas.evaluators.limits import NO_LIMITS, Limits
from reinas.names import object_name
from reinas.recorded import settings_of
from reinas.rewards import Reward
from reinas.seeds import derive
from reinas.tasks.base import AbstractTask, check_parts
from reinas.tasks.recipes import Recipe
from reinas.tasks.user_data import Data, FileTask, cache_data
from reinas.threads import one_thread
from reinas.training.costs import costs, latency
from reinas.training.fit import fit
from reinas.training.memory import with_less
from reinas.training.tensors import search_tensors, seeded
from reinas.types import Curve, Epoch, Job, Outcome


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
        """The task's settings and the recipe's, the limits, which data, and the placement."""
        settings: dict[str, Any] = {
            "task": settings_of(self.task),
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
        check_build(architecture, self.task, self.build or build)
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
        return {"task": settings_of(self.task)}

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
    limits: Limits = NO_LIMITS,
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

    Returns:
        The reward, or why there is none; the metric `batch_size` only where the device had too
        little memory for the recipe's, and half of it was enough.

    Raises:
        MemoryError: The device has too little memory for half the batch, too.
    """
    placement = placement.here()
    train, valid = search_tensors(task, placement.device)
    start = time.perf_counter()  # without the data, which are loaded once per process

    def trained(recipe: Recipe) -> tuple[dict[str, float], Curve]:
        with one_thread(), seeded(recipe.seed, placement.where()):
            child = builder(architecture, task).to(placement.where())
            known = known_costs(child, architecture, task, builder)
            limits.check_speed(child, task)
            progress = _Progress(task, known, report).add
            objective = task.objective
            curve = fit(
                child, train, valid, recipe, objective, on_epoch=progress, placement=placement
            )
        return known, curve

    (known, curve), used = with_less(trained, recipe, placement)
    if used.batch_size != recipe.batch_size:
        known["batch_size"] = used.batch_size
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
