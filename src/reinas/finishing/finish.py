"""After the search: a grid of recipes for the best network, a long training, one test, saved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from scipy.stats import binomtest
from torch import nn

from reinas.children import adjust_recipe, build, parameters
from reinas.errors import ReinasError, SettingError
from reinas.evaluators.trained import RecipeEvaluator, RecipePoint
from reinas.executors.base import AbstractExecutor
from reinas.executors.serial import Serial
from reinas.export.network import FoundNetwork
from reinas.export.saved import describe, make_folder, save
from reinas.finishing.recipe_grid import RecipeGrid, Watcher
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.store import AbstractRecord, AbstractStore, Store
from reinas.store.json import now, plain
from reinas.store.rows import recipe_key
from reinas.store.values import FinalRecord
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import Scaling
from reinas.threads import one_thread
from reinas.training.fit import (
    NORMS,
    fit,
    measure,
    predict,
    search_scalings,
    search_tensors,
    seeded,
    sequence,
    tensors,
)
from reinas.types import Curve, Epoch, Job, Trial

LONGER = 3
"""The final training is at most this many times as long as a child's, unless told otherwise."""


USUAL = RecipeGrid()
"""The grid around the search's own recipe."""


@dataclass(frozen=True)
class FinalResult:
    """The final network: what was measured, where it is, and whether it was there already."""

    final: FinalRecord
    architecture: Any
    folder: Path
    again: bool
    better: int | None = None
    """The trial of a network that is better by now but will not be tested, if there is one."""


def finish(
    store: AbstractStore | str,
    name: str,
    space: AbstractSpace[Any],
    task: AbstractTask,
    *,
    folder: Path | str | None = None,
    grid: RecipeGrid | None = USUAL,
    epochs: int | None = None,
    patience: int | None = None,
    anyway: bool = False,
    executor: AbstractExecutor | None = None,
    watcher: Watcher | None = None,
) -> FinalResult:
    """Send the search's best network through a grid, train it until it converges, test, save.

    The best network by reward is trained by every recipe of `grid` (None skips that); the one
    with the best reward trains it again for at most `epochs` (default: three times a child's),
    until the validation loss has not fallen for `patience` epochs (default: a third of them),
    and the weights with the lowest validation loss are kept. The test part is measured once a
    search: a second call gives the same network and the result that is in the store. Killed
    at any moment, it goes on with the points of the grid that are not trained yet.

    `SettingError` if the search is not over, unless `anyway`. `folder` defaults to the name.
    """
    home = store if isinstance(store, AbstractStore) else Store(store)
    place = _here(name) if folder is None else Path(folder)
    log = home.get(name)
    _check(log, space, task)
    watch = watcher or Watcher()
    with home.lock(name):
        before = log.final()
        if before is None:
            _check_over(log, anyway)
            trial = _best(log)
            architecture = space.decode(trial.answers)
            make_folder(place)
            recipe = _chosen(log, trial, architecture, task, grid, executor or Serial(), watch)
            recipe = _long(recipe, epochs, patience)
        else:
            trial, recipe = _same_again(log, before, epochs)
            architecture = space.decode(trial.answers)
            make_folder(place)
        watch.training(recipe)
        network, curve, inputs, targets = _train(architecture, task, recipe, watch.epoch)
        final = before
        if final is None:
            metrics = _test(network, task, inputs, targets)
            final = FinalRecord(trial.number, recipe.settings, metrics, now())
            log.finish(final)
        story = {"search": name, "trial": trial.number, "recipe": final.recipe}
        story["epochs_trained"] = curve.epochs[-1].number
        description = describe(space, trial.answers, task, **story, metrics=final.metrics)
        save(FoundNetwork(network, inputs, targets, description), place)
    best = _best(log).number
    better = None if best == final.trial else best
    return FinalResult(final, architecture, place, again=before is not None, better=better)


def _here(name: str) -> Path:
    """A folder of that name, below this one even where a name is like ../x."""
    place = Path(name)
    return Path(name.replace("/", "-")) if place.is_absolute() or ".." in place.parts else place


def _chosen(
    log: AbstractRecord,
    trial: Trial,
    architecture: Any,
    task: AbstractTask,
    grid: RecipeGrid | None,
    executor: AbstractExecutor,
    watch: Watcher,
) -> Recipe:
    """The grid's recipe with the best reward; its points are written down as they finish."""
    searched = Recipe(**log.settings["evaluator"]["recipe"])
    seed = derive(log.settings["seed"], "finish", trial.number)
    base = replace(adjust_recipe(architecture, searched), validate_every=1, seed=seed)
    if grid is None:
        return base
    with torch.device("meta"):
        normalised = any(isinstance(m, NORMS) for m in build(architecture, task).modules())
    recipes = grid.recipes(base, normalised=normalised, language=task.sequential)
    known = log.points()
    left = [recipe for recipe in recipes if _key(recipe) not in known]
    watch.grid(len(recipes), len(recipes) - len(left))
    jobs = [Job(n, RecipePoint(architecture, recipe), recipe.seed) for n, recipe in enumerate(left)]
    try:
        for job, outcome in executor.run(RecipeEvaluator(task), jobs):
            log.record_point(job.architecture.recipe.settings, outcome)
            watch.point(job.architecture.recipe, outcome)
    finally:
        executor.close()
    return _winner(log, recipes)


