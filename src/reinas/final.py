"""After the search: train the best network on all but the test part, measure that once, save."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from scipy.stats import binomtest

from reinas.children import build, fit, parameters
from reinas.children.training import measure, seeded, tensors
from reinas.errors import ReinasError, SettingError
from reinas.export.saved import FoundNetwork, describe, save
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.store import Log, Store
from reinas.store.log import Final
from reinas.store.store import now
from reinas.tasks.base import AbstractTask, Part, Scaling
from reinas.tasks.recipes import Recipe
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
    store: Store,
    name: str,
    space: AbstractSpace[Any],
    task: AbstractTask,
    recipe: Recipe,
    *,
    folder: Path,
    epochs: int | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Finished:
    """Retrain the search's best network on training and validation part, test it, save it.

    The test part is measured once a search: a second call gives the same network and the
    result that is in the store. `recipe` is the search's; `epochs` defaults to three times its.
    """
    log = store.get(name)
    with store.lock(name):
        final = log.final()
        trial = log.trial(final.trial) if final else _best(log)
        recipe = replace(
            recipe,
            epochs=epochs or LONGER * recipe.epochs,
            validate_every=1,
            seed=derive(log.settings["seed"], "finish", trial.number),
        )
        if final and final.recipe != recipe.settings:
            raise SettingError(
                f"search '{name}' is finished already, with {final.recipe['epochs']} epochs: the"
                " test part is measured once; leave --epochs away to get that network again"
            )
        network, inputs, targets = _train(space, task, trial, recipe, on_epoch)
        again = final is not None
        if final is None:
            metrics = _test(network, task, task.test(), inputs, targets)
            final = Final(trial.number, recipe.settings, metrics, now())
            log.finish(final)
        found = FoundNetwork(
            network,
            inputs,
            targets,
            describe(
                space,
                trial.answers,
                task,
                search=name,
                trial=trial.number,
                recipe=recipe.settings,
                metrics=final.metrics,
            ),
        )
        save(found, folder)
    return Finished(final, space.decode(trial.answers), folder, again)


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
    child: torch.nn.Module, task: AbstractTask, part: Part, inputs: Scaling, targets: Scaling
) -> dict[str, float]:
    """The test part's measurements; accuracy with its 95 % Wilson interval."""
    with one_thread():
        loss, score = measure(child, tensors(part, inputs, targets), task.loss)
    metrics = {"examples": len(part), "parameters": parameters(child)}
    if task.loss == "cross_entropy":
        right = round(score * len(part))
        interval = binomtest(right, len(part)).proportion_ci(method="wilson")
        return metrics | {
            "accuracy": right / len(part),
            "low": float(interval.low),
            "high": float(interval.high),
            "loss": loss,
        }
    # the loss is in standardised units; people want the target's own
    return metrics | {"r2": score, "rmse": loss**0.5 * float(targets.std.mean()), "loss": loss}
