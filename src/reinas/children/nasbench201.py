"""Networks of stacked cells as in NAS-Bench-201 (Dong & Yang 2020, section 2.1)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import build, check_inputs
from reinas.spaces.nasbench201 import EDGES, NODES, NasBench201Architecture
from reinas.tasks.base import Interface


def convolution(channels: int, filters: int, size: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution, batch normalisation.

    Args:
        channels: Input channels.
        filters: Output channels.
        size: Height and width of the kernel, odd.
        stride: Stride in both directions.

    Returns:
        A module [B, channels, H, W] -> [B, filters, ceil(H / stride), ceil(W / stride)].
    """
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, filters, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(filters),
    )


def operation(name: str, channels: int) -> nn.Module:
    """The operation of an edge.

    Args:
        name: One of the space's operations, except `none`, whose edge is left out.
        channels: Input and output channels.

    Returns:
        A module [B, channels, H, W] -> the same shape.
    """
    match name:
        case "skip":
            return nn.Identity()
        case "avgpool":
            return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        case _:
            return convolution(channels, channels, int(name[-1]))


class StackedCell(nn.Module):
    """One cell: each node is the sum of its edges' operations on earlier nodes, or zeros.

    Args:
        operations: One name per edge.
        channels: Channels of all nodes.
    """

    def __init__(self, operations: tuple[str, ...], channels: int) -> None:
        super().__init__()
        kept = [(edge, op) for edge, op in zip(EDGES, operations, strict=True) if op != "none"]
        self.edges = [edge for edge, _ in kept]
        self.operations = nn.ModuleList(operation(op, channels) for _, op in kept)

    def forward(self, x: Tensor) -> Tensor:
        """The last node's value: [B, C, H, W] -> the same shape."""
        nodes: list[Tensor | None] = [x, *([None] * (NODES - 1))]
        for (source, target), module in zip(self.edges, self.operations, strict=True):
            fed = nodes[source]
            if fed is None:  # a node without inputs is zeros
                fed = torch.zeros_like(x)
            value = module(fed)
            before = nodes[target]
            nodes[target] = value if before is None else before + value
        last = nodes[-1]
        return torch.zeros_like(x) if last is None else last


class Reduction(nn.Module):
    """A residual block of stride 2 between stages.

    Args:
        channels: Input channels; the output has twice as many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(channels, 2 * channels, 3, stride=2),
            convolution(2 * channels, 2 * channels, 3),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(
                2, stride=2, ceil_mode=True
            ),  # rounds odd sizes up, as the convolution does
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Half the size, twice the channels: [B, C, H, W] -> [B, 2 C, ceil(H / 2), ceil(W / 2)]."""
        result: Tensor = self.shortcut(x) + self.body(x)
        return result


class StackedChild(nn.Module):
    """Stem, three stages of cells with reductions between them, and a linear classifier.

    Args:
        architecture: The cell, and the size of the network.
        channels: Channels of the images.
        outputs: Number of outputs.
    """

    def __init__(self, architecture: NasBench201Architecture, channels: int, outputs: int) -> None:
        super().__init__()
        width = architecture.channels
        layers: list[nn.Module] = [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        ]
        for stage in range(3):
            if stage:
                layers.append(Reduction(width))
                width *= 2
            layers += [
                StackedCell(architecture.operations, width) for _ in range(architecture.cells)
            ]
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU())
        self.classifier = nn.Linear(width, outputs)

    def forward(self, image: Tensor) -> Tensor:
        """Logits [B, outputs] of images [B, C, H, W]."""
        features = functional.adaptive_avg_pool2d(self.layers(image), 1).flatten(1)
        logits: Tensor = self.classifier(features)
        return logits


@build.register
def _(architecture: NasBench201Architecture, task: Interface) -> nn.Module:
    check_inputs("nasbench201", task, 3, "images (channels, height, width)")
    return StackedChild(architecture, task.inputs[0], task.outputs)
