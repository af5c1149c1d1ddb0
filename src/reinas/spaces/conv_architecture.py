"""Convolutional architectures and the shapes of their layers (Zoph & Le 2016, section 3.3)."""

from dataclasses import dataclass

from reinas.errors import SettingError

IMAGE = 0
"""The image's number among a layer's inputs; layers count from 1."""

Inputs = tuple[int, ...]
"""The numbers of the layers whose outputs are concatenated, ascending; (0,) is the image."""


def _from(inputs: Inputs) -> str:
    return "<-" + ",".join(map(str, inputs))


@dataclass(frozen=True, slots=True)
class ConvLayer:
    """A convolution followed by batch normalisation and ReLU.

    Args:
        height: Filter height in pixels, or filter length for series.
        width: Filter width in pixels; 1 for series.
        filters: Number of filters.
        inputs: Numbers of the layers that feed this one, ascending; (0,) for the image.
        stride_height: Vertical stride in pixels.
        stride_width: Horizontal stride in pixels.
    """

    height: int
    width: int
    filters: int
    inputs: Inputs
    stride_height: int = 1
    stride_width: int = 1

    def __str__(self) -> str:
        """Height x width x filters, strides unless 1, and inputs: 3x5x36/2x1<-1,2."""
        strides = (self.stride_height, self.stride_width)
        stride = "" if strides == (1, 1) else f"/{strides[0]}x{strides[1]}"
        return f"{self.height}x{self.width}x{self.filters}{stride}{_from(self.inputs)}"


@dataclass(frozen=True, slots=True)
class PoolLayer:
    """Max or average pooling.

    Args:
        pool: "max" or "average".
        size: Height and width of the window in pixels.
        stride: Stride in both directions in pixels.
        inputs: Numbers of the layers that feed this one, ascending; (0,) for the image.
    """

    pool: str
    size: int
    stride: int
    inputs: Inputs

    def __str__(self) -> str:
        """The kind of pooling, size, stride unless 1, and inputs: max 3/2<-1."""
        stride = "" if self.stride == 1 else f"/{self.stride}"
        return f"{self.pool} {self.size}{stride}{_from(self.inputs)}"


@dataclass(frozen=True, slots=True)
class ContrastLayer:
    """Local contrast normalisation.

    Args:
        window: Height and width of the window in pixels.
        inputs: Numbers of the layers that feed this one, ascending; (0,) for the image.
    """

    window: int
    inputs: Inputs

    def __str__(self) -> str:
        """The window and inputs: contrast 5<-1."""
        return f"contrast {self.window}{_from(self.inputs)}"


@dataclass(frozen=True, slots=True)
class NormLayer:
    """Batch normalisation without a convolution.

    Args:
        inputs: Numbers of the layers that feed this one, ascending; (0,) for the image.
    """

    inputs: Inputs

    def __str__(self) -> str:
        """The inputs: norm<-1."""
        return f"norm{_from(self.inputs)}"


Layer = ConvLayer | PoolLayer | ContrastLayer | NormLayer


@dataclass(frozen=True, slots=True)
class ConvArchitecture:
    """A convolutional network with skip connections (section 3.3).

    Layers that feed no other layer feed the classifier.

    Args:
        layers: The layers 1, 2, ..., in order.
        block: Convolutions per convolutional layer. Above 1 they are densely linked, and their
            outputs are concatenated (the third variant of section 4.1).
        pools: Numbers of the layers after which all feature maps so far are max-pooled, 2 x 2, or
            over 2 steps for series.
        learning_rate: The child's learning rate where it was decided. None: the recipe's.
        dimensions: 2 for images. 1 for series: heights are lengths in time, and widths must be 1.

    Raises:
        SettingError: `dimensions` is neither 1 nor 2, or a width for series is not 1.
    """

    layers: tuple[Layer, ...]
    block: int = 1
    pools: tuple[int, ...] = ()
    learning_rate: float | None = None
    dimensions: int = 2

    def __post_init__(self) -> None:
        if self.dimensions not in (1, 2):
            raise SettingError(
                f"dimensions must be 1 (series) or 2 (images), got {self.dimensions}"
            )
        if self.dimensions == 2:
            return
        for number, layer in enumerate(self.layers, start=1):
            if isinstance(layer, ConvLayer) and (layer.width, layer.stride_width) != (1, 1):
                raise SettingError(
                    f"layer {number} of a network for series must have width and stride_width 1,"
                    f" got {layer.width} and {layer.stride_width}: give its length and stride in"
                    " time as height and stride_height"
                )

    def __str__(self) -> str:
        """All layers in order, separated by |; || marks a pooling of all feature maps so far."""
        parts = []
        for number, layer in enumerate(self.layers, start=1):
            parts.append(str(layer))
            parts.append(" || " if number in self.pools else " | ")
        text = "".join(parts[:-1]) + (" ||" if len(self.layers) in self.pools else "")
        if self.dimensions == 1:
            text = f"series: {text}"
        if self.block > 1:
            text = f"blocks of {self.block}: {text}"
        return text if self.learning_rate is None else f"rate {self.learning_rate:g}: {text}"

    @property
    def outputs(self) -> tuple[int, ...]:
        """Numbers of the layers that feed no other layer and so feed the classifier."""
        used = {source for layer in self.layers for source in layer.inputs}
        return tuple(n for n in range(1, len(self.layers) + 1) if n not in used)


