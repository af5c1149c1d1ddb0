"""The optimiser of a recipe."""

import torch
from torch import nn

from reinas.tasks.recipes import Recipe


def optimizer(child: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over all parameters of the child.

    Args:
        child: The network.
        recipe: Names the algorithm and its settings.
    """
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            child.parameters(),
            recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
    algorithm = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return algorithm(
        child.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
