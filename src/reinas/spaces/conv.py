"""Convolutional networks with skip connections (Zoph & Le 2016, sections 3.3 and 4.1)."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import (
    MAX_LAYERS,
    MAX_SIZE,
    AbstractSpace,
    check_number,
    check_options,
    with_tuples,
)
from reinas.spaces.conv_architecture import (
    IMAGE,
    ContrastLayer,
    ConvArchitecture,
    ConvLayer,
    Inputs,
    Layer,
    NormLayer,
    PoolLayer,
)
from reinas.types import Answers, Choice, Decision, Link, When

TYPES = ("conv", "max", "average", "contrast", "norm")
"""The layer types of section 3.3, available with `layer_types`."""
CHOICES: dict[str, tuple[str, ...]] = {
    "conv": ("filter_height", "filter_width", "stride_height", "stride_width", "filters"),
    "max": ("pool_size", "pool_stride"),
    "average": ("pool_size", "pool_stride"),
    "contrast": ("window",),
    "norm": (),
}
"""The choices that each layer type has, in the order of decision."""
ORDER = dict.fromkeys(kind for kinds in CHOICES.values() for kind in kinds)
WHOLE = ("heights", "widths", "filters", "strides", "pool_sizes", "pool_strides", "windows")


@dataclass(frozen=True)
class ConvSpace(AbstractSpace[ConvArchitecture]):
    """Convolutional networks with skip connections, for images (Zoph & Le, section 4.1).

    Args:
        depth: The largest number of decided layers.
        heights: Filter heights to choose from, odd, in pixels.
        widths: Filter widths to choose from, odd, in pixels.
        filters: Numbers of filters to choose from.
        strides: Strides to choose from. A single value fixes the stride and adds no decision.
        layer_types: Whether each layer first decides its type: convolution, max pooling, average
            pooling, local contrast normalisation or batch normalisation (section 3.3).
        pool_sizes: Sizes of pooling windows to choose from, with `layer_types`.
        pool_strides: Strides of pooling to choose from, with `layer_types`.
        windows: Windows of local contrast normalisation to choose from, odd, with `layer_types`.
        learning_rates: Learning rates of the child to choose from (section 3.3). Empty: the
            recipe's learning rate is used.
        block: Each decided layer is this many densely linked convolutions (the third variant of
            section 4.1).
        pools: The layers after which all feature maps so far are max-pooled, 2 x 2.
        more_filters: Added to every number of filters (the last row of table 1 adds 40).
        dimensions: 2 for images. 1 for series [channels, time]: `heights` are then filter
            lengths, and `widths` are ignored.

    Raises:
        SettingError: A parameter is out of range, or two of them cannot be combined.
    """

    depth: int = 6
    heights: tuple[int, ...] = (1, 3, 5, 7)
    widths: tuple[int, ...] = (1, 3, 5, 7)
    filters: tuple[int, ...] = (24, 36, 48, 64)
    strides: tuple[int, ...] = (1,)
    layer_types: bool = False
    pool_sizes: tuple[int, ...] = (2, 3)
    pool_strides: tuple[int, ...] = (1, 2)
    windows: tuple[int, ...] = (3, 5, 7)
    learning_rates: tuple[float, ...] = ()
    block: int = 1
    pools: tuple[int, ...] = ()
    more_filters: int = 0
    dimensions: int = 2
    name: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        with_tuples(self)
        check_number("conv", "depth", self.depth, 1, MAX_LAYERS)
        check_number("conv", "block", self.block, 1, 100)
        check_number("conv", "dimensions", self.dimensions, 1, 2)
        check_number("conv", "more_filters", self.more_filters, 0, MAX_SIZE)
        for key in WHOLE:
            check_options("conv", key, getattr(self, key), least=1)
        for key in ("heights", "widths", "windows"):
            if any(size % 2 == 0 for size in getattr(self, key)):
                raise SettingError(
                    f"conv: {key} must be odd, so that padding is the same on both sides;"
                    f" got {list(getattr(self, key))}"
                )
        rates = self.learning_rates
        if len(set(rates)) < len(rates) or not all(0 < rate <= 1000 for rate in rates):
            raise SettingError(
                f"conv: learning_rates must be different, above 0 and at most 1000, got {rates}"
            )
        if self.block > 1 and (self.layer_types or self.strides != (1,)):
            raise SettingError(
                "conv: blocks of several layers are convolutions without strides: with block"
                f" = {self.block} leave strides and layer_types as they are"
            )
        if sorted(set(self.pools)) != list(self.pools) or any(n < 1 for n in self.pools):
            raise SettingError(
                "conv: pools are the layers after which everything is pooled, from 1 on and"
                f" ascending; got {list(self.pools)}"
            )

    @cached_property
    def _options(self) -> dict[str, tuple[int, ...]]:
        """The options of each kind of choice that a layer has, in the order of decision."""
        options = {
            "filter_height": self.heights,
            "filter_width": self.widths,
            "stride_height": self.strides,
            "stride_width": self.strides,
            "filters": self.filters,
            "pool_size": self.pool_sizes,
            "pool_stride": self.pool_strides,
            "window": self.windows,
        }
        fixed = {"stride_height", "stride_width"} if len(self.strides) == 1 else set()
        if self.dimensions == 1:
            fixed |= {"filter_width", "stride_width"}
        types = TYPES if self.layer_types else ("conv",)
        decided = {kind for each in types for kind in CHOICES[each]} - fixed
        return {kind: options[kind] for kind in ORDER if kind in decided}

    def _choices(self, layer: int) -> list[Choice]:
        """A layer's choices: its type, with `layer_types`, then the choices of every type."""
        where = f"layer{layer}"
        choices = []
        when: dict[str, tuple[When, ...]] = {}
        if self.layer_types:
            choices.append(Choice(f"{where}.type", "type", TYPES, layer))
            for kind in self._options:
                types = tuple(each for each in TYPES if kind in CHOICES[each])
                when[kind] = (When(f"{where}.type", types),)
        return choices + [
            Choice(f"{where}.{kind}", kind, options, layer, when.get(kind, ()))
            for kind, options in self._options.items()
        ]

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """For each layer its choices, then one link per earlier layer.

        With `learning_rates`, the learning rate comes first, so that the answers of a shallower
        network remain a prefix of those of a deeper one.
        """
        decisions: list[Decision] = []
        if self.learning_rates:
            decisions.append(Choice("learning_rate", "learning_rate", self.learning_rates))
        for layer in range(1, self.depth + 1):
            decisions += self._choices(layer)
            decisions += [
                Link(f"layer{layer}.from{source}", source, layer) for source in range(1, layer)
            ]
        return tuple(decisions)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The number of decisions for 1, 2, ..., `depth` layers."""
        choices = len(self._options) + self.layer_types
        before = 1 if self.learning_rates else 0
        return tuple(before + n * choices + n * (n - 1) // 2 for n in range(1, self.depth + 1))

    def decode(self, answers: Answers) -> ConvArchitecture:
        """The network of 1 to `depth` layers that the answers mean.

        A layer without links takes the image as input (section 3.3).

        Args:
            answers: Canonical answers; their number is one of `lengths`.

        Raises:
            AnswersError: The answers are not canonical answers of this space.
        """
        self.check(answers)
        before = len(self.learning_rates[:1])
        rate = self.learning_rates[answers[0]] if before else None
        layers = tuple(
            self._layer(answers[start:end])
            for start, end in pairwise((before, *self.lengths))
            if start < len(answers)
        )
        pools = tuple(n for n in self.pools if n <= len(layers))
        return ConvArchitecture(layers, self.block, pools, rate, self.dimensions)

    def _layer(self, part: Answers) -> Layer:
        """Build one layer from its answers: its type if decided, its choices and its links."""
        kind = TYPES[part[0]] if self.layer_types else "conv"
        chosen = part[self.layer_types :]
        links = chosen[len(self._options) :]
        value = {
            k: options[answer]
            for (k, options), answer in zip(self._options.items(), chosen, strict=False)
        }
        inputs = tuple(n for n, linked in enumerate(links, start=1) if linked) or (IMAGE,)
        match kind:
            case "conv":
                return ConvLayer(
                    height=value["filter_height"],
                    width=value.get("filter_width", 1),
                    filters=value["filters"] + self.more_filters,
                    inputs=inputs,
                    stride_height=value.get("stride_height", self.strides[0]),
                    stride_width=1
                    if self.dimensions == 1
                    else value.get("stride_width", self.strides[0]),
                )
            case "contrast":
                return ContrastLayer(value["window"], inputs)
            case "norm":
                return NormLayer(inputs)
            case pool:
                return PoolLayer(pool, value["pool_size"], value["pool_stride"], inputs)

    def encode(self, architecture: ConvArchitecture) -> Answers:
        """The canonical answers that mean the architecture.

        Args:
            architecture: A network of 1 to `depth` layers.

        Returns:
            The indices of all decisions up to the architecture's last layer.

        Raises:
            AnswersError: The architecture is not in the space.
        """
        depth = len(architecture.layers)
        if not 1 <= depth <= self.depth:
            raise AnswersError(f"conv: expected 1 to {self.depth} layers, got {depth}")
        plain = replace(architecture, layers=(), learning_rate=None)
        pools = tuple(n for n in self.pools if n <= depth)
        mine = ConvArchitecture((), self.block, pools, dimensions=self.dimensions)
        if plain != mine:
            raise AnswersError(
                f"conv: this space has dimensions={mine.dimensions}, blocks of {mine.block} and"
                f" pools after {list(mine.pools)}, got dimensions={plain.dimensions},"
                f" {plain.block} and {list(plain.pools)}"
            )
        answers: list[int] = []
        if self.learning_rates:
            rate = architecture.learning_rate
            answers.append(_index("learning_rate", rate, self.learning_rates))
        elif architecture.learning_rate is not None:
            raise AnswersError("conv: this space does not decide the learning rate")
        for number, layer in enumerate(architecture.layers, start=1):
            answers += self._encoded(number, layer)
        return tuple(answers)

    def _encoded(self, number: int, layer: Layer) -> list[int]:
        kind, value = _described(layer)
        where = f"layer {number}'s"
        if isinstance(layer, PoolLayer) and kind not in ("max", "average"):
            raise AnswersError(f"conv: {where} pooling is max or average, got {kind}")
        strides = {value.get("stride_height")}
        if self.dimensions == 2:
            strides.add(value.get("stride_width"))
        if kind == "conv" and len(self.strides) == 1 and strides != {self.strides[0]}:
            raise AnswersError(f"conv: {where} strides must be {self.strides[0]} in this space")
        answers = []
        if self.layer_types:
            answers.append(TYPES.index(kind))
        elif not isinstance(layer, ConvLayer):
            raise AnswersError(
                f"conv: layer {number} is not a convolution, which needs layer_types"
            )
        for k, options in self._options.items():
            more = self.more_filters if k == "filters" else 0
            whole = tuple(option + more for option in options)
            answers.append(_index(f"{where} {k}", value[k], whole) if k in value else 0)
        return answers + _links(number, layer.inputs)


def _described(layer: Layer) -> tuple[str, dict[str, int]]:
    """A layer's type and the values of its choices by kind."""
    match layer:
        case ConvLayer():
            return "conv", {
                "filter_height": layer.height,
                "filter_width": layer.width,
                "stride_height": layer.stride_height,
                "stride_width": layer.stride_width,
                "filters": layer.filters,
            }
        case PoolLayer():
            return layer.pool, {"pool_size": layer.size, "pool_stride": layer.stride}
        case ContrastLayer():
            return "contrast", {"window": layer.window}
        case NormLayer():
            return "norm", {}


