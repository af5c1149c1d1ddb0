"""Convolutional networks with skip connections (Zoph & Le 2016, sections 3.3 and 4.1)."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import AbstractSpace, check_options
from reinas.types import Answers, Choice, Decision, Link

IMAGE = 0
"""The number that stands for the image among a layer's inputs."""


@dataclass(frozen=True, slots=True)
class ConvLayer:
    """Convolution, batch normalisation, ReLU.

    `inputs` are the layers whose outputs are concatenated, ascending; (0,) is the image.
    """

    height: int
    width: int
    filters: int
    inputs: tuple[int, ...]
    stride_height: int = 1
    stride_width: int = 1

    def __str__(self) -> str:
        """Height x width x filters, strides if any, and inputs: 3x5x36/2x1<-1,2."""
        strides = (self.stride_height, self.stride_width)
        stride = "" if strides == (1, 1) else f"/{strides[0]}x{strides[1]}"
        inputs = ",".join(map(str, self.inputs))
        return f"{self.height}x{self.width}x{self.filters}{stride}<-{inputs}"


@dataclass(frozen=True, slots=True)
class ConvArchitecture:
    """The layers 1, 2, ...; what feeds nothing feeds the classifier (section 3.3, repair 2)."""

    layers: tuple[ConvLayer, ...]

    def __str__(self) -> str:
        """Layer by layer; 0 is the image."""
        return " | ".join(map(str, self.layers))

    @property
    def outputs(self) -> tuple[int, ...]:
        """The layers whose output feeds no other layer: the classifier's inputs."""
        used = {source for layer in self.layers for source in layer.inputs}
        return tuple(n for n in range(1, len(self.layers) + 1) if n not in used)


@dataclass(frozen=True)
class ConvSpace(AbstractSpace[ConvArchitecture]):
    """Convolutional networks with skip connections, for images (Zoph & Le, section 4.1).

    `strides=(1,)` fixes them; more values make them decisions.
    """

    depth: int = 6
    heights: tuple[int, ...] = (1, 3, 5, 7)
    widths: tuple[int, ...] = (1, 3, 5, 7)
    filters: tuple[int, ...] = (24, 36, 48, 64)
    strides: tuple[int, ...] = (1,)
    name: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise SettingError(f"conv: depth must be at least 1, got {self.depth}")
        for key in ("heights", "widths", "filters", "strides"):
            check_options("conv", key, getattr(self, key), least=1)
        for key in ("heights", "widths"):
            if any(size % 2 == 0 for size in getattr(self, key)):
                raise SettingError(
                    f"conv: {key} must be odd, so that padding is the same on both sides;"
                    f" got {list(getattr(self, key))}"
                )

    @cached_property
    def _columns(self) -> dict[str, tuple[int, ...]]:
        """Each layer's choices: kind -> options, in the paper's order."""
        columns = {"filter_height": self.heights, "filter_width": self.widths}
        if len(self.strides) > 1:
            columns |= {"stride_height": self.strides, "stride_width": self.strides}
        return columns | {"filters": self.filters}

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """For every layer its choices, then one link for each earlier layer."""
        decisions: list[Decision] = []
        for layer in range(1, self.depth + 1):
            decisions += [
                Choice(f"layer{layer}.{kind}", kind, options, layer)
                for kind, options in self._columns.items()
            ]
            decisions += [
                Link(f"layer{layer}.from{source}", source, layer) for source in range(1, layer)
            ]
        return tuple(decisions)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The number of decisions of 1, 2, ..., `depth` whole layers."""
        choices = len(self._columns)
        return tuple(n * choices + n * (n - 1) // 2 for n in range(1, self.depth + 1))

    def decode(self, answers: Answers) -> ConvArchitecture:
        """The network of 1 to `depth` layers that the answers mean, repaired.

        A layer without input takes the image (section 3.3, repair 1).
        """
        self.check(answers)
        layers = []
        for start, end in pairwise((0, *self.lengths)):
            if start == len(answers):
                break
            part = answers[start:end]
            chosen = {
                kind: options[answer]
                for (kind, options), answer in zip(self._columns.items(), part, strict=False)
            }
            links = part[len(self._columns) :]
            sources = tuple(n for n, linked in enumerate(links, start=1) if linked)
            layers.append(
                ConvLayer(
                    height=chosen["filter_height"],
                    width=chosen["filter_width"],
                    filters=chosen["filters"],
                    inputs=sources or (IMAGE,),
                    stride_height=chosen.get("stride_height", self.strides[0]),
                    stride_width=chosen.get("stride_width", self.strides[0]),
                )
            )
        return ConvArchitecture(tuple(layers))

    def encode(self, architecture: ConvArchitecture) -> Answers:
        """The answers of as many layers as the architecture has."""
        if not 1 <= len(architecture.layers) <= self.depth:
            raise AnswersError(
                f"conv: expected 1 to {self.depth} layers, got {len(architecture.layers)}"
            )
        answers: list[int] = []
        for number, layer in enumerate(architecture.layers, start=1):
            answers += [self._index(number, layer, kind) for kind in self._columns]
            if len(self.strides) == 1 and {layer.stride_height, layer.stride_width} != {
                self.strides[0]
            }:
                raise AnswersError(f"conv: layer {number}'s strides are not {self.strides[0]}")
            answers += self._links(number, layer)
        return tuple(answers)

    def _index(self, number: int, layer: ConvLayer, kind: str) -> int:
        value = {
            "filter_height": layer.height,
            "filter_width": layer.width,
            "stride_height": layer.stride_height,
            "stride_width": layer.stride_width,
            "filters": layer.filters,
        }[kind]
        options = self._columns[kind]
        if value not in options:
            raise AnswersError(
                f"conv: layer {number}'s {kind} {value} is not among {list(options)}"
            )
        return options.index(value)

    @staticmethod
    def _links(number: int, layer: ConvLayer) -> list[int]:
        earlier = set(range(1, number))
        if layer.inputs != (IMAGE,) and (
            not layer.inputs
            or not set(layer.inputs) <= earlier
            or layer.inputs != tuple(sorted(set(layer.inputs)))
        ):
            raise AnswersError(
                f"conv: layer {number}'s inputs must be (0,) for the image or earlier layers"
                f" in ascending order, got {layer.inputs}"
            )
        return [int(source in layer.inputs) for source in range(1, number)]


@dataclass(frozen=True, slots=True)
class ConvShape:
    """What a layer takes and gives: channels in, channels, height and width out, parameters."""

    channels_in: int
    channels: int
    height: int
    width: int
    parameters: int


def shapes(architecture: ConvArchitecture, image: tuple[int, int, int]) -> tuple[ConvShape, ...]:
    """Every layer's shape for an image of (channels, height, width).

    Inputs of different sizes are padded to the largest (section 3.3, repair 3); 'same' padding
    makes a layer's output ceil(size / stride). Parameters: the convolution without bias, since
    batch normalisation follows, which has two a channel.
    """
    done = [ConvShape(0, *image, parameters=0)]
    for layer in architecture.layers:
        sources = [done[n] for n in layer.inputs]
        channels_in = sum(s.channels for s in sources)
        height, width = max(s.height for s in sources), max(s.width for s in sources)
        kernel = layer.height * layer.width * channels_in * layer.filters
        done.append(
            ConvShape(
                channels_in=channels_in,
                channels=layer.filters,
                height=-(-height // layer.stride_height),
                width=-(-width // layer.stride_width),
                parameters=kernel + 2 * layer.filters,
            )
        )
    return tuple(done[1:])
