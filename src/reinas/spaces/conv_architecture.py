"""Convolutional architectures as values, and the shapes that they give (Zoph & Le 2016, 3.3)."""

from dataclasses import dataclass

from reinas.errors import SettingError

IMAGE = 0
"""The number that stands for the image among a layer's inputs."""

Inputs = tuple[int, ...]
"""The layers whose outputs are concatenated, ascending; (0,) is the image."""


def _from(inputs: Inputs) -> str:
    return "<-" + ",".join(map(str, inputs))


@dataclass(frozen=True, slots=True)
class ConvLayer:
    """Convolution, batch normalisation, ReLU."""

    height: int
    width: int
    filters: int
    inputs: Inputs
    stride_height: int = 1
    stride_width: int = 1

    def __str__(self) -> str:
        """Height x width x filters, strides if any, and inputs: 3x5x36/2x1<-1,2."""
        strides = (self.stride_height, self.stride_width)
        stride = "" if strides == (1, 1) else f"/{strides[0]}x{strides[1]}"
        return f"{self.height}x{self.width}x{self.filters}{stride}{_from(self.inputs)}"


@dataclass(frozen=True, slots=True)
class PoolLayer:
    """The greatest or the mean value of every window of `size` x `size` pixels."""

    pool: str
    """`max` or `average`."""
    size: int
    stride: int
    inputs: Inputs

    def __str__(self) -> str:
        """Which pooling, size, stride if any, and inputs: max 3/2<-1."""
        stride = "" if self.stride == 1 else f"/{self.stride}"
        return f"{self.pool} {self.size}{stride}{_from(self.inputs)}"


@dataclass(frozen=True, slots=True)
class ContrastLayer:
    """Local contrast normalisation over windows of `window` x `window` pixels."""

    window: int
    inputs: Inputs

    def __str__(self) -> str:
        """The window and inputs: contrast 5<-1."""
        return f"contrast {self.window}{_from(self.inputs)}"


@dataclass(frozen=True, slots=True)
class NormLayer:
    """Batch normalisation alone."""

    inputs: Inputs

    def __str__(self) -> str:
        """The inputs: norm<-1."""
        return f"norm{_from(self.inputs)}"


Layer = ConvLayer | PoolLayer | ContrastLayer | NormLayer


@dataclass(frozen=True, slots=True)
class ConvArchitecture:
    """The layers 1, 2, ...; what feeds nothing feeds the classifier (section 3.3, repair 2).

    With `block` above 1 every convolutional layer is that many convolutions, densely linked,
    whose outputs are concatenated (the third variant of table 1). After each layer that
    `pools` names, everything so far is max-pooled, 2 x 2. A `learning_rate` that was decided
    replaces the recipe's. With `dimensions` 1 it is for series: heights are lengths in time,
    widths must be 1, and fixed pooling is over 2 steps.
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
        """Layer by layer; 0 is the image, || a pooling of everything so far."""
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
        """The layers whose output feeds no other layer: the classifier's inputs."""
        used = {source for layer in self.layers for source in layer.inputs}
        return tuple(n for n in range(1, len(self.layers) + 1) if n not in used)


Shape = tuple[int, int, int]
"""Channels, height, width."""


@dataclass(frozen=True, slots=True)
class ConvShape:
    """What a layer takes and gives: channels in, channels, height and width out, parameters."""

    channels_in: int
    channels: int
    height: int
    width: int
    parameters: int


def same(size: int, stride: int) -> int:
    """The output size under 'same' padding: ceil(size / stride)."""
    return -(-size // stride)


def as_image(inputs: tuple[int, ...]) -> Shape:
    """The shape of an example, of a series [channels, time] with a width of 1."""
    channels, height, width = (*inputs, 1)[:3]
    return channels, height, width


def shapes(architecture: ConvArchitecture, image: Shape) -> tuple[ConvShape, ...]:
    """Every layer's shape for an image of (channels, height, width), before any fixed pooling.

    Inputs of different sizes are padded to the largest (section 3.3, repair 3); 'same' padding
    makes a layer's output ceil(size / stride). Parameters: convolutions without bias, since
    batch normalisation follows, which has two a channel.
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
    """The shape of feature maps concatenated along channels, padded to the largest."""
    channels, heights, widths = zip(*maps, strict=True)
    return sum(channels), max(heights), max(widths)


def _shape(layer: Layer, joined: Shape, block: int) -> ConvShape:
    channels, height, width = joined
    match layer:
        case ConvLayer():
            kernel = layer.height * layer.width * layer.filters
            taken = sum(channels + k * layer.filters for k in range(block))
            return ConvShape(
                channels,
                layer.filters * block,
                same(height, layer.stride_height),
                same(width, layer.stride_width),
                kernel * taken + 2 * layer.filters * block,
            )
        case PoolLayer():
            size = same(height, layer.stride), same(width, layer.stride)
            return ConvShape(channels, channels, *size, parameters=0)
        case ContrastLayer():
            return ConvShape(channels, channels, height, width, parameters=0)
        case NormLayer():
            return ConvShape(channels, channels, height, width, parameters=2 * channels)
