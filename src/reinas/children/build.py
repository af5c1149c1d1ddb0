"""Builds a module from an architecture; `@build.register` adds a type of architecture."""

import contextlib
import inspect
import typing
from collections.abc import Callable
from functools import singledispatch
from types import FunctionType
from typing import Any

from torch import nn

from reinas.errors import BuildError, InvalidSettingError
from reinas.plugins import load_object
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe

Builder = Callable[[Any, Any], nn.Module]
"""Builds the untrained network of an architecture for a task, as `build` does."""


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
        f"nothing builds {type(architecture).__name__}: write a function (architecture, task) that"
        " does, and give it as `build` or decorate it with @reinas.build.register"
    )


def check_builder(builder: Any) -> None:
    """Check that worker processes can import a function.

    Args:
        builder: What was given as `build`.

    Raises:
        InvalidSettingError: It is no function of a module.
    """
    if not isinstance(builder, FunctionType) or "<" in builder.__qualname__:
        raise InvalidSettingError(
            "build",
            "should be a function (architecture, task) at the top of a module, so that worker"
            f" processes find it; got {builder!r}",
        )


def load_builder(name: str) -> Builder:
    """The function that a search or a network has recorded.

    The name comes from a file, so only a function is called that is declared to build.

    Args:
        name: `module:name`.

    Returns:
        The function.

    Raises:
        InvalidSettingError: It cannot be imported, or its annotation does not say that it
            returns a module.
    """
    builder = load_object(name)
    if isinstance(builder, FunctionType):
        returned = None
        with contextlib.suppress(Exception):  # annotations are code, and may raise anything
            returned = typing.get_type_hints(builder).get("return")
        if inspect.isclass(returned) and issubclass(returned, nn.Module):
            return builder
    raise InvalidSettingError(
        "build",
        f"'{name}' has no annotation '-> nn.Module', so it is not called by that name: add one, or"
        " give the function itself as `build`",
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


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
"""Modules that normalise by the statistics of a batch."""


@singledispatch
def configure(module: nn.Module, recipe: Recipe) -> None:
    """Set what a recipe decides about one module of a network, such as its dropout.

    Called for every module before training, and when a saved network is loaded.

    Args:
        module: Changed in place. By default nothing is; `@configure.register` adds a type.
        recipe: How the network is trained.
    """


@configure.register
def _(
    module: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d,
    recipe: Recipe,
) -> None:
    module.eps = recipe.norm_epsilon


def apply_recipe(child: nn.Module, recipe: Recipe) -> None:
    """Configure every module of a network.

    Args:
        child: The network; changed in place.
        recipe: How it is trained.
    """
    for module in child.modules():
        configure(module, recipe)


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


def check_positions(space: str, dimensions: int, task: Interface) -> None:
    """Check that a task gives what a convolutional network of so many dimensions takes.

    Args:
        space: The space's name.
        dimensions: 2 for images, 1 for series.
        task: The task.

    Raises:
        BuildError: It gives series instead of images, the other way round, or neither.
    """
    kinds = {2: "series (channels, time)", 3: "images (channels, height, width)"}
    rank, given = dimensions + 1, len(task.inputs)
    if given in kinds and given != rank:
        raise BuildError(
            f"space '{space}' with dimensions={dimensions} needs {kinds[rank]}, but task"
            f" '{task.name}' gives {kinds[given]}: set dimensions to {given - 1}"
        )
    check_inputs(space, task, rank, kinds[rank])


def check_text(space: str, task: Interface) -> None:
    """Check that a task gives text.

    Args:
        space: The space's name.
        task: The task.

    Raises:
        BuildError: It gives examples that have a shape.
    """
    if task.inputs != ():
        raise BuildError(
            f"space '{space}' models text, but task '{task.name}' gives examples of shape"
            f" {task.inputs}: use a task of text"
        )
