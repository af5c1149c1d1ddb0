"""Networks of stages: residual and inverted-residual blocks, for images and series."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import adjust_recipe, build, check_positions
from reinas.children.conv import LARGE, MODULES
from reinas.spaces.stages import RESIDUAL, Stage, StagesArchitecture, squeezed_units
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe


def convolution(
    channels: int, filters: int, kernel: int, stride: int, dimensions: int, groups: int = 1
) -> nn.Sequential:
    """Convolution and batch normalisation: [B, channels, *S] -> [B, filters, *ceil(S / stride)].

    Args:
        channels: Channels of the input.
        filters: Channels of the output.
        kernel: Filter size in every dimension; odd.
        stride: Stride in every dimension.
        dimensions: 2 for images, 1 for series.
        groups: Groups of channels that are convolved apart.
    """
    modules = MODULES[dimensions]
    return nn.Sequential(
        modules.convolution(
            channels,
            filters,
            kernel,
            stride=stride,
            padding=kernel // 2,
            groups=groups,
            bias=False,
        ),
        modules.normalisation(filters),
    )


class Squeeze(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018): channels weighed by what all positions show.

    Args:
        channels: Channels of the input and of the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = squeezed_units(channels)
        self.squeeze = nn.Linear(channels, inner)
        self.excite = nn.Linear(inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh feature maps [B, C, *S]."""
        means = x.mean(dim=tuple(range(2, x.ndim)))
        weights: Tensor = self.excite(functional.relu(self.squeeze(means))).sigmoid()
        return x * weights.reshape(*weights.shape, *(1,) * (x.ndim - 2))


class Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016): [B, channels, *S] -> [B, width, *S'].

    Where the resolution halves, the shortcut is averaged before its 1 x 1 convolution, so that it
    sees every position (He et al. 2019, ResNet-D).

    Args:
        stage: Width, kernel, squeeze.
        channels: Channels of the input.
        stride: Stride of the first convolution.
        dimensions: 2 for images, 1 for series.
    """

    has_shortcut = True

    def __init__(self, stage: Stage, channels: int, stride: int, dimensions: int) -> None:
        super().__init__()
        self.first = convolution(channels, stage.width, stage.kernel, stride, dimensions)
        self.second = convolution(stage.width, stage.width, stage.kernel, 1, dimensions)
        self.squeeze = Squeeze(stage.width) if stage.squeeze else nn.Identity()
        self.stride, self.dimensions = stride, dimensions
        same = stride == 1 and channels == stage.width
        self.shortcut = (
            nn.Identity() if same else convolution(channels, stage.width, 1, 1, dimensions)
        )

    @property
    def scale(self) -> Tensor:
        """The factors of the normalisation before the shortcut is added."""
        factors = self.second[1].weight
        assert isinstance(factors, Tensor)
        return factors

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps [B, channels, *S] to [B, width, *S']."""
        inner = self.squeeze(self.second(functional.relu(self.first(x))))
        if self.stride > 1:
            pool = MODULES[self.dimensions].average_pool
            x = pool(x, self.stride, ceil_mode=True, count_include_pad=False)
        return functional.relu(inner + self.shortcut(x))


class Inverted(nn.Module):
    """Expand, convolve each channel, project (Sandler et al. 2018), beside a shortcut if it fits.

    Args:
        stage: Width, kernel, expansion, squeeze.
        channels: Channels of the input.
        stride: Stride of the middle convolution.
        dimensions: 2 for images, 1 for series.
    """

    def __init__(self, stage: Stage, channels: int, stride: int, dimensions: int) -> None:
        super().__init__()
        inner = channels * stage.expansion
        self.expand = convolution(channels, inner, 1, 1, dimensions)
        self.each = convolution(inner, inner, stage.kernel, stride, dimensions, groups=inner)
        self.squeeze = Squeeze(inner) if stage.squeeze else nn.Identity()
        self.project = convolution(inner, stage.width, 1, 1, dimensions)
        self.has_shortcut = stride == 1 and channels == stage.width

    @property
    def scale(self) -> Tensor:
        """The factors of the normalisation before the shortcut is added."""
        factors = self.project[1].weight
        assert isinstance(factors, Tensor)
        return factors

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps [B, channels, *S] to [B, width, *S']."""
        inner = functional.relu(self.each(functional.relu(self.expand(x))))
        projected: Tensor = self.project(self.squeeze(inner))
        return x + projected if self.has_shortcut else projected


class StagesChild(nn.Module):
    """Stem, stages, global average, one linear layer: [B, C, *S] -> [B, outputs].

    Args:
        architecture: The stem and the stages.
        inputs: The shape of one example, (channels, *S).
        outputs: Number of outputs.
    """

    def __init__(
        self, architecture: StagesArchitecture, inputs: tuple[int, ...], outputs: int
    ) -> None:
        super().__init__()
        dimensions, width = architecture.dimensions, architecture.width
        self.stem = convolution(
            inputs[0], width, architecture.stem_kernel, architecture.stem, dimensions
        )
        blocks: list[Residual | Inverted] = []
        for number, stage in enumerate(architecture.stages):
            kind = Residual if stage.block == RESIDUAL else Inverted
            for place in range(stage.depth):
                stride = 2 if number and not place else 1
                blocks.append(kind(stage, width, stride, dimensions))
                width = stage.width
        self.blocks = nn.ModuleList(blocks)
        self.classifier = nn.Linear(width, outputs)
        for block in blocks:  # every block begins as its shortcut (Goyal et al. 2017)
            if block.has_shortcut:
                nn.init.zeros_(block.scale)
        if dimensions == 2 and inputs[1] * inputs[2] >= LARGE:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Map images [B, C, H, W], or series [B, C, T], to outputs [B, outputs]."""
        x = functional.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        outputs: Tensor = self.classifier(x.mean(dim=tuple(range(2, x.ndim))))
        return outputs


@build.register
def _(architecture: StagesArchitecture, task: Interface) -> nn.Module:
    check_positions("stages", architecture.dimensions, task)
    return StagesChild(architecture, task.inputs, task.outputs)


@adjust_recipe.register
def _(architecture: StagesArchitecture, recipe: Recipe) -> Recipe:
    if architecture.rate == 1:
        return recipe
    return replace(recipe, learning_rate=recipe.learning_rate * architecture.rate)
