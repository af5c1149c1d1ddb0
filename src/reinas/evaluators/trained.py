"""Train the child, measure it on the validation part."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from reinas.children import adjust_recipe, build, parameters
from reinas.errors import SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.seeds import derive
from reinas.tasks.base import AbstractTask, check_parts
from reinas.tasks.recipes import Recipe
from reinas.tasks.user_data import Data, FileTask, cache_data
from reinas.threads import one_thread
from reinas.training.costs import costs
from reinas.training.fit import fit
from reinas.training.tensors import search_tensors, seeded
from reinas.types import TOO_COSTLY, Job, Outcome


@dataclass(frozen=True)
class Limits:
    """What a child may cost: parameters, and multiply-adds for one example. None is no limit."""

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
        """Which limit a child breaks; None if it may be trained."""
        if self.parameters is not None and parameters > self.parameters:
            return f"{TOO_COSTLY}: more than {self.parameters:,} parameters"
        if self.flops is not None and flops > self.flops:
            return f"{TOO_COSTLY}: more than {self.flops:,} multiply-adds"
        return None


@dataclass(frozen=True)
class TrainedEvaluator(AbstractEvaluator[Any]):
    """Builds each child, trains it by the recipe (default: the task's), rewards its curve.

    A child that breaks one of the `limits` is not trained: it fails, and so counts as reward 0.
    """

    task: AbstractTask
    recipe: Recipe
    limits: Limits

    def __init__(
        self, task: AbstractTask, recipe: Recipe | None = None, limits: Limits | None = None
    ) -> None:
        object.__setattr__(self, "task", task)
        object.__setattr__(self, "recipe", recipe or task.recipe)
        object.__setattr__(self, "limits", limits or Limits())

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
        return settings

    def portable(self) -> AbstractEvaluator[Any]:
        """With the training and the validation part, where they were read from files."""
        if not isinstance(self.task, FileTask):
            return self
        return _Carried(self, self.task, replace(self.task.data, test=None))

    def check(self, architecture: Any) -> None:
        """Refuse a space, a task or data that do not fit together; builds without memory."""
        with torch.device("meta"):
            build(architecture, self.task)
        check_parts(self.task)

    def __call__(self, job: Job[Any]) -> Outcome:
        """One child, trained with one thread; all randomness comes from the job's seed."""
        start = time.perf_counter()
        if self.limits.settings:
            count, flops = costs(job.architecture, self.task)
            if reason := self.limits.broken(count, flops):
                metrics = {"parameters": count, "flops": flops}
                return Outcome(None, time.perf_counter() - start, metrics, error=reason)
        recipe = adjust_recipe(job.architecture, self.recipe)
        return outcome(
            job.architecture, self.task, replace(recipe, seed=derive(job.seed, recipe.seed))
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
    """Trains one architecture by different recipes."""

    task: AbstractTask

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's settings."""
        return {"task": dict(self.task.settings)}

    def __call__(self, job: Job[RecipePoint]) -> Outcome:
        """The outcome of the job's own recipe, whose seed is all the randomness."""
        return outcome(job.architecture.architecture, self.task, job.architecture.recipe)


def outcome(architecture: Any, task: AbstractTask, recipe: Recipe) -> Outcome:
    """Build, train and measure one child, with one thread; all randomness is `recipe.seed`."""
    train, valid = search_tensors(task)
    start = time.perf_counter()  # loading the data is paid once, by whoever comes first
    with one_thread(), seeded(recipe.seed):
        child = build(architecture, task)
        curve = fit(child, train, valid, recipe, task.objective)
    seconds = time.perf_counter() - start
    metrics: dict[str, float] = {"parameters": parameters(child)}
    if curve.stopped:
        return Outcome(None, seconds, metrics, curve, curve.stopped)
    # with patience the weights are those of the best epoch
    kept = min(curve.epochs, key=lambda e: e.loss) if recipe.patience else curve.epochs[-1]
    metrics |= {"loss": kept.loss, **task.objective.metrics(kept.loss, kept.score)}
    return Outcome(task.reward_of(curve), seconds, metrics, curve)
