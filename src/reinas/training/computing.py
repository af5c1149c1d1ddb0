"""How a network computes: its precision, and compiled or not."""

import torch
from torch import Tensor, nn

from reinas.devices import Placement


class InPrecision(nn.Module):
    """A network whose products are computed in lower precision; it gives float32.

    Args:
        child: The network.
        device: The type of device that it is on.
        precision: `bfloat16` or `float16`.
    """

    def __init__(self, child: nn.Module, device: str, precision: str) -> None:
        super().__init__()
        self.child = child
        self._device, self._dtype = device, getattr(torch, precision)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, *inputs] to float32 [B, outputs]."""
        with torch.autocast(self._device, self._dtype):
            outputs: Tensor = self.child(x)
        return outputs.float()


def as_placed(child: nn.Module, placement: Placement) -> nn.Module:
    """The network as it computes where it is placed; weights are shared with the network itself.

    Args:
        child: The network, on its device already. One that is not called by itself, such as a
            language model (`run`), always computes in float32.
        placement: A resolved placement.

    Returns:
        The network itself where nothing is special.
    """
    placed = child
    if placement.precision not in ("auto", "float32") and not hasattr(child, "run"):
        placed = InPrecision(child, placement.where().type, placement.precision)
    if placement.compile:
        compiled: nn.Module = torch.compile(placed)  # type: ignore[assignment]
        return compiled
    return placed
