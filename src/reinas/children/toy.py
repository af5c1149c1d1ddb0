"""The review's networks (docs/review.md): Dense(1) -> h -> Dense(1) -> g -> Dense(1)."""

from torch import nn

from reinas.children.build import build, check_inputs
from reinas.errors import BuildError
from reinas.spaces.toy import ToyArchitecture
from reinas.tasks.base import Interface


def dense() -> nn.Linear:
    """One unit with bias, initialised as in the review: Glorot-uniform weight, zero bias.

    Returns:
        A module [B, 1] -> [B, 1].
    """
    layer = nn.Linear(1, 1)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


@build.register
def _(architecture: ToyArchitecture, task: Interface) -> nn.Module:
    check_inputs("toy", task, 1, "one number in and one out")
    if (*task.inputs, task.outputs) != (1, 1):
        raise BuildError(
            f"space 'toy' needs one number in and one out, but task '{task.name}' has"
            f" {task.inputs[0]} inputs and {task.outputs} outputs"
        )
    activations = {"linear": nn.Identity, "sigmoid": nn.Sigmoid}
    return nn.Sequential(
        dense(), activations[architecture.h](), dense(), activations[architecture.g](), dense()
    )
