"""What a child costs, counted exactly before it is trained."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from reinas.children.build import build, parameters
from reinas.tasks.base import Interface


def costs(architecture: Any, task: Interface) -> tuple[int, int]:
    """How many parameters a network has, and multiply-adds for one example, or one token.

    Built and run on torch's meta device: shapes only, so nothing is allocated or computed.
    Multiply-adds are those of convolutions and matrix products (`torch.utils.flop_counter`
    counts two operations each).
    """
    with torch.device("meta"), torch.no_grad():
        child = build(architecture, task).eval()
        with FlopCounterMode(display=False) as counter:
            child(torch.empty(1, *task.inputs) if task.inputs else torch.zeros(1, 1).long())
    return parameters(child), counter.get_total_flops() // 2
