"""Multilayer perceptrons."""

import math

from torch import nn

from reinas.children.build import build
from reinas.errors import BuildError
from reinas.spaces.mlp import MlpArchitecture
from reinas.tasks.base import Interface

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "identity": nn.Identity,
}


@build.register
def _(architecture: MlpArchitecture, task: Interface) -> nn.Module:
    if not task.inputs:
        raise BuildError(
            f"space 'mlp' needs numbers or images, but task '{task.name}' gives text: use the"
            " space recurrent"
        )
    modules: list[nn.Module] = [nn.Flatten()]
    width = math.prod(task.inputs)
    for layer in architecture.layers:
        modules += [nn.Linear(width, layer.width), ACTIVATIONS[layer.activation]()]
        width = layer.width
    return nn.Sequential(*modules, nn.Linear(width, task.outputs))
