"""Convolutional children with skip connections (Zoph & Le 2016, section 3.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import adjust_recipe, build, check_inputs
from reinas.errors import BuildError
from reinas.spaces.conv_architecture import (
    ContrastLayer,
    ConvArchitecture,
    ConvLayer,
    Layer,
    NormLayer,
    PoolLayer,
    Shape,
    as_image,
    shapes,
)
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe

LARGE = 28 * 28
"""From so many pixels on weights are laid out channels last, which is faster on a CPU.

Measured by `python -m benchmarks layout`: about a fifth at 28 x 28 and 32 x 32 pixels, nothing
at 8 x 8.
"""


@dataclass(frozen=True, slots=True)
class Modules:
    """PyTorch's modules and functions for one number of dimensions: images, or series."""

    convolution: Callable[..., nn.Module]
    normalisation: Callable[[int], nn.Module]
    max_pool: Callable[..., Tensor]
    average_pool: Callable[..., Tensor]


MODULES = {
    1: Modules(nn.Conv1d, nn.BatchNorm1d, functional.max_pool1d, functional.avg_pool1d),
    2: Modules(nn.Conv2d, nn.BatchNorm2d, functional.max_pool2d, functional.avg_pool2d),
}
"""By the number of dimensions. Networks keep the number: torch's pooling cannot be pickled."""


def join(maps: Sequence[Tensor]) -> Tensor:
    """Concatenate feature maps [B, C_i, *S_i] along channels: [B, sum C_i, *max S].

    Smaller ones are padded with zeros at the bottom and the right, or at the end of a series
    (section 3.3, repair 3; where the zeros go is our choice).
    """
    if len(maps) == 1:
        return maps[0]
    sizes = [max(sizes) for sizes in zip(*(m.shape[2:] for m in maps), strict=True)]
    padded = []
    for m in maps:
        missing = [size - own for size, own in zip(sizes, m.shape[2:], strict=True)]
        edges = [edge for more in reversed(missing) for edge in (0, more)]
        padded.append(functional.pad(m, edges) if any(missing) else m)
    return torch.cat(padded, dim=1)


def block(layer: ConvLayer, channels: int, dimensions: int = 2) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: [B, channels, *S] -> [B, filters, *S'].

    Filter sizes are odd, so padding by half of them gives S' = ceil(S / stride). The
    convolution has no bias: batch normalisation would cancel it.
    """
    modules = MODULES[dimensions]
    convolution = modules.convolution(
        channels,
        layer.filters,
        (layer.height, layer.width)[:dimensions],
        stride=(layer.stride_height, layer.stride_width)[:dimensions],
        padding=(layer.height // 2, layer.width // 2)[:dimensions],
        bias=False,
    )
    return nn.Sequential(convolution, modules.normalisation(layer.filters), nn.ReLU(inplace=True))


class DenseBlock(nn.Module):
    """`count` equal layers, each fed by the block's input and all earlier ones (table 1).

    [B, channels, *S] -> [B, count * filters, *S]: the layers' outputs, concatenated; that is our
    choice where the paper is silent.
    """

    def __init__(self, layer: ConvLayer, channels: int, count: int, dimensions: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            block(layer, channels + k * layer.filters, dimensions) for k in range(count)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The concatenated outputs of all layers."""
        maps = [x]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, dim=1)))
        return torch.cat(maps[1:], dim=1)


