"""Residual networks for tables, with embeddings of numbers."""

import math
from dataclasses import replace
from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import adjust_recipe, build, check_inputs
from reinas.spaces.tabular import FREQUENCIES, NONE, PIECEWISE, TabularArchitecture
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import TAIL


class PerColumn(nn.Module):
    """A linear layer with ReLU for each column by itself: [B, C, inputs] -> [B, C, outputs].

    All columns at once, as one product of matrices per column.

    Args:
        columns: Number of columns C.
        inputs: Numbers per column.
        outputs: Numbers per column after the layer.
    """

    def __init__(self, columns: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)  # as nn.Linear begins
        self.weight = nn.Parameter(torch.empty(columns, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(columns, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, inputs] to [B, C, outputs]."""
        mapped = torch.baddbmm(self.bias, x.transpose(0, 1), self.weight)
        return functional.relu(mapped).transpose(0, 1)


class Piecewise(nn.Module):
    """Piecewise-linear encoding (Gorishniy et al. 2022, section 3.2): [B, C] -> [B, C, bins].

    The number of bin t is how much of it lies below x: 0 to 1. The bins hold equal shares of a
    standard normal, which every column is after `whitening="quantile"`; so they need no data.
    What lies beyond the outer edges, the ends of that standardisation, counts as an edge.

    Args:
        bins: Number of bins.
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        normal = NormalDist()
        shares = [TAIL, *(n / bins for n in range(1, bins)), 1 - TAIL]
        edges = torch.tensor([normal.inv_cdf(share) for share in shares], device="cpu")
        # plain numbers: they are the same in every network, and need not be saved
        self.factors: list[float] = (1 / edges.diff()).tolist()
        self.offsets: list[float] = (-edges[:-1] / edges.diff()).tolist()

    def forward(self, x: Tensor) -> Tensor:
        """Encode columns [B, C] as [B, C, bins]."""
        offsets, factors = x.new_tensor(self.offsets), x.new_tensor(self.factors)
        return torch.addcmul(offsets, x[..., None], factors).clamp_(0, 1)


class Periodic(nn.Module):
    """Cosines and sines of trained frequencies (Gorishniy et al. 2022, section 3.3).

    [B, C] -> [B, C, 2 * FREQUENCIES]: cos(2 pi c x), then sin(2 pi c x), c per column.

    Args:
        columns: Number of columns C.
        sigma: Deviation of the frequencies at the beginning, in cycles per unit.
    """

    def __init__(self, columns: int, sigma: float) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(sigma * torch.randn(columns, FREQUENCIES))

    def forward(self, x: Tensor) -> Tensor:
        """Encode columns [B, C] as [B, C, 2 * FREQUENCIES]."""
        angles = 2 * math.pi * x[..., None] * self.frequencies
        return torch.cat([angles.cos(), angles.sin()], -1)


class Block(nn.Module):
    """Normalise, widen, ReLU, narrow, beside a shortcut: [B, width] -> [B, width].

    Args:
        architecture: Width, factor, dropout, normalisation.
    """

    def __init__(self, architecture: TabularArchitecture) -> None:
        super().__init__()
        width, inner = architecture.width, architecture.width * architecture.factor
        self.norm = normalisation(architecture)
        self.first = nn.Linear(width, inner)
        self.second = nn.Linear(inner, width)
        self.dropout = nn.Dropout(architecture.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, width] to [B, width]."""
        inner = self.dropout(functional.relu(self.first(self.norm(x))))
        narrowed: Tensor = self.second(inner)
        return x + narrowed


def normalisation(architecture: TabularArchitecture) -> nn.Module:
    """The architecture's normalisation of [B, width]."""
    match architecture.normalisation:
        case "batch":
            return nn.BatchNorm1d(architecture.width)
        case "layer":
            return nn.LayerNorm(architecture.width)
        case _:
            return nn.Identity()


class TabularChild(nn.Module):
    """Embed the numbers, one linear layer, blocks, one linear layer: [B, C] -> [B, outputs].

    Args:
        architecture: The network.
        columns: Number of columns C.
        outputs: Number of outputs.
        flags: Columns of two values, which are not embedded: the first linear layer gives each
            value a vector anyway.
    """

    def __init__(
        self,
        architecture: TabularArchitecture,
        columns: int,
        outputs: int,
        flags: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        left_out = set(flags)
        self.numbers = [n for n in range(columns) if n not in left_out]
        self.flags = sorted(left_out)
        count = len(self.numbers)
        self.embedding = embedding(architecture, count) if count else nn.Identity()
        size = 1 if architecture.embedding == NONE else architecture.size
        self.first = nn.Linear(count * size + len(self.flags), architecture.width)
        self.blocks = nn.Sequential(*(Block(architecture) for _ in range(architecture.blocks)))
        self.norm = normalisation(architecture)
        self.last = nn.Linear(architecture.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map standardised columns [B, C] to outputs [B, outputs]."""
        embedded = self.embedding(x[:, self.numbers] if self.flags else x).flatten(1)
        if self.flags:
            embedded = torch.cat([embedded, x[:, self.flags]], 1)
        hidden = self.norm(self.blocks(self.first(embedded)))
        outputs: Tensor = self.last(functional.relu(hidden))
        return outputs


def embedding(architecture: TabularArchitecture, columns: int) -> nn.Module:
    """The architecture's embedding of numbers: [B, columns] -> [B, columns, size], or as it is."""
    if architecture.embedding == NONE:
        return nn.Identity()
    if architecture.embedding == PIECEWISE:
        encoding: nn.Module = Piecewise(architecture.bins)
        inputs = architecture.bins
    else:
        encoding = Periodic(columns, architecture.sigma)
        inputs = 2 * FREQUENCIES
    return nn.Sequential(encoding, PerColumn(columns, inputs, architecture.size))


@build.register
def _(architecture: TabularArchitecture, task: Interface) -> nn.Module:
    check_inputs("tabular", task, 1, "a table (columns,)")
    flags = tuple(getattr(task, "flags", ()))
    return TabularChild(architecture, task.inputs[0], task.outputs, flags)


@adjust_recipe.register
def _(architecture: TabularArchitecture, recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        learning_rate=recipe.learning_rate * architecture.rate,
        weight_decay=recipe.weight_decay * architecture.decay,
    )
