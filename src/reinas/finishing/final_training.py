"""The final training, and the one test."""

from collections.abc import Callable
from typing import Any

from torch import nn

from reinas.children import parameters
from reinas.children.build import Builder
from reinas.devices import CPU, Placement
from reinas.errors import ReinasError
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import Recipe
from reinas.training.computing import as_placed
from reinas.training.fit import fit
from reinas.training.memory import with_less
from reinas.training.tensors import (
    search_objective,
    search_scalings,
    search_tensors,
    seeded,
    tensors,
)
from reinas.types import Curve, Epoch


def train_final(
    architecture: Any,
    task: AbstractTask,
    recipe: Recipe,
    builder: Builder,
    on_epoch: Callable[[Epoch], None],
    placement: Placement = CPU,
) -> tuple[nn.Module, Curve, Recipe]:
    """Train on the training part, watched on the validation part.

    On the CPU it has all of torch's threads, whose number rounds the weights: children of a
    search have one each.

    Args:
        architecture: What to build.
        task: Has the data.
        recipe: How to train; all randomness is its seed.
        builder: Builds the architecture.
        on_epoch: Is called with every epoch.
        placement: Where it trains, and with which numbers; resolved.

    Returns:
        The network with the weights of its best epoch, on the device where it was trained; the
        learning curve; the recipe, with half the batch where the device had too little memory.

    Raises:
        ReinasError: The training diverged, or the device has too little memory.
    """
    where = placement.where()
    train, valid = search_tensors(task, placement.device)

    def trained(recipe: Recipe) -> tuple[nn.Module, Curve]:
        with seeded(recipe.seed, where):  # alone, so with all of torch's threads
            child = builder(architecture, task).to(where)
            curve = fit(
                child,
                train,
                valid,
                recipe,
                search_objective(task),
                on_epoch=on_epoch,
                placement=placement,
            )
        return child, curve

    try:
        (child, curve), recipe = with_less(trained, recipe, placement)
    except MemoryError as error:
        raise ReinasError(f"the final training failed: {error}") from None
    if curve.stopped:
        raise ReinasError(
            f"the final training {curve.stopped}: try other epochs, or a grid with smaller learning"
            " rates"
        )
    return child, curve, recipe


def measure_test_part(
    child: nn.Module, task: AbstractTask, placement: Placement = CPU
) -> dict[str, float]:
    """Measure the test part. This is the only place that reads it.

    Args:
        child: The final network, on the device of the placement.
        task: Has the test part and the objective that measures.
        placement: Where to measure; resolved.

    Returns:
        `examples`, `parameters` and the objective's test metrics.
    """
    scalings = search_scalings(task)
    data = tensors(task.test(), *scalings, task.objective).to(placement.device)
    placed = as_placed(child, placement)
    found = task.objective.test_metrics(placed, data.x, data.y, scalings[1])
    return {"examples": len(data.x), "parameters": parameters(child), **found}
