"""How a network computes: its precision, and compiled or not."""

from typing import Any

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


class LanguageInPrecision(nn.Module):
    """A language model whose products are computed in lower precision; its logits are float32.

    Args:
        child: The language model.
        device: The type of device that it is on.
        precision: `bfloat16` or `float16`.
    """

    def __init__(self, child: nn.Module, device: str, precision: str) -> None:
        super().__init__()
        self.child: Any = child
        self._device, self._dtype = device, getattr(torch, precision)

    def start(self, batch: int) -> Any:
        """The states before the first word, for `batch` sequences."""
        return self.child.start(batch)

    def run(self, words: Tensor, state: Any) -> tuple[Tensor, Any]:
        """float32 logits [T, B, vocabulary] of int64 words [T, B], and the states after them."""
        with torch.autocast(self._device, self._dtype):
            logits, after = self.child.run(words, state)
        return logits.float(), after


def as_placed(child: nn.Module, placement: Placement) -> nn.Module:
    """The network as it computes where it is placed; weights are shared with the network itself.

    Args:
        child: The network, on its device already. A language model (`run`) computes in float32
            unless its `lowers_precision` is true.
        placement: A resolved placement.

    Returns:
        The network itself where nothing is special.
    """
    placed = child
    if placement.precision not in ("auto", "float32"):
        kind = placement.where().type
        if not hasattr(child, "run"):
            placed = InPrecision(child, kind, placement.precision)
        elif getattr(child, "lowers_precision", False):
            placed = LanguageInPrecision(child, kind, placement.precision)
    if placement.compile:
        compiled: nn.Module = torch.compile(placed)  # type: ignore[assignment]
        return compiled
    return placed
