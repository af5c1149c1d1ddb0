"""Train the child, measure it on the validation part."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reinas.children import adjust_recipe, build
from reinas.children.build import Builder, check_builder
from reinas.devices import CPU, Placement
from reinas.evaluators.base import AbstractEvaluator
from reinas.evaluators.build_check import check_build
from reinas.evaluators.child import outcome
from reinas.evaluators.limits import Limits
from reinas.names import object_name
from reinas.recorded import settings_of
from reinas.seeds import derive
from reinas.tasks.base import AbstractTask, check_parts
from reinas.tasks.recipes import Recipe
from reinas.tasks.user_data import Data, FileTask, cache_data
from reinas.training.costs import costs
from reinas.types import Job, Outcome


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

    def steps(self, architecture: Any) -> int:
        """The epochs of its recipe."""
        return adjust_recipe(architecture, self.recipe).epochs

    def __call__(self, job: Job[Any]) -> Outcome:
        """One child, trained with one thread; all randomness comes from the job's seed.

        Where the job says so the child pauses, and goes on from its checkpoint.
        """
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
        return {"task": settings_of(self.task)}

    def __call__(self, job: Job[RecipePoint]) -> Outcome:
        """The outcome of the job's own recipe, whose seed is all the randomness."""
        point = job.architecture
        return outcome(
            point.architecture, self.task, point.recipe, self.build, job.report, self.placement
        )
