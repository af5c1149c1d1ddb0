"""Train the child, measure it on the validation part."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from reinas.children import build, fit, parameters
from reinas.children.training import search_tensors, seeded
from reinas.evaluators.base import AbstractEvaluator
from reinas.seeds import derive
from reinas.tasks.base import AbstractTask, check_parts
from reinas.tasks.recipes import Recipe
from reinas.threads import one_thread
from reinas.types import Job, Outcome


@dataclass(frozen=True)
class TrainedEvaluator(AbstractEvaluator[Any]):
    """Builds each child, trains it by the recipe (default: the task's), rewards its curve."""

    task: AbstractTask
    recipe: Recipe

    def __init__(self, task: AbstractTask, recipe: Recipe | None = None) -> None:
        object.__setattr__(self, "task", task)
        object.__setattr__(self, "recipe", recipe or task.recipe)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's settings and the recipe's."""
        return {"task": dict(self.task.settings), "recipe": self.recipe.settings}

    def check(self, architecture: Any) -> None:
        """Refuse a space, a task or data that do not fit together; builds without memory."""
        with torch.device("meta"):
            build(architecture, self.task)
        check_parts(self.task)

    def __call__(self, job: Job[Any]) -> Outcome:
        """One child, trained with one thread; all randomness comes from the job's seed."""
        train, valid = search_tensors(self.task)
        start = time.perf_counter()
        seed = derive(job.seed, self.recipe.seed)
        with one_thread(), seeded(seed):
            child = build(job.architecture, self.task)
            curve = fit(child, train, valid, replace(self.recipe, seed=seed), self.task.loss)
        seconds = time.perf_counter() - start
        metrics: dict[str, float] = {"parameters": parameters(child)}
        if curve.stopped:
            return Outcome(None, seconds, metrics, curve, curve.stopped)
        last = curve.epochs[-1]
        metrics |= {"loss": last.loss, self.task.score: last.score}
        return Outcome(self.task.reward_of(curve), seconds, metrics, curve)
