"""Convolutional children with skip connections (Zoph & Le 2016, section 3.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import build, check_inputs
from reinas.spaces.conv import ConvArchitecture, ConvLayer, shapes
from reinas.tasks.base import Interface


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


class ConvChild(nn.Module):
    """The layers, global average pooling, one linear layer: [B, C, H, W] -> [B, outputs]."""

    def __init__(
        self, architecture: ConvArchitecture, image: tuple[int, int, int], outputs: int
    ) -> None:
        super().__init__()
        self.sources = [layer.inputs for layer in architecture.layers]
        self.outputs = architecture.outputs
        traced = shapes(architecture, image)
        self.layers = nn.ModuleList(
            block(layer, shape.channels_in)
            for layer, shape in zip(architecture.layers, traced, strict=True)
        )
        self.classifier = nn.Linear(sum(traced[n - 1].channels for n in self.outputs), outputs)

    def forward(self, image: Tensor) -> Tensor:
        """Logits [B, outputs] of images [B, C, H, W]."""
        maps = [image]
        for layer, sources in zip(self.layers, self.sources, strict=True):
            maps.append(layer(join([maps[n] for n in sources])))
        features = join([maps[n] for n in self.outputs]).mean(dim=(2, 3))
        logits: Tensor = self.classifier(features)
        return logits


@build.register
def _(architecture: ConvArchitecture, task: Interface) -> nn.Module:
    check_inputs("conv", task, 3, "images (channels, height, width)")
    channels, height, width = task.inputs
    return ConvChild(architecture, (channels, height, width), task.outputs)
