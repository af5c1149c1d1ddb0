"""Training a child from its first epoch to its last."""

from collections.abc import Callable

from torch import nn

from reinas.devices import Placement
from reinas.objectives.base import Objective
from reinas.tasks.recipes import Recipe
from reinas.training.tensors import Tensors
from reinas.training.training import Training
from reinas.types import Curve, Epoch


def fit(
    child: nn.Module,
    train: Tensors,
    valid: Tensors | None,
    recipe: Recipe,
    objective: Objective,
    *,
    on_epoch: Callable[[Epoch], None] | None = None,
    placement: Placement | None = None,
) -> Curve:
    """Train a child by a recipe.

    Args:
        child: The network; changed in place.
        train: The training part.
        valid: The validation part; None measures the training part instead.
        recipe: How to train.
        objective: Gives the losses and measures.
        on_epoch: Is called with every validated epoch.
        placement: Where the parts are, and the precision; resolved. None: the CPU, float32.

    Returns:
        The validated epochs. Where the loss is no longer finite the training stops early, and
        the curve says why.
    """
    training = Training(child, train, valid, recipe, objective, placement=placement)
    while not training.finished:
        epoch = training.run_epoch()
        if epoch is not None and on_epoch is not None:
            on_epoch(epoch)
    return training.finish()
