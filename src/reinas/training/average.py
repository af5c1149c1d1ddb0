"""Running means of weights (Polyak & Juditsky 1992), their horizon as in Karras et al. 2024."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


class AveragedWeights:
    """A copy of a network whose weights are running means of the network's.

    After n steps the mean has a horizon of `share` * n steps: it forgets the beginning, and needs
    no number of steps in advance.

    Args:
        child: The network; copied.
        share: The horizon, as a share of all steps so far; above 0 and below 1.
    """

    def __init__(self, child: nn.Module, share: float) -> None:
        self.module = copy.deepcopy(child)
        self._share, self._steps = share, 0
        mine, theirs = self.module.state_dict(), child.state_dict()
        is_number = {key: value.dtype.is_floating_point for key, value in mine.items()}
        self._means = [value for key, value in mine.items() if is_number[key]]
        self._weights = [value for key, value in theirs.items() if is_number[key]]
        self._counts = [(value, theirs[key]) for key, value in mine.items() if not is_number[key]]

    @torch.no_grad()
    def step(self) -> None:
        """Add the network's weights after one more step."""
        self._steps += 1
        weight = 1 / (1 + self._share * self._steps)
        torch._foreach_lerp_(self._means, self._weights, weight)
        for mine, theirs in self._counts:
            mine.copy_(theirs)

    def state(self) -> dict[str, Any]:
        """What `restore` takes."""
        return {"module": self.module.state_dict(), "steps": self._steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.module.load_state_dict(state["module"])
        self._steps = state["steps"]