def _winner(log: AbstractRecord, recipes: Sequence[Recipe]) -> Recipe:
    """The recipe with the best reward; of equal ones that with the lower last loss."""
    outcomes = log.points()
    rated = []
    for recipe in recipes:
        outcome = outcomes[_key(recipe)][1]
        if outcome.reward is not None:
            rated.append((outcome.reward, -outcome.metrics["loss"], recipe))
    if not rated:
        reason = next(iter(outcomes.values()))[1].error
        raise ReinasError(f"no recipe of the grid could train the network: {reason}")
    return max(rated, key=lambda rating: rating[:2])[2]


def _key(recipe: Recipe) -> str:
    return recipe_key(recipe.settings)


def _long(recipe: Recipe, epochs: int | None, patience: int | None) -> Recipe:
    """The recipe of the final training."""
    count = LONGER * recipe.epochs if epochs is None else epochs
    waits = max(1, count // 3) if patience is None else patience
    return replace(recipe, epochs=count, patience=waits)


def _same_again(
    log: AbstractRecord, final: FinalRecord, epochs: int | None
) -> tuple[Trial, Recipe]:
    """The trial that was tested already, and the recipe that trained it."""
    recipe = Recipe(**final.recipe)
    if epochs is not None and epochs != recipe.epochs:
        raise SettingError(
            f"search '{log.name}' is finished already, with {recipe.epochs} epochs, not {epochs}:"
            " the test part is measured once; leave --epochs away to get that network again"
        )
    return log.trial(final.trial), recipe


def _check(log: AbstractRecord, space: AbstractSpace[Any], task: AbstractTask) -> None:
    """Raise `SettingError` unless the search was for this space, this task and these data."""
    evaluator = log.settings["evaluator"]
    searched = {"space": log.settings["space"], "task": evaluator.get("task")}
    given = plain({"space": dict(space.settings), "task": dict(task.settings)})
    for key, value in searched.items():
        if value != given[key]:
            raise SettingError(f"search '{log.name}' has the {key} {value}, not {given[key]}")
    if evaluator.get("data") != task.fingerprint:
        raise SettingError(
            f"the data of task '{task.name}' have changed since search '{log.name}' began: put"
            " them back, or search anew"
        )


def _check_over(log: AbstractRecord, anyway: bool) -> None:
    done = log.count()[1]
    if done < log.trials and not anyway:
        raise SettingError(
            f"search '{log.name}' has finished {done} of {log.trials} trials, and the test part is"
            " measured once: continue the search to its end first, or set anyway"
        )


def _best(log: AbstractRecord) -> Trial:
    best = log.best()
    if not best:
        raise ReinasError(
            f"search '{log.name}' has no network that could be trained:"
            f" `reinas show {log.name}` gives the reasons"
        )
    return best[0]


def _train(
    architecture: Any,
    task: AbstractTask,
    recipe: Recipe,
    on_epoch: Callable[[Epoch], None],
) -> tuple[nn.Module, Curve, Scaling, Scaling]:
    """Train on the training part, watched on the validation part."""
    train, valid = search_tensors(task)
    with one_thread(), seeded(recipe.seed):
        child = build(architecture, task)
        curve = fit(child, train, valid, recipe, task.loss, on_epoch=on_epoch)
    if curve.stopped:
        raise ReinasError(
            f"the final training {curve.stopped}: try other --epochs, or a smaller --set"
            " grid.learning_rates=[...]"
        )
    return child, curve, *search_scalings(task)


def _test(
    child: nn.Module, task: AbstractTask, inputs: Scaling, targets: Scaling
) -> dict[str, float]:
    """The test part's measurements: accuracy with its 95 % Wilson interval, or RMSE and R squared.

    Of text: perplexity, or bits a character. The RMSE is in the target's own unit, over all
    targets together.
    """
    part = task.test()
    data = sequence(part) if task.sequential else tensors(part, inputs, targets)
    with one_thread():
        loss, score = measure(child, data, task.loss)
    count = len(data.x)
    metrics = {"examples": count, "parameters": parameters(child)}
    if task.sequential:
        return metrics | task.measures(Epoch(0, loss, loss, score)) | {"loss": loss}
    if task.loss == "cross_entropy":
        right = round(score * count)
        interval = binomtest(right, count).proportion_ci(method="wilson")
        return metrics | {
            "accuracy": right / count,
            "low": float(interval.low),
            "high": float(interval.high),
            "loss": loss,
        }
    with one_thread():
        outputs = predict(child, data.x)
    errors = (outputs - data.y) * torch.from_numpy(targets.std)
    return metrics | {"r2": score, "rmse": float(errors.square().mean().sqrt()), "loss": loss}
