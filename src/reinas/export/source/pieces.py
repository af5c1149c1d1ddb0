"""Building blocks as they are copied into exported code, for images; `1d` takes the place of `2d`.

They need nothing but what is in this file. Each computes, operation by operation, what its
counterpart in `reinas.children` does, and has weights of the same names.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5


def convolution(
    channels: int, filters: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution and batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(filters, EPSILON),
    )


class Squeeze(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018): channels weighed by what all positions show."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, inner)
        self.excite = nn.Linear(inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh feature maps [B, channels, ...]."""
        means = x.mean(dim=(2, 3))
        weights = self.excite(functional.relu(self.squeeze(means))).sigmoid()
        return x * weights[:, :, None, None]


class Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016), which is averaged where it shrinks."""

    def __init__(
        self, channels: int, width: int, kernel: int, stride: int = 1, squeeze: int = 0
    ) -> None:
        super().__init__()
        self.stride = stride
        self.first = convolution(channels, width, kernel, stride)
        self.second = convolution(width, width, kernel)
        nn.init.zeros_(self.second[1].weight)  # the block begins as its shortcut
        self.squeeze = Squeeze(width, squeeze) if squeeze else nn.Identity()
        same = stride == 1 and channels == width
        self.shortcut = nn.Identity() if same else convolution(channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps [B, channels, ...] to [B, width, ...]."""
        inner = self.squeeze(self.second(functional.relu(self.first(x))))
        if self.stride > 1:
            x = functional.avg_pool2d(x, self.stride, ceil_mode=True, count_include_pad=False)
        return functional.relu(inner + self.shortcut(x))


class Inverted(nn.Module):
    """Expand, convolve each channel, project (Sandler et al. 2018), beside a shortcut."""

    def __init__(
        self, channels: int, inner: int, width: int, kernel: int, stride: int = 1, squeeze: int = 0
    ) -> None:
        super().__init__()
        self.expand = convolution(channels, inner, 1)
        self.each = convolution(inner, inner, kernel, stride, groups=inner)
        self.squeeze = Squeeze(inner, squeeze) if squeeze else nn.Identity()
        self.project = convolution(inner, width, 1)
        self.has_shortcut = stride == 1 and channels == width
        if self.has_shortcut:
            nn.init.zeros_(self.project[1].weight)  # the block begins as its shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps [B, channels, ...] to [B, width, ...]."""
        inner = functional.relu(self.each(functional.relu(self.expand(x))))
        projected = self.project(self.squeeze(inner))
        return x + projected if self.has_shortcut else projected


def conv_norm_relu(
    channels: int, filters: int, size: int | tuple[int, int], stride: int | tuple[int, int] = 1
) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    sizes = (size,) if isinstance(size, int) else size
    padding = tuple(n // 2 for n in sizes)
    return nn.Sequential(
        nn.Conv2d(channels, filters, size, stride, padding, bias=False),
        nn.BatchNorm2d(filters, EPSILON),
        nn.ReLU(inplace=True),
    )


class DenseBlock(nn.Module):
    """Convolutions that are each fed by the block's input and all earlier ones of the block."""

    def __init__(
        self, channels: int, filters: int, size: int | tuple[int, int], count: int
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            conv_norm_relu(channels + k * filters, filters, size) for k in range(count)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, channels, ...] to the concatenated outputs [B, count * filters, ...]."""
        maps = [x]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, dim=1)))
        return torch.cat(maps[1:], dim=1)


class Pool(nn.Module):
    """Max or average pooling with 'same' padding; only what lies inside the map counts."""

    def __init__(self, kind: str, size: int, stride: int) -> None:
        super().__init__()
        self.max, self.size, self.stride = kind == "max", size, stride

    def forward(self, x: Tensor) -> Tensor:
        """Pool feature maps [B, C, ...]: a length n becomes ceil(n / stride)."""
        edges = [edge for length in reversed(x.shape[2:]) for edge in self.edges(length)]
        if self.max:
            padded = functional.pad(x, edges, value=-torch.inf)
            return functional.max_pool2d(padded, self.size, self.stride)
        inside = functional.pad(torch.ones_like(x[:1, :1]), edges)
        shares = functional.avg_pool2d(inside, self.size, self.stride)
        return functional.avg_pool2d(functional.pad(x, edges), self.size, self.stride) / shares

    def edges(self, length: int) -> tuple[int, int]:
        """Zeros before and after, so that ceil(length / stride) windows fit."""
        windows = -(-length // self.stride)
        missing = max(0, (windows - 1) * self.stride + self.size - length)
        return missing // 2, missing - missing // 2


class LocalContrast(nn.Module):
    """Local contrast normalisation (Jarrett et al. 2009)."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        """Normalise feature maps [B, C, ...] by the mean and deviation around each position."""
        centred = x - self.around(x.mean(1, keepdim=True))
        deviation = (self.around(centred.square().mean(1, keepdim=True)) + 1e-8).sqrt()
        return centred / torch.maximum(deviation, deviation.mean((2, 3), keepdim=True))

    def around(self, x: Tensor) -> Tensor:
        """The mean around each position."""
        return functional.avg_pool2d(
            x, self.window, stride=1, padding=self.window // 2, count_include_pad=False
        )


def relu_conv_norm(channels: int, filters: int, size: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution, batch normalisation."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, filters, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(filters, EPSILON),
    )


class Reduction(nn.Module):
    """A residual block that halves the size and doubles the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            relu_conv_norm(channels, 2 * channels, 3, stride=2),
            relu_conv_norm(2 * channels, 2 * channels, 3),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True),
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, H, W] to [B, 2 C, ceil(H / 2), ceil(W / 2)]."""
        return self.shortcut(x) + self.body(x)


class ResidualBlock(nn.Module):
    """Normalise, widen, ReLU, narrow, beside a shortcut: [B, width] -> [B, width]."""

    def __init__(self, width: int, inner: int, dropout: float, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.first = nn.Linear(width, inner)
        self.second = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, width] to [B, width]."""
        inner = self.dropout(functional.relu(self.first(self.norm(x))))
        return x + self.second(inner)