Shape = tuple[int, int, int]
"""(channels, height, width)."""


@dataclass(frozen=True, slots=True)
class ConvShape:
    """The shape of a layer.

    Args:
        channels_in: Channels of the concatenated inputs.
        channels: Channels of the output.
        height: Height of the output in pixels.
        width: Width of the output in pixels.
        parameters: Number of trainable parameters.
        multiply_adds: Multiply-adds of its convolutions for one example.
    """

    channels_in: int
    channels: int
    height: int
    width: int
    parameters: int
    multiply_adds: int = 0


def same(size: int, stride: int) -> int:
    """The output size under 'same' padding: ceil(size / stride).

    Args:
        size: The input's height or width in pixels.
        stride: The stride in pixels.
    """
    return -(-size // stride)


def as_image(inputs: tuple[int, ...]) -> Shape:
    """The shape of an example as an image; a series gets a width of 1.

    Args:
        inputs: (channels, height, width) of an image, or (channels, time) of a series.
    """
    channels, height, width = (*inputs, 1)[:3]
    return channels, height, width


def shapes(architecture: ConvArchitecture, image: Shape) -> tuple[ConvShape, ...]:
    """The shape of every layer, before any of the fixed poolings.

    Inputs of different sizes are padded to the largest (section 3.3). With 'same' padding, a
    layer's output has the size ceil(size / stride). Convolutions have no bias, because the batch
    normalisation after them has two parameters per channel.

    Args:
        architecture: The network.
        image: The shape of its input.

    Returns:
        One shape per layer, in order.
    """
    maps: list[Shape] = [image]
    done: list[ConvShape] = []
    for number, layer in enumerate(architecture.layers, start=1):
        joined = joined_shape([maps[n] for n in layer.inputs])
        done.append(_shape(layer, joined, architecture.block))
        maps.append((done[-1].channels, done[-1].height, done[-1].width))
        if number in architecture.pools:
            maps = [(c, same(h, 2), same(w, 2)) for c, h, w in maps]
    return tuple(done)


def joined_shape(maps: list[Shape]) -> Shape:
    """The shape of feature maps that are padded to the largest and concatenated along channels.

    Args:
        maps: The shapes of the feature maps.
    """
    channels, heights, widths = zip(*maps, strict=True)
    return sum(channels), max(heights), max(widths)


def _shape(layer: Layer, joined: Shape, block: int) -> ConvShape:
    channels, height, width = joined
    match layer:
        case ConvLayer():
            kernel = layer.height * layer.width * layer.filters
            taken = sum(channels + k * layer.filters for k in range(block))
            high, wide = same(height, layer.stride_height), same(width, layer.stride_width)
            return ConvShape(
                channels,
                layer.filters * block,
                high,
                wide,
                kernel * taken + 2 * layer.filters * block,
                kernel * taken * high * wide,
            )
        case PoolLayer():
            size = same(height, layer.stride), same(width, layer.stride)
            return ConvShape(channels, channels, *size, parameters=0)
        case ContrastLayer():
            return ConvShape(channels, channels, height, width, parameters=0)
        case NormLayer():
            return ConvShape(channels, channels, height, width, parameters=2 * channels)
