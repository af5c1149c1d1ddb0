"""What a child costs: counted exactly before it is trained, and timed."""

import statistics
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from reinas.children.build import Builder, build, parameters
from reinas.devices import synchronize
from reinas.tasks.base import Interface

WARM_UP, TIMED = 3, 15
"""Forward passes before and while latency is measured."""


def costs(architecture: Any, task: Interface, builder: Builder = build) -> tuple[int, int]:
    """Count parameters, and multiply-adds for one example or one token.

    Built and run on torch's meta device: shapes only, so nothing is allocated or computed.
    Multiply-adds are those of convolutions and matrix products (`torch.utils.flop_counter`
    counts two operations each).

    Args:
        architecture: The architecture.
        task: The shapes of inputs and outputs.
        builder: Builds it.

    Returns:
        Parameters, multiply-adds.
    """
    with torch.device("meta"), torch.no_grad():
        child = builder(architecture, task).eval()
        with FlopCounterMode(display=False) as counter:
            child(_example(task))
    return parameters(child), counter.get_total_flops() // 2


def latency(child: nn.Module, task: Interface) -> float:
    """Time a forward pass of one example, or one token, in evaluation mode.

    Args:
        child: The network; on the device where it is trained. Its mode is put back.
        task: The shape of its inputs.

    Returns:
        The median of several passes, in seconds.
    """
    training = child.training
    child.eval()
    device = next((p.device for p in child.parameters()), torch.device("cpu"))
    example = _example(task).to(device)
    seconds = []
    with torch.no_grad():
        for _ in range(WARM_UP + TIMED):
            start = time.perf_counter()
            child(example)
            synchronize(device)
            seconds.append(time.perf_counter() - start)
    child.train(training)
    return statistics.median(seconds[WARM_UP:])


def _example(task: Interface) -> Tensor:
    """One example of zeros; one token where examples have no shape."""
    return torch.zeros(1, *task.inputs) if task.inputs else torch.zeros(1, 1).long()
