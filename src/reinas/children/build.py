"""Builds a module from an architecture; `@build.register` adds a type of architecture."""

from functools import singledispatch
from typing import Any

from torch import nn

from reinas.errors import BuildError
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe


@singledispatch
def build(architecture: Any, task: Interface) -> nn.Module:
    """Build the untrained network of an architecture.

    Args:
        architecture: A type for which a function is registered.
        task: The shapes of its inputs and outputs.

    Returns:
        A module that maps x [B, *task.inputs] to [B, task.outputs]. Its weights are drawn from
        torch's global generator.

    Raises:
        BuildError: The architecture does not fit the task, or its type is not registered.
    """
    raise BuildError(
        f"nothing builds {type(architecture).__name__}: write a function that takes it and"
        " decorate it with @reinas.build.register"
    )


@singledispatch
def adjust_recipe(architecture: Any, recipe: Recipe) -> Recipe:
    """Apply the training settings that the architecture itself decides, such as a learning rate.

    Args:
        architecture: By default it decides none; `@adjust_recipe.register` adds a type.
        recipe: The search's recipe.

    Returns:
        The recipe to train this architecture with.
    """
    return recipe


def parameters(child: nn.Module) -> int:
    """The number of trainable parameters.

    Args:
        child: A network; a shared parameter counts once.

    Returns:
        The number of scalars.
    """
    return sum(p.numel() for p in child.parameters() if p.requires_grad)


def check_inputs(space: str, task: Interface, rank: int, expected: str) -> None:
    """Check the rank of a task's examples.

    Args:
        space: The space's name.
        task: The task.
        rank: Number of axes that an example must have.
        expected: The inputs that the space needs, in words.

    Raises:
        BuildError: The examples have another number of axes.
    """
    if len(task.inputs) != rank:
        raise BuildError(
            f"space '{space}' needs {expected}, but task '{task.name}' gives {task.inputs}"
        )
