"""Running means of weights (Polyak & Juditsky 1992), their horizon as in Karras et al. 2024."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


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
        pairs = _pairs(self.module, child)
        means = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        self._means = [mine for mine, _ in means]
        self._weights = [theirs for _, theirs in means]
        self._counts = [pair for pair in pairs if not pair[0].dtype.is_floating_point]

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


def _pairs(copied: nn.Module, child: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """The tensors of a copy and of the network; one that has several names (tied) comes once."""
    mine, theirs = (module.state_dict(keep_vars=True) for module in (copied, child))
    return list({id(value): (value, theirs[key]) for key, value in mine.items()}.values())