class Pool(nn.Module):
    """Max or average pooling with 'same' padding: [B, C, *S] -> [B, C, *S'].

    S' = ceil(S / stride). Where a window reaches over the edge only what is inside counts.
    """

    def __init__(self, layer: PoolLayer, dimensions: int = 2) -> None:
        super().__init__()
        self.size, self.stride, self.max = layer.size, layer.stride, layer.pool == "max"
        self.dimensions = dimensions

    def forward(self, x: Tensor) -> Tensor:
        """The pooled maps."""
        modules = MODULES[self.dimensions]
        edges = [edge for length in reversed(x.shape[2:]) for edge in self._edges(length)]
        if self.max:
            padded = functional.pad(x, edges, value=-torch.inf)
            return modules.max_pool(padded, self.size, self.stride)
        pool = modules.average_pool
        inside = functional.pad(torch.ones_like(x[:1, :1]), edges)
        shares = pool(inside, self.size, self.stride)
        return pool(functional.pad(x, edges), self.size, self.stride) / shares

    def _edges(self, length: int) -> tuple[int, int]:
        """Zeros before and after, so that ceil(length / stride) windows fit: more after."""
        windows = -(-length // self.stride)
        missing = max(0, (windows - 1) * self.stride + self.size - length)
        return missing // 2, missing - missing // 2


class LocalContrast(nn.Module):
    """Local contrast normalisation (Jarrett et al. 2009): [B, C, *S] -> the same shape.

    From every pixel the mean over its window and all channels is taken away; what is left is
    divided by its root mean square over the window, or by the map's mean of these where the
    window has less contrast. Windows are uniform; over the edge only the pixels inside count.
    """

    def __init__(self, window: int, dimensions: int = 2) -> None:
        super().__init__()
        self.window, self.dimensions = window, dimensions

    def forward(self, x: Tensor) -> Tensor:
        """The normalised maps."""
        centred = x - self._local(x.mean(1, keepdim=True))
        # the root's slope is infinite at 0, where a map is constant
        deviation = (self._local(centred.square().mean(1, keepdim=True)) + 1e-8).sqrt()
        everywhere = tuple(range(2, x.ndim))
        return centred / torch.maximum(deviation, deviation.mean(everywhere, keepdim=True))

    def _local(self, x: Tensor) -> Tensor:
        return MODULES[self.dimensions].average_pool(
            x, self.window, stride=1, padding=self.window // 2, count_include_pad=False
        )


def module(layer: Layer, channels: int, count: int, dimensions: int = 2) -> nn.Module:
    """What a layer computes, for so many channels in; `count` convolutions to a block."""
    match layer:
        case ConvLayer() if count == 1:
            return block(layer, channels, dimensions)
        case ConvLayer():
            return DenseBlock(layer, channels, count, dimensions)
        case PoolLayer():
            return Pool(layer, dimensions)
        case ContrastLayer():
            return LocalContrast(layer.window, dimensions)
        case NormLayer():
            return MODULES[dimensions].normalisation(channels)


class ConvChild(nn.Module):
    """The layers, global average pooling, one linear layer: [B, C, *S] -> [B, outputs]."""

    def __init__(self, architecture: ConvArchitecture, image: Shape, outputs: int) -> None:
        super().__init__()
        self.sources = [layer.inputs for layer in architecture.layers]
        self.outputs = architecture.outputs
        self.pools = architecture.pools
        self.dimensions = architecture.dimensions
        traced = shapes(architecture, image)
        self.layers = nn.ModuleList(
            module(layer, shape.channels_in, architecture.block, architecture.dimensions)
            for layer, shape in zip(architecture.layers, traced, strict=True)
        )
        self.classifier = nn.Linear(sum(traced[n - 1].channels for n in self.outputs), outputs)
        if image[1] * image[2] >= LARGE:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Logits [B, outputs] of images [B, C, H, W], or of series [B, C, T]."""
        maps = [image]
        for number, (layer, sources) in enumerate(
            zip(self.layers, self.sources, strict=True), start=1
        ):
            maps.append(layer(join([maps[n] for n in sources])))
            if number in self.pools:
                maps = [MODULES[self.dimensions].max_pool(m, 2, ceil_mode=True) for m in maps]
        joined = join([maps[n] for n in self.outputs])
        features = joined.mean(dim=tuple(range(2, joined.ndim)))
        logits: Tensor = self.classifier(features)
        return logits


@build.register
def _(architecture: ConvArchitecture, task: Interface) -> nn.Module:
    rank = architecture.dimensions + 1
    kinds = {2: "series (channels, time)", 3: "images (channels, height, width)"}
    if len(task.inputs) in kinds and len(task.inputs) != rank:
        raise BuildError(
            f"space 'conv' with dimensions={architecture.dimensions} needs {kinds[rank]}, but task"
            f" '{task.name}' gives {kinds[len(task.inputs)]}: set dimensions to"
            f" {len(task.inputs) - 1}"
        )
    check_inputs("conv", task, rank, kinds[rank])
    return ConvChild(architecture, as_image(task.inputs), task.outputs)


@adjust_recipe.register
def _(architecture: ConvArchitecture, recipe: Recipe) -> Recipe:
    if architecture.learning_rate is None:
        return recipe
    return replace(recipe, learning_rate=architecture.learning_rate)
