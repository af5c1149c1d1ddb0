"""A found network in operations that every format has, for ONNX and torch.export."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reinas.children.recurrent import CellLayer
from reinas.export.network import FoundNetwork, normal
from reinas.tasks.scaling import TAIL

STATE_AXES = 2
"""A state ends with the axes [B, H]."""
BATCH = 3
"""Examples in the batch that is traced; 0 and 1 would be taken for fixed sizes."""

CENTRE = (
    (
        *(3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3),
        *(1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4),
        *(3.3430575583588128105e4, 2.5090809287301226727e3),
    ),
    (
        *(1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3),
        *(2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4),
        *(5.2264952788528545610e3,),
    ),
)
TAILS = (
    (
        *(1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0),
        *(3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1),
        *(2.27238449892691845833e-2, 7.74545014278341407640e-4),
    ),
    (
        *(1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1),
        *(1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4),
        *(1.05075007164441684324e-9,),
    ),
)
"""Numerators and denominators of Wichura's rational functions, ascending powers."""


def normal_quantile(share: Tensor) -> Tensor:
    """The standard normal number below which a share lies (Wichura 1988, AS 241, PPND16).

    Args:
        share: float64, from 1.4e-11 to 1 less that.

    Returns:
        The same shape; to about 16 digits, by multiplications, divisions, log and sqrt alone.
    """
    centred = share - 0.5
    near = 0.180625 - centred.square()
    far = (-torch.minimum(share, 1 - share).log()).sqrt() - 1.6
    middle = centred * _rational(near, CENTRE)
    outside = torch.where(centred < 0, -1.0, 1.0) * _rational(far, TAILS)
    return torch.where(centred.abs() <= 0.425, middle, outside)


def _rational(x: Tensor, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Tensor:
    above, below = (torch.zeros_like(x) for _ in range(2))
    for numerator, denominator in zip(*map(reversed, coefficients), strict=True):
        above, below = above * x + numerator, below * x + denominator
    return above / below


def portable_normal(x: Tensor, quantiles: Tensor) -> Tensor:
    """What `normal` computes, without searchsorted and ndtri, which ONNX lacks.

    Args:
        x: [B, *inputs].
        quantiles: [K, *inputs], ascending along K.

    Returns:
        float32 [B, *inputs].
    """
    knots = quantiles.flatten(1).T.double().contiguous()
    columns = x.flatten(1).float().double()[..., None]
    most = knots.shape[1] - 1
    low = ((columns >= knots).long().sum(-1) - 1).clamp(0, most)
    high = (columns > knots).long().sum(-1).clamp(0, most)
    every = torch.arange(knots.shape[0])
    below, above = knots[every, low], knots[every, high]
    gap = above - below
    inside = gap > 0
    part = torch.where(inside, (columns[..., 0] - below) / torch.where(inside, gap, 1.0), 0.5)
    share = ((low + part * (high - low)) / most).clamp(TAIL, 1 - TAIL)
    return normal_quantile(share).float().reshape(x.shape)


class Batch(nn.Module):
    """A network for examples: raw x [B, *inputs] -> [B, outputs].

    Args:
        network: The found network.
        is_portable: Whether to use the operations of ONNX alone.
    """

    def __init__(self, network: FoundNetwork, *, is_portable: bool) -> None:
        super().__init__()
        self.network = network
        self._by_quantiles = portable_normal if is_portable else normal

    def forward(self, x: Tensor) -> Tensor:
        """Map raw examples to logits or numbers in the target's own unit."""
        network = self.network
        outputs: Tensor = network.child(network.standardised(x, self._by_quantiles))
        return outputs * network.target_std + network.target_mean


class Step(nn.Module):
    """One step of a language model: tokens [B] and states -> logits [B, vocabulary] and states.

    Args:
        network: The found network.
    """

    def __init__(self, network: FoundNetwork) -> None:
        super().__init__()
        self.child: Any = network.child

    def forward(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Logits of the next token, and the states after this one."""
        logits, after = self.child.run(tokens[None], tuple(zip(*[iter(states)] * 2, strict=True)))
        return (logits[0], *(state for pair in after for state in pair))


class Window(nn.Module):
    """A window of a language model from zero states: tokens [T, B] -> logits [T, B, vocabulary].

    Args:
        network: The found network.
    """

    def __init__(self, network: FoundNetwork) -> None:
        super().__init__()
        self.child = network.child

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token after each of the tokens."""
        logits: Tensor = self.child(tokens)
        return logits


@dataclass(frozen=True)
class Traced:
    """What is exported.

    Args:
        module: The network in portable operations.
        inputs: An example batch, one tensor per input.
        batch_axes: Which axis of each input is the batch.
        input_names: Names of the inputs.
        output_names: Names of the outputs.
        vocabulary: Number of tokens, for language models.
    """

    module: nn.Module
    inputs: tuple[Tensor, ...]
    batch_axes: tuple[int, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    vocabulary: int = 0

    @property
    def dynamic_shapes(self) -> Any:
        """The free batch size, as torch.export takes it."""
        batch = torch.export.Dim("batch", min=1)
        axes = tuple({axis: batch} for axis in self.batch_axes)
        return (axes[0], axes[1:]) if isinstance(self.module, Step) else axes


def traced(network: FoundNetwork, *, window: int | None = None, is_portable: bool) -> Traced:
    """A copy of a network that can be exported.

    Args:
        network: The found network; it is left as it is.
        window: For language models: the number of tokens T that are read at once, from zero
            states. None: one step, with states as inputs and outputs.
        is_portable: Whether to use the operations of ONNX alone.
    """
    network = copy.deepcopy(network).cpu().eval()
    for module in network.modules():
        if isinstance(module, CellLayer):
            module.plain = True
    if not network.objective.tokens:
        x = _examples(network)
        return Traced(Batch(network, is_portable=is_portable), (x,), (0,), ("x",), ("y",))
    vocabulary = len(network.classes)
    if window is not None:
        tokens = torch.zeros(window, BATCH, dtype=torch.int64)
        return Traced(Window(network), (tokens,), (1,), ("tokens",), ("logits",), vocabulary)
    child: Any = network.child
    # torch.export takes one tensor that comes twice for one input
    states = tuple(state.clone() for pair in child.start(BATCH) for state in pair)
    names = _state_names(len(states))
    return Traced(
        Step(network),
        (torch.zeros(BATCH, dtype=torch.int64), *states),
        (0, *(state.ndim - STATE_AXES for state in states)),
        ("tokens", *names),
        ("logits", *(f"next_{name}" for name in names)),
        vocabulary,
    )


def _state_names(count: int) -> Sequence[str]:
    return [f"{'hc'[n % 2]}{n // 2 + 1}" for n in range(count)]


def _examples(network: FoundNetwork) -> Tensor:
    """Raw examples of the kind that `encode` gives: bytes of images, else numbers."""
    about = network.description["task"]
    shape = (BATCH, *about["inputs"])
    if about.get("reader") == "images":
        return torch.zeros(shape, dtype=torch.uint8)
    return torch.zeros(shape)
