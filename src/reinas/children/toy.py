"""The review's networks: Dense(1) -> h -> Dense(1) -> g -> Dense(1), each with bias."""

from torch import nn

from reinas.children.build import build, check_inputs
from reinas.errors import BuildError
from reinas.spaces.toy import ToyArchitecture
from reinas.tasks.base import Interface


def dense() -> nn.Linear:
    """One unit: Glorot-uniform weight, zero bias, as in the review."""
    layer = nn.Linear(1, 1)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


@build.register
def _(architecture: ToyArchitecture, task: Interface) -> nn.Module:
    check_inputs("toy", task, 1, "one number in and one out")
    if (*task.inputs, task.outputs) != (1, 1):
        raise BuildError(
            f"space 'toy' needs one number in and one out, but task '{task.name}' gives"
            f" {task.inputs[0]} and wants {task.outputs}"
        )
    activations = {"linear": nn.Identity, "sigmoid": nn.Sigmoid}
    return nn.Sequential(
        dense(), activations[architecture.h](), dense(), activations[architecture.g](), dense()
    )
