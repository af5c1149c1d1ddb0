"""From an architecture to a module, open to new types: `@build.register`."""

from functools import singledispatch
from typing import Any

from torch import nn

from reinas.errors import BuildError
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe


@singledispatch
def build(architecture: Any, task: Interface) -> nn.Module:
    """The untrained network: x [B, *task.inputs] -> [B, task.outputs].

    Weights are drawn from torch's global generator. `BuildError` where architecture and task
    do not fit together.
    """
    raise BuildError(
        f"nothing builds {type(architecture).__name__}: write a function that takes it and"
        " decorate it with @reinas.build.register"
    )


@singledispatch
def adjust_recipe(architecture: Any, recipe: Recipe) -> Recipe:
    """The recipe, with what the architecture itself decides about its training."""
    return recipe


def parameters(child: nn.Module) -> int:
    """How many trainable numbers a network has."""
    return sum(p.numel() for p in child.parameters() if p.requires_grad)


def check_inputs(kind: str, task: Interface, rank: int, wanted: str) -> None:
    """Raise `BuildError` unless the task's examples have `rank` axes."""
    if len(task.inputs) != rank:
        raise BuildError(
            f"space '{kind}' needs {wanted}, but task '{task.name}' gives {task.inputs}"
        )
