"""Data as networks take them: tensors, standardised by the training part."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from reinas.devices import random_state, restore_random_state
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

    def to(self, device: str | torch.device) -> "Tensors":
        """The same on a device; itself if it is there."""
        return Tensors(self.x.to(device), self.y.to(device))


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
def search_tensors(task: AbstractTask, device: str = "cpu") -> tuple[Tensors, Tensors]:
    """The training and the validation part, standardised by the training part.

    Args:
        task: The last few tasks are kept, so that a process pays once.
        device: Where the tensors are.

    Returns:
        Training part, validation part.
    """
    parts = task.parts()
    scalings = search_scalings(task)
    return (
        tensors(parts.train, *scalings, task.objective).to(device),
        tensors(parts.valid, *scalings, task.objective).to(device),
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


def search_objective(task: AbstractTask) -> Objective:
    """The task's objective, whose scores are in the targets' own unit.

    Args:
        task: Its training part decides the standardisation.
    """
    return task.objective.in_unit(search_scalings(task)[1])


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Start torch's global generators from a seed inside, and put them back afterwards.

    Args:
        seed: The seed.
        device: The device whose generator it is, too; None is the CPU.
    """
    device = device or torch.device("cpu")
    before = random_state(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        restore_random_state(device, before)
