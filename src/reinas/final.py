"""After the search: train the best network on all but the test part, measure that once, save."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from scipy.stats import binomtest

from reinas.children import build, fit, parameters
from reinas.children.training import measure, predict, seeded, tensors
from reinas.errors import ReinasError, SettingError
from reinas.export.saved import FoundNetwork, describe, make_folder, save
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.store import Log, Store
from reinas.store.log import Final
from reinas.store.store import now, plain
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import Scaling
from reinas.threads import one_thread
from reinas.types import Epoch, Trial

LONGER = 3
"""The final training is this many times as long as a child's, unless told otherwise."""


@dataclass(frozen=True)
class Finished:
    """The final network: what was measured, where it is, and whether it was there already."""

    final: Final
    architecture: Any
    folder: Path
    again: bool


def finish(
    store: Store | str,
    name: str,
    space: AbstractSpace[Any],
    task: AbstractTask,
    *,
    folder: Path | str | None = None,
    epochs: int | None = None,
    on_start: Callable[[Recipe], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Finished:
    """Retrain the search's best network on training and validation part, test it, save it.

    The recipe is the search's, for `epochs` (default: three times as many). The test part is
    measured once a search: a second call gives the same network and the result that is in the
    store. `folder` defaults to the name. `on_start` is called with the recipe when nothing can
    be refused any more, `on_epoch` with each epoch of the training.
    """
    home = store if isinstance(store, Store) else Store(store)
    place = Path(name if folder is None else folder)
    log = home.get(name)
    _check(log, space, task)
    with home.lock(name):
        before = log.final()
        trial, recipe = _plan(log, before, epochs)
        make_folder(place)
        if on_start is not None:
            on_start(recipe)
        network, inputs, targets = _train(space, task, trial, recipe, on_epoch)
        final = before
        if final is None:
            metrics = _test(network, task, inputs, targets)
            final = Final(trial.number, recipe.settings, metrics, now())
            log.finish(final)
        story = {"search": name, "trial": trial.number, "recipe": final.recipe}
        description = describe(space, trial.answers, task, **story, metrics=final.metrics)
        save(FoundNetwork(network, inputs, targets, description), place)
    return Finished(final, space.decode(trial.answers), place, again=before is not None)


def _plan(log: Log, final: Final | None, epochs: int | None) -> tuple[Trial, Recipe]:
    """Which trial's network to train, and how; the same again where one was tested already."""
    if final is None:
        trial = _best(log)
        recipe = Recipe(**log.settings["evaluator"]["recipe"])
        return trial, replace(
            recipe,
            epochs=LONGER * recipe.epochs if epochs is None else epochs,
            validate_every=1,
            seed=derive(log.settings["seed"], "finish", trial.number),
        )
    recipe = Recipe(**final.recipe)
    if epochs is not None and epochs != recipe.epochs:
        raise SettingError(
            f"search '{log.name}' is finished already, with {recipe.epochs} epochs, not {epochs}:"
            " the test part is measured once; leave --epochs away to get that network again"
        )
    return log.trial(final.trial), recipe


def _check(log: Log, space: AbstractSpace[Any], task: AbstractTask) -> None:
    """Raise `SettingError` unless the search was for this space and this task."""
    searched = {"space": log.settings["space"], "task": log.settings["evaluator"].get("task")}
    given = plain({"space": dict(space.settings), "task": dict(task.settings)})
    for key, value in searched.items():
        if value != given[key]:
            raise SettingError(f"search '{log.name}' has the {key} {value}, not {given[key]}")


def _best(log: Log) -> Trial:
    best = log.best()
    if not best:
        raise ReinasError(
            f"search '{log.name}' has no network that could be trained:"
            f" `reinas show {log.name}` gives the reasons"
        )
    return best[0]


def _train(
    space: AbstractSpace[Any],
    task: AbstractTask,
    trial: Trial,
    recipe: Recipe,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[torch.nn.Module, Scaling, Scaling]:
    parts = task.parts()
    everything = parts.train if parts.valid is parts.train else parts.train + parts.valid
    inputs, targets = task.scalings(everything)
    with one_thread(), seeded(recipe.seed):
        child = build(space.decode(trial.answers), task)
        data = tensors(everything, inputs, targets)
        curve = fit(child, data, None, recipe, task.loss, on_epoch=on_epoch)
    if curve.stopped:
        raise ReinasError(
            f"the final training {curve.stopped}: try other --epochs, or search with a smaller"
            " recipe.learning_rate"
        )
    return child, inputs, targets


def _test(
    child: torch.nn.Module, task: AbstractTask, inputs: Scaling, targets: Scaling
) -> dict[str, float]:
    """The test part's measurements: accuracy with its 95 % Wilson interval, or RMSE and R squared.

    The RMSE is in the target's own unit, over all targets together.
    """
    data = tensors(task.test(), inputs, targets)
    with one_thread():
        loss, score = measure(child, data, task.loss)
        outputs = predict(child, data.x)
    count = len(data.x)
    metrics = {"examples": count, "parameters": parameters(child)}
    if task.loss == "cross_entropy":
        right = round(score * count)
        interval = binomtest(right, count).proportion_ci(method="wilson")
        return metrics | {
            "accuracy": right / count,
            "low": float(interval.low),
            "high": float(interval.high),
            "loss": loss,
        }
    errors = (outputs - data.y) * torch.from_numpy(targets.std)
    return metrics | {"r2": score, "rmse": float(errors.square().mean().sqrt()), "loss": loss}