def _index(what: str, value: Any, options: tuple[Any, ...]) -> int:
    if value not in options:
        raise AnswersError(f"conv: {what} {value} is not among {list(options)}")
    return options.index(value)


def _links(number: int, inputs: Inputs) -> list[int]:
    earlier = set(range(1, number))
    ascending = inputs == tuple(sorted(set(inputs)))
    if inputs != (IMAGE,) and (not inputs or not set(inputs) <= earlier or not ascending):
        raise AnswersError(
            f"conv: layer {number}'s inputs must be (0,) for the image or earlier layers"
            f" in ascending order, got {inputs}"
        )
    return [int(source in inputs) for source in range(1, number)]


def conv_blocks(
    depth: int = 13,
    *,
    heights: tuple[int, ...] = (1, 3, 5, 7),
    widths: tuple[int, ...] = (1, 3, 5, 7),
    filters: tuple[int, ...] = (6, 12, 24, 36),
    block: int = 3,
    pools: tuple[int, ...] = (4, 8),
    more_filters: int = 0,
    learning_rates: tuple[float, ...] = (),
    dimensions: int = 2,
) -> ConvSpace:
    """The third variant of section 4.1: each decided layer is a block, and two poolings are fixed.

    With more_filters=40 it is the last row of table 1, "more filters".

    Args:
        depth: The largest number of decided layers, each of them a block.
        heights: Filter heights to choose from, odd, in pixels.
        widths: Filter widths to choose from, odd, in pixels.
        filters: Numbers of filters to choose from.
        block: Densely linked convolutions per block.
        pools: The blocks after which all feature maps so far are max-pooled, 2 x 2.
        more_filters: Added to every number of filters.
        learning_rates: Learning rates of the child to choose from. Empty: the recipe's.
        dimensions: 2 for images, 1 for series [channels, time].

    Raises:
        SettingError: A parameter is out of range.
    """
    return ConvSpace(
        depth=depth,
        heights=heights,
        widths=widths,
        filters=filters,
        block=block,
        pools=pools,
        more_filters=more_filters,
        learning_rates=learning_rates,
        dimensions=dimensions,
    )
