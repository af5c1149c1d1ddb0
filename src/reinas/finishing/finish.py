"""After the search: a grid of recipes for the best network, a long training, one test, saved."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reinas.children import build as registered
from reinas.children.build import Builder, check_builder, load_builder
from reinas.devices import Placement
from reinas.errors import InvalidSettingError, ReinasError, SettingError
from reinas.executors.base import AbstractExecutor
from reinas.executors.serial import Serial
from reinas.export.network import FoundNetwork
from reinas.export.saved import describe, make_folder, save
from reinas.finishing.final_training import measure_test_part, train_final
from reinas.finishing.finish_observer import FinishObserver
from reinas.finishing.recipe_choice import choose_recipe, final_recipe
from reinas.finishing.recipe_grid import RecipeGrid
from reinas.finishing.repetition import check_recipe, check_trial
from reinas.names import object_name
from reinas.recorded import differences, listed, plain, settings_of
from reinas.spaces.base import AbstractSpace
from reinas.store import AbstractRecord, AbstractStore, Store
from reinas.store.json import now
from reinas.store.values import FinalRecord
from reinas.tasks.base import AbstractTask
from reinas.threads import one_thread
from reinas.training.tensors import search_scalings
from reinas.types import Trial

DEFAULT_GRID = RecipeGrid()
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
    grid: RecipeGrid | None = DEFAULT_GRID,
    epochs: int | None = None,
    patience: int | None = None,
    anyway: bool = False,
    executor: AbstractExecutor | None = None,
    observer: FinishObserver | None = None,
    build: Builder | None = None,
    placement: Placement | None = None,
    trial: int | None = None,
) -> FinalResult:
    """Send the search's best network through a grid, train it until it converges, test, save.

    The best network by reward is trained by every recipe of `grid`; the one with the best
    reward trains it again, and the weights with the lowest validation loss are kept (section
    4.1). The test part is measured once per search: a second call gives the same network and
    the result that is in the store. Killed at any moment, it goes on with the points of the
    grid that are not trained yet.

    Args:
        store: The store of the search, or its path.
        name: The search's name.
        space: The search's space.
        task: The search's task.
        folder: Where the network is saved; by default a folder called like the search.
        grid: The recipes to try; None keeps the search's own.
        epochs: Most epochs of the final training; None is three times a child's.
        patience: Epochs to wait for a lower validation loss; None is a third of the epochs, 0
            never stops.
        anyway: Also finish a search that is not over.
        executor: Where the points of the grid are trained; None is this process.
        observer: Is called while it runs.
        build: The function that built the search's children; None is the recorded one.
        placement: Where the network trains and is tested, and with which numbers; None is where
            the search's children trained. It is saved from the CPU, with float32 weights.
        trial: The number of the trial to finish, such as one on the Pareto front. None: the one
            with the highest reward.

    Returns:
        The final network's test result, and where it is saved.

    Raises:
        SettingError: The search is not over, or was for another space, task or data, or was
            finished with another recipe, or its device is not here, or its network could not be
            saved and loaded again; that is found out before anything is trained.
        FileError: The folder cannot be written.
        ReinasError: No network could be trained.
    """
    if build is not None:
        check_builder(build)
    home = store if isinstance(store, AbstractStore) else Store(store)
    place = _here(name) if folder is None else Path(folder)
    record = home.get(name)
    _check(record, space, task)
    searched = Placement(**record.settings["evaluator"].get("placement", {}))
    placed = (placement or searched).resolved()
    watch = observer or FinishObserver()
    recorded = record.settings["evaluator"].get("build")
    builder = build or (load_builder(recorded) if recorded else registered)
    with home.lock(name):
        before = record.final()
        if before is None:
            _check_over(record, anyway)
            chosen_trial = _chosen(record, trial)
        else:
            chosen_trial = check_trial(record, before, trial)
        architecture = space.decode(chosen_trial.answers)
        story: dict[str, Any] = {"search": name, "trial": chosen_trial.number}
        if placed.settings:
            story["placement"] = placed.settings
        if build is not None or recorded:
            story["build"] = recorded if build is None else object_name(build)
        description = describe(space, chosen_trial.answers, task, **story)
        if before is not None:
            recipe = check_recipe(
                record, before, architecture, grid=grid, epochs=epochs, patience=patience
            )
        make_folder(place)
        if before is None:
            chosen = choose_recipe(
                record,
                chosen_trial,
                architecture,
                task,
                grid,
                builder,
                executor or Serial(),
                watch,
                placed,
            )
            recipe = final_recipe(chosen, epochs, patience)
        watch.training(recipe)
        network, curve, recipe = train_final(
            architecture, task, recipe, builder, watch.epoch, placed
        )
        final = before
        if final is None:
            with one_thread():
                metrics = measure_test_part(network, task, replace(placed, precision="float32"))
            summary = task.objective.summary(metrics)
            number = chosen_trial.number
            final = FinalRecord(number, recipe.settings, metrics, now(), summary)
            record.finish(final)
        description["recipe"] = final.recipe
        description["epochs_trained"] = curve.epochs[-1].number
        description["metrics"] = final.metrics
        save(FoundNetwork(network.to("cpu"), *search_scalings(task), description), place)
    best = _best(record).number
    better = None if trial is not None or best == final.trial else best
    return FinalResult(final, architecture, place, again=before is not None, better=better)


def _here(name: str) -> Path:
    """A folder of that name, below this one even where a name is like ../x."""
    place = Path(name)
    if not place.is_absolute() and ".." not in place.parts and place.parts:
        return place
    return Path(name.replace("/", "-").strip(".") or "network")


def _check(record: AbstractRecord, space: AbstractSpace[Any], task: AbstractTask) -> None:
    """Raise `SettingError` unless the search was for this space, this task and these data."""
    evaluator = record.settings["evaluator"]
    searched = {"space": record.settings["space"], "task": evaluator.get("task")}
    given = plain({"space": settings_of(space), "task": settings_of(task)})
    for key, value in searched.items():
        if value != given[key]:
            texts = differences({key: value}, {key: given[key]})
            raise SettingError(f"search '{record.name}' is of another {key}: {listed(texts)}")
    if evaluator.get("data") != task.fingerprint:
        raise SettingError(
            f"the data of task '{task.name}' have changed since search '{record.name}' began: put"
            " them back, or search anew"
        )


def _check_over(record: AbstractRecord, anyway: bool) -> None:
    done = record.count()[1]
    if done < record.trials and not anyway:
        raise SettingError(
            f"search '{record.name}' has finished {done} of {record.trials} trials, and the test"
            " part is measured once: continue it to its end first, or set anyway"
        )


def _chosen(record: AbstractRecord, number: int | None) -> Trial:
    """The trial that is asked for, or the best one."""
    if number is None:
        return _best(record)
    if not 0 <= number < record.count()[0]:
        raise InvalidSettingError(
            "trial", f"must be from 0 to {record.count()[0] - 1} here, got {number}"
        )
    trial = record.trial(number)
    if trial.state != "complete":
        raise InvalidSettingError(
            "trial", f"should be one that was trained to the end, but {number} is {trial.state}"
        )
    return trial


def _best(record: AbstractRecord) -> Trial:
    best = record.best()
    if not best:
        raise ReinasError(
            f"search '{record.name}' has no network that could be trained:"
            f" `reinas show {record.name}` gives the reasons"
        )
    return best[0]
