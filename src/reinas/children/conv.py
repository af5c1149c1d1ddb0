"""Convolutional children with skip connections (Zoph & Le 2016, section 3.3)."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import adjust_recipe, build, check_inputs
from reinas.spaces.conv_architecture import (
    ContrastLayer,
    ConvArchitecture,
    ConvLayer,
    Layer,
    NormLayer,
    PoolLayer,
    Shape,
    shapes,
)
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe

LARGE = 28 * 28
"""From so many pixels on weights are laid out channels last, which is faster on a CPU.

Measured by `python -m benchmarks layout`: about a fifth at 28 x 28 and 32 x 32 pixels, nothing
at 8 x 8.
"""


def join(maps: Sequence[Tensor]) -> Tensor:
    """Concatenate feature maps [B, C_i, H_i, W_i] along channels: [B, sum C_i, max H, max W].

    Smaller ones are padded with zeros at the bottom and the right (section 3.3, repair 3; where
    the zeros go is our choice).
    """
    if len(maps) == 1:
        return maps[0]
    height = max(m.shape[2] for m in maps)
    width = max(m.shape[3] for m in maps)
    padded = [
        m
        if m.shape[2:] == (height, width)
        else functional.pad(m, (0, width - m.shape[3], 0, height - m.shape[2]))
        for m in maps
    ]
    return torch.cat(padded, dim=1)


def block(layer: ConvLayer, channels: int) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: [B, channels, H, W] -> [B, filters, H', W'].

    Filter sizes are odd, so padding by half of them gives H' = ceil(H / stride). The
    convolution has no bias: batch normalisation would cancel it.
    """
    convolution = nn.Conv2d(
        channels,
        layer.filters,
        (layer.height, layer.width),
        stride=(layer.stride_height, layer.stride_width),
        padding=(layer.height // 2, layer.width // 2),
        bias=False,
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(layer.filters), nn.ReLU(inplace=True))


class DenseBlock(nn.Module):
    """`count` equal layers, each fed by the block's input and all earlier ones (table 1).

    [B, channels, H, W] -> [B, count * filters, H, W]: the layers' outputs, concatenated; that
    is our choice where the paper is silent.
    """

    def __init__(self, layer: ConvLayer, channels: int, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            block(layer, channels + k * layer.filters) for k in range(count)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The concatenated outputs of all layers."""
        maps = [x]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, dim=1)))
        return torch.cat(maps[1:], dim=1)


class Pool(nn.Module):
    """Max or average pooling with 'same' padding: [B, C, H, W] -> [B, C, H', W'].

    H' = ceil(H / stride). Where a window reaches over the edge only the pixels inside count.
    """

    def __init__(self, layer: PoolLayer) -> None:
        super().__init__()
        self.size, self.stride, self.max = layer.size, layer.stride, layer.pool == "max"

    def forward(self, x: Tensor) -> Tensor:
        """The pooled maps."""
        top, bottom = self._edges(x.shape[2])
        left, right = self._edges(x.shape[3])
        edges = (left, right, top, bottom)
        if self.max:
            padded = functional.pad(x, edges, value=-torch.inf)
            return functional.max_pool2d(padded, self.size, self.stride)
        inside = functional.pad(torch.ones_like(x[:1, :1]), edges)
        shares = functional.avg_pool2d(inside, self.size, self.stride)
        return functional.avg_pool2d(functional.pad(x, edges), self.size, self.stride) / shares

    def _edges(self, length: int) -> tuple[int, int]:
        """Zeros before and after, so that ceil(length / stride) windows fit: more after."""
        windows = -(-length // self.stride)
        missing = max(0, (windows - 1) * self.stride + self.size - length)
        return missing // 2, missing - missing // 2


class LocalContrast(nn.Module):
    """Local contrast normalisation (Jarrett et al. 2009): [B, C, H, W] -> the same shape.

    From every pixel the mean over its window and all channels is taken away; what is left is
    divided by its root mean square over the window, or by the map's mean of these where the
    window has less contrast. Windows are uniform; over the edge only the pixels inside count.
    """

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        """The normalised maps."""
        centred = x - self._local(x.mean(1, keepdim=True))
        # the root's slope is infinite at 0, where a map is constant
        deviation = (self._local(centred.square().mean(1, keepdim=True)) + 1e-8).sqrt()
        return centred / torch.maximum(deviation, deviation.mean((2, 3), keepdim=True))

    def _local(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(
            x, self.window, stride=1, padding=self.window // 2, count_include_pad=False
        )


def module(layer: Layer, channels: int, count: int) -> nn.Module:
    """What a layer computes, for so many channels in; `count` convolutions to a block."""
    match layer:
        case ConvLayer():
            return block(layer, channels) if count == 1 else DenseBlock(layer, channels, count)
        case PoolLayer():
            return Pool(layer)
        case ContrastLayer():
            return LocalContrast(layer.window)
        case NormLayer():
            return nn.BatchNorm2d(channels)


class ConvChild(nn.Module):
    """The layers, global average pooling, one linear layer: [B, C, H, W] -> [B, outputs]."""

    def __init__(self, architecture: ConvArchitecture, image: Shape, outputs: int) -> None:
        super().__init__()
        self.sources = [layer.inputs for layer in architecture.layers]
        self.outputs = architecture.outputs
        self.pools = architecture.pools
        traced = shapes(architecture, image)
        self.layers = nn.ModuleList(
            module(layer, shape.channels_in, architecture.block)
            for layer, shape in zip(architecture.layers, traced, strict=True)
        )
        self.classifier = nn.Linear(sum(traced[n - 1].channels for n in self.outputs), outputs)
        if image[1] * image[2] >= LARGE:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Logits [B, outputs] of images [B, C, H, W]."""
        maps = [image]
        for number, (layer, sources) in enumerate(
            zip(self.layers, self.sources, strict=True), start=1
        ):
            maps.append(layer(join([maps[n] for n in sources])))
            if number in self.pools:
                maps = [functional.max_pool2d(m, 2, ceil_mode=True) for m in maps]
        features = join([maps[n] for n in self.outputs]).mean(dim=(2, 3))
        logits: Tensor = self.classifier(features)
        return logits


@build.register
def _(architecture: ConvArchitecture, task: Interface) -> nn.Module:
    check_inputs("conv", task, 3, "images (channels, height, width)")
    channels, height, width = task.inputs
    return ConvChild(architecture, (channels, height, width), task.outputs)


@adjust_recipe.register
def _(architecture: ConvArchitecture, recipe: Recipe) -> Recipe:
    if architecture.learning_rate is None:
        return recipe
    return replace(recipe, learning_rate=architecture.learning_rate)
