"""Training a child: the loop."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from reinas.children.build import apply_recipe
from reinas.objectives.base import Objective
from reinas.seeds import derive
from reinas.tasks.recipes import Recipe
from reinas.training.augment import augment
from reinas.training.tensors import Tensors
from reinas.types import Curve, Epoch


def optimizer(child: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over all parameters of the child."""
    if recipe.optimizer == "adam":
        return torch.optim.Adam(
            child.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
    return torch.optim.SGD(
        child.parameters(),
        recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def train_epoch(
    child: nn.Module,
    data: Tensors,
    recipe: Recipe,
    objective: Objective,
    optimize: torch.optim.Optimizer,
    generator: torch.Generator,
) -> float:
    """Take a step per batch of the training part.

    The losses are read once, at the end: what is not finite stays so through a sum.

    Args:
        child: The network; changed in place.
        data: The training part.
        recipe: Size of the batches, augmentation, greatest norm of a gradient.
        objective: Gives the batches' losses.
        optimize: Takes the steps.
        generator: Draws the order and the augmentation.

    Returns:
        The mean training loss.
    """
    child.train()
    total, count = torch.zeros(()), 0
    for value, size in objective.training_losses(
        child, data.x, data.y, recipe, generator, lambda x: augment(x, recipe, generator)
    ):
        optimize.zero_grad()
        value.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(child.parameters(), recipe.clip)
        optimize.step()
        total += value.detach() * size
        count += size
    return float(total) / count


def init_weights(child: nn.Module, recipe: Recipe) -> None:
    """Draw uniform weights, where the recipe says so, from torch's global generator."""
    if recipe.initial:
        for parameter in child.parameters():
            nn.init.uniform_(parameter, -recipe.initial, recipe.initial)


class _Best:
    """The weights of the epoch with the lowest validation loss, and how long ago that was."""

    def __init__(self) -> None:
        self._loss = math.inf
        self._weights: dict[str, Tensor] = {}
        self.since = 0

    def see(self, loss: float, child: nn.Module) -> None:
        """Keep the child's weights if this is its best epoch so far."""
        self.since += 1
        if loss < self._loss:
            self._loss, self.since = loss, 0
            self._weights = {k: v.clone() for k, v in child.state_dict().items()}

    def give(self, child: nn.Module) -> None:
        """Put the best weights back."""
        child.load_state_dict(self._weights)


def fit(
    child: nn.Module,
    train: Tensors,
    valid: Tensors | None,
    recipe: Recipe,
    objective: Objective,
    *,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Curve:
    """Train a child by a recipe.

    Args:
        child: The network; changed in place.
        train: The training part.
        valid: The validation part; None measures the training part instead.
        recipe: How to train.
        objective: Gives the losses and measures.
        on_epoch: Is called with every validated epoch.

    Returns:
        The validated epochs. Where the loss is no longer finite the training stops early, and
        the curve says why.
    """
    apply_recipe(child, recipe)
    init_weights(child, recipe)
    optimize = optimizer(child, recipe)
    generator = torch.Generator().manual_seed(derive(recipe.seed, "order"))
    rows: list[Epoch] = []
    best = _Best()
    watched = valid or train
    for epoch in range(recipe.epochs):
        for group in optimize.param_groups:
            group["lr"] = recipe.learning_rate * recipe.rate(epoch)
        train_loss = train_epoch(child, train, recipe, objective, optimize, generator)
        if not math.isfinite(train_loss):
            return Curve(tuple(rows), _diverged("training", train_loss, epoch))
        if (epoch + 1) % recipe.validate_every and epoch + 1 < recipe.epochs:
            continue
        value, score = objective.measure(child, watched.x, watched.y)
        if not math.isfinite(value):
            return Curve(tuple(rows), _diverged("validation", value, epoch))
        rows.append(Epoch(epoch + 1, train_loss, value, score))
        if on_epoch is not None:
            on_epoch(rows[-1])
        if recipe.patience:
            best.see(value, child)
            if best.since >= recipe.patience:
                break
    if recipe.patience:
        best.give(child)
    return Curve(tuple(rows))


def _diverged(which: str, value: float, epoch: int) -> str:
    return f"diverged: the {which} loss was {value} in epoch {epoch + 1}"
