"""Convolutional children with skip connections (Zoph & Le 2016, section 3.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import adjust_recipe, build, check_positions
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
"""Images with at least this many pixels use the channels-last memory layout, for speed on a CPU.

`python -m benchmarks layout` measures it: about a fifth less time at 28 x 28 and 32 x 32 pixels, no
difference at 8 x 8.
"""


@dataclass(frozen=True, slots=True)
class Modules:
    """PyTorch's modules and functions for one number of dimensions.

    Args:
        convolution: The class of convolutions.
        normalisation: The class of batch normalisation.
        max_pool: The function for max pooling.
        average_pool: The function for average pooling.
    """

    convolution: Callable[..., nn.Module]
    normalisation: Callable[[int], nn.Module]
    max_pool: Callable[..., Tensor]
    average_pool: Callable[..., Tensor]


MODULES = {
    1: Modules(nn.Conv1d, nn.BatchNorm1d, functional.max_pool1d, functional.avg_pool1d),
    2: Modules(nn.Conv2d, nn.BatchNorm2d, functional.max_pool2d, functional.avg_pool2d),
}
"""Modules by number of dimensions: 1 for series, 2 for images.

Networks store the number and look the functions up here, since torch's pooling cannot be pickled.
"""


def join(maps: Sequence[Tensor]) -> Tensor:
    """Concatenate feature maps along channels, padding smaller ones with zeros (section 3.3).

    Zeros go to the bottom and the right, or to the end of a series; the paper does not say where.

    Args:
        maps: Feature maps [B, C_i, *S_i], where S_i is (H, W) or (T,).

    Returns:
        [B, sum of C_i, *S] where S is the largest size in each dimension.
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
    """Convolution, batch normalisation and ReLU: [B, channels, *S] -> [B, filters, *S'].

    Filter sizes are odd, so padding by half of them gives S' = ceil(S / stride). The
    convolution has no bias, since batch normalisation would cancel it.

    Args:
        layer: Filter size, number of filters and strides.
        channels: Channels of the input.
        dimensions: 2 for images, 1 for series.
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
    """A densely linked block, for the third variant of section 4.1.

    Each convolutional layer is fed by the block's input and all earlier layers of the block. The
    output is the concatenation of the layers' outputs, [B, count * filters, *S] for an input
    [B, channels, *S]; the paper does not say what it is.

    Args:
        layer: The layers' filter size and number of filters.
        channels: Channels of the input.
        count: Number of layers.
        dimensions: 2 for images, 1 for series.
    """

    def __init__(self, layer: ConvLayer, channels: int, count: int, dimensions: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            block(layer, channels + k * layer.filters, dimensions) for k in range(count)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, *S] to the concatenated outputs [B, count * filters, *S]."""
        maps = [x]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, dim=1)))
        return torch.cat(maps[1:], dim=1)


class Pool(nn.Module):
    """Max or average pooling with 'same' padding: [B, C, *S] -> [B, C, *S'].

    S' = ceil(S / stride). Where a window extends over the edge, only the values inside count.

    Args:
        layer: The kind of pooling, size and stride.
        dimensions: 2 for images, 1 for series.
    """

    def __init__(self, layer: PoolLayer, dimensions: int = 2) -> None:
        super().__init__()
        self.size, self.stride, self.max = layer.size, layer.stride, layer.pool == "max"
        self.dimensions = dimensions

    def forward(self, x: Tensor) -> Tensor:
        """Pool feature maps [B, C, *S] to [B, C, *S']."""
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
        """Padding before and after, so that ceil(length / stride) windows fit; more goes after."""
        windows = -(-length // self.stride)
        missing = max(0, (windows - 1) * self.stride + self.size - length)
        return missing // 2, missing - missing // 2


class LocalContrast(nn.Module):
    """Local contrast normalisation (Jarrett et al. 2009): [B, C, *S] -> the same shape.

    Each pixel's mean over its window and all channels is subtracted. The difference is divided by
    its root mean square over the window, or by the mean of these over the map if that is larger.
    All pixels of a window weigh the same; where it extends over the edge, only those inside count.

    Args:
        window: Height and width of the window in pixels, or its length for series; odd.
        dimensions: 2 for images, 1 for series.
    """

    def __init__(self, window: int, dimensions: int = 2) -> None:
        super().__init__()
        self.window, self.dimensions = window, dimensions

    def forward(self, x: Tensor) -> Tensor:
        """Normalise feature maps [B, C, *S]."""
        centred = x - self._local(x.mean(1, keepdim=True))
        # where a map is constant, the square root would have an infinite slope
        deviation = (self._local(centred.square().mean(1, keepdim=True)) + 1e-8).sqrt()
        everywhere = tuple(range(2, x.ndim))
        return centred / torch.maximum(deviation, deviation.mean(everywhere, keepdim=True))

    def _local(self, x: Tensor) -> Tensor:
        return MODULES[self.dimensions].average_pool(
            x, self.window, stride=1, padding=self.window // 2, count_include_pad=False
        )


def module(layer: Layer, channels: int, count: int, dimensions: int = 2) -> nn.Module:
    """The module of one layer.

    Args:
        layer: The layer.
        channels: Channels of the input.
        count: Convolutions per convolutional layer; above 1 they form a `DenseBlock`.
        dimensions: 2 for images, 1 for series.
    """
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
    """A convolutional network with skip connections: [B, C, *S] -> [B, outputs].

    Layers without a successor are joined, averaged over all positions, and fed to one linear layer
    (section 3.3).

    Args:
        architecture: The layers and their connections.
        image: The input's shape; a series of length T has (channels, T, 1).
        outputs: Number of outputs.
    """

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
        """Map images [B, C, H, W], or series [B, C, T], to outputs [B, outputs]."""
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
    check_positions("conv", architecture.dimensions, task)
    return ConvChild(architecture, as_image(task.inputs), task.outputs)


@adjust_recipe.register
def _(architecture: ConvArchitecture, recipe: Recipe) -> Recipe:
    if architecture.learning_rate is None:
        return recipe
    return replace(recipe, learning_rate=architecture.learning_rate)
