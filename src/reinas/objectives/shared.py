"""What the objectives share: batches, outputs, means of probabilities, checks of targets."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

CHUNK = 512
"""Examples per forward pass where no gradient is needed."""


def beta(alpha: float, generator: "torch.Generator") -> float:
    """Draw a number from Beta(alpha, alpha), by a seed that the generator draws."""
    import torch

    seed = int(torch.randint(1 << 62, (), generator=generator))
    return float(np.random.default_rng(seed).beta(alpha, alpha))


def batches(order: "Tensor", size: int) -> list["Tensor"]:
    """Cut indices into pieces.

    Batch normalisation cannot normalise one example that has one pixel, so a last piece of one
    example joins the piece before it.

    Args:
        order: int64 [N].
        size: Examples per piece.

    Returns:
        The pieces, in order.
    """
    import torch

    pieces = list(order.split(size))
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [torch.cat(pieces[-2:])]
    return pieces


def outputs_of(child: "nn.Module", x: "Tensor") -> "Tensor":
    """The outputs in evaluation mode, without gradient.

    Args:
        child: The network.
        x: [N, *inputs].

    Returns:
        [N, outputs].
    """
    import torch

    child.eval()
    with torch.no_grad():
        return torch.cat([child(chunk) for chunk in x.split(CHUNK)])


def check_type(where: str, y: NDArray[Any], kind: str, shape: tuple[int, ...]) -> None:
    """Raise `SettingError` unless the targets [N, *shape] are of the type `kind`."""
    if y.dtype != np.dtype(kind) or y.shape[1:] != shape:
        raise SettingError(
            f"{where}: expected targets of type {kind} and shape {shape}, got {y.dtype} and"
            f" {y.shape[1:]}"
        )


def weighted_mean_log(log_p: "Tensor", weights: "Tensor") -> "Tensor":
    """The logarithm of the weighted mean of probabilities.

    Args:
        log_p: Logarithms of probabilities, [K, ...].
        weights: [K], with sum 1.

    Returns:
        [...].
    """
    shaped = weights.log().view(-1, *(1,) * (log_p.ndim - 1))
    return (log_p + shaped).logsumexp(0)
