"""Data as networks take them: tensors, standardised by the training part."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from reinas.objectives.base import Objective
from reinas.tasks.base import AbstractTask, Part
from reinas.tasks.scaling import Scaling


@dataclass(frozen=True, slots=True)
class Tensors:
    """A part as a network takes it.

    Args:
        x: Standardised inputs, float32 [N, *inputs], or tokens, int64 [N].
        y: Encoded targets, [N, ...].
    """

    x: Tensor
    y: Tensor


def tensors(part: Part, inputs: Scaling, targets: Scaling, objective: Objective) -> Tensors:
    """A part, standardised.

    Args:
        part: Raw examples.
        inputs: The standardisation of the inputs; tokens are left as they are.
        targets: The standardisation of the targets.
        objective: Encodes the targets.

    Returns:
        The part as tensors.
    """
    x = part.x if objective.tokens else inputs(part.x)
    y = objective.encode_targets(part.y, targets)
    return Tensors(torch.from_numpy(x), torch.from_numpy(y))


@lru_cache(maxsize=4)
def search_tensors(task: AbstractTask) -> tuple[Tensors, Tensors]:
    """The training and the validation part, standardised by the training part.

    Args:
        task: The last few tasks are kept, so that a process pays once.

    Returns:
        Training part, validation part.
    """
    parts = task.parts()
    scalings = search_scalings(task)
    return (
        tensors(parts.train, *scalings, task.objective),
        tensors(parts.valid, *scalings, task.objective),
    )


@lru_cache(maxsize=4)
def search_scalings(task: AbstractTask) -> tuple[Scaling, Scaling]:
    """How inputs and targets are standardised: by the training part.

    Args:
        task: The last few tasks are kept, so that a process pays once.

    Returns:
        The scalings of inputs and of targets.
    """
    return task.scalings(task.parts().train)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Start torch's global generator from a seed inside, and put it back afterwards.

    Args:
        seed: The seed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
