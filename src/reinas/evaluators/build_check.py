"""Whether a builder gives networks that fit the task, found out before a search begins."""

from typing import Any

import torch
from torch import Tensor, nn

from reinas.children.build import Builder
from reinas.errors import BuildError, ReinasError, reason
from reinas.tasks.base import AbstractTask


def check_build(architecture: Any, task: AbstractTask, builder: Builder) -> None:
    """Build one child and run it, both on torch's meta device: shapes only, no memory.

    A network whose forward pass cannot run on that device is not run.

    Args:
        architecture: One of the space.
        task: The shapes that the child has to take and give.
        builder: Builds the child.

    Raises:
        BuildError: The builder fails or gives no module, or the child does not map examples
            [B, *inputs] to [B, outputs] (tokens [T, B] to [T, B, outputs]).
    """
    who = f"{getattr(builder, '__name__', builder)} of {architecture}"
    with torch.device("meta"), torch.no_grad():
        try:
            child: Any = builder(architecture, task)
        except ReinasError:
            raise
        except Exception as error:
            raise BuildError(f"{who} failed: {reason(error)}") from error
        if not isinstance(child, nn.Module):
            raise BuildError(f"{who} should give a torch.nn.Module, got {type(child).__name__}")
        tokens = task.objective.tokens
        x = torch.zeros(1, 1).long() if tokens else torch.zeros(2, *task.inputs)
        try:
            found = child.eval()(x)
        except ReinasError:
            raise
        except Exception as error:
            if isinstance(error, NotImplementedError) or "meta" in str(error).lower():
                return
            raise BuildError(
                f"the network that {who} gives does not take inputs of shape {tuple(x.shape)}:"
                f" {reason(error)}"
            ) from error
    wanted = (*(x.shape if tokens else x.shape[:1]), task.outputs)
    got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
    if got != wanted:
        raise BuildError(
            f"the network that {who} gives should map inputs of shape {tuple(x.shape)} to outputs"
            f" of shape {wanted}, got {got}"
        )
