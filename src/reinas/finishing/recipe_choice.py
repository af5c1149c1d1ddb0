"""Which recipe trains the best network: the best of a grid, on the validation part."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from reinas.children import adjust_recipe
from reinas.children.build import NORMS, Builder
from reinas.devices import CPU, Placement
from reinas.errors import ReinasError
from reinas.evaluators.trained import RecipeEvaluator, RecipePoint
from reinas.executors.base import AbstractExecutor
from reinas.finishing.finish_observer import FinishObserver
from reinas.finishing.recipe_grid import RecipeGrid
from reinas.seeds import derive
from reinas.store import AbstractRecord
from reinas.store.rows import recipe_key
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import Recipe
from reinas.types import Job, Trial

EPOCHS_FACTOR = 3
"""The final training has at most this many times the epochs of a child's, by default."""


def choose_recipe(
    record: AbstractRecord,
    trial: Trial,
    architecture: Any,
    task: AbstractTask,
    grid: RecipeGrid | None,
    builder: Builder,
    executor: AbstractExecutor,
    observer: FinishObserver,
    placement: Placement = CPU,
) -> Recipe:
    """Try every recipe of the grid that was not tried yet.

    Args:
        record: The search's record; every point is written to it as it finishes.
        trial: The best trial.
        architecture: What it is.
        task: The search's task.
        grid: The recipes; None keeps the search's own.
        builder: Builds the architecture.
        executor: Runs the points.
        observer: Is called for the grid and for every point.
        placement: Where it trains, and with which numbers; resolved.

    Returns:
        The recipe with the best reward.

    Raises:
        ReinasError: No recipe could train the network.
    """
    base = own_recipe(record, trial, architecture)
    if grid is None:
        return base
    with torch.device("meta"):
        normalised = any(isinstance(m, NORMS) for m in builder(architecture, task).modules())
    recipes = grid.recipes(base, task.objective, normalised=normalised)
    known = record.points()
    left = [recipe for recipe in recipes if recipe_key(recipe.settings) not in known]
    observer.grid(len(recipes), len(recipes) - len(left))
    jobs = [Job(n, RecipePoint(architecture, recipe), recipe.seed) for n, recipe in enumerate(left)]
    try:
        for job, outcome in executor.run(RecipeEvaluator(task, builder, placement), jobs):
            record.record_point(job.architecture.recipe.settings, outcome)
            observer.point(job.architecture.recipe, outcome)
    finally:
        executor.close()
    return _best(record, recipes)


def own_recipe(record: AbstractRecord, trial: Trial, architecture: Any) -> Recipe:
    """The recipe that the search trained the architecture with, for a training of its own."""
    searched = Recipe(**record.settings["evaluator"]["recipe"])
    seed = derive(record.settings["seed"], "finish", trial.number)
    return replace(adjust_recipe(architecture, searched), validate_every=1, seed=seed)


def final_recipe(recipe: Recipe, epochs: int | None, patience: int | None) -> Recipe:
    """The recipe of the final training.

    Args:
        recipe: The one that was chosen.
        epochs: Most epochs; None is three times a child's.
        patience: Epochs to wait for a lower validation loss; None is a third of the epochs.

    Returns:
        The same recipe for longer.
    """
    count = EPOCHS_FACTOR * recipe.epochs if epochs is None else epochs
    waits = max(1, count // 3) if patience is None else patience
    return replace(recipe, epochs=count, patience=waits)


def _best(record: AbstractRecord, recipes: Sequence[Recipe]) -> Recipe:
    """The recipe with the best reward; of equal ones that with the lower last loss."""
    outcomes = record.points()
    rated = []
    for recipe in recipes:
        outcome = outcomes[recipe_key(recipe.settings)][1]
        if outcome.reward is not None:
            rated.append((outcome.reward, -outcome.metrics["loss"], recipe))
    if not rated:
        reason = next(iter(outcomes.values()))[1].error
        raise ReinasError(f"no recipe of the grid could train the network: {reason}")
    return max(rated, key=lambda rating: rating[:2])[2]
