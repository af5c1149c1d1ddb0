"""Several networks as one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reinas.objectives.base import Objective


class Ensemble(nn.Module):
    """Networks whose outputs are combined: [B, *inputs] -> [B, outputs].

    Args:
        members: The networks.
        weights: One per network, above 0; divided by their sum.
        objective: Says how outputs are combined.
        mirror: Whether every network also sees each image mirrored left to right.
    """

    weights: Tensor

    def __init__(
        self,
        members: Sequence[nn.Module],
        weights: Sequence[float],
        objective: Objective,
        *,
        mirror: bool = False,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        shares = torch.tensor(list(weights), dtype=torch.float32)
        self.register_buffer("weights", shares / shares.sum())
        self.mirror = mirror
        self._objective = objective

    def forward(self, x: Tensor) -> Tensor:
        """The combined outputs, in the form in which one network gives them."""
        views = (x, x.flip(-1)) if self.mirror else (x,)
        outputs = torch.stack([member(view) for view in views for member in self.members])
        return self._objective.combine(outputs, self.weights.repeat(len(views)) / len(views))
