"""Networks of stages of residual or inverted-residual blocks, for images and series.

A stem, then stages; each stage after the first halves the resolution. The blocks are those of
ResNet (He et al. 2016) and of MobileNetV2 (Sandler et al. 2018); depth, width, kernel, expansion
and squeeze-and-excitation (Hu et al. 2018) are decided per stage, as in MnasNet (Tan et al. 2019)
and EfficientNet (Tan & Le 2019).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import AbstractSpace, check_number, check_options, with_tuples
from reinas.types import Answers, Choice, When

RESIDUAL, INVERTED = "residual", "inverted"
MAX_STAGES = 6
MULTIPLE = 8
"""Widths are multiples of this: what vector registers hold."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks of one resolution and width.

    Args:
        block: `residual` (two convolutions beside a shortcut) or `inverted` (expand, convolve each
            channel by itself, project, beside a shortcut).
        depth: Number of blocks.
        width: Channels of the output.
        kernel: Height and width of the filters in pixels, or their length for series; odd.
        expansion: Inner channels of an inverted block, as a multiple of its input's; 1 for
            residual blocks.
        squeeze: Whether blocks weigh their channels (squeeze-and-excitation).
    """

    block: str
    depth: int
    width: int
    kernel: int
    expansion: int = 1
    squeeze: bool = False

    def __str__(self) -> str:
        """Depth x block, kernel, width, and what else there is: 2x residual 3 64 squeeze."""
        expansion = "" if self.block == RESIDUAL else f" e{self.expansion}"
        squeeze = " squeeze" if self.squeeze else ""
        return f"{self.depth}x {self.block} {self.kernel}{expansion} {self.width}{squeeze}"


@dataclass(frozen=True, slots=True)
class StagesArchitecture:
    """A stem, stages, global average pooling, and one linear layer.

    Args:
        stem: Stride of the stem's convolution in pixels.
        width: Channels of the stem.
        stages: The stages, in order.
        rate: Factor of the recipe's learning rate.
        dimensions: 2 for images, 1 for series.
    """

    stem: int
    width: int
    stages: tuple[Stage, ...]
    rate: float = 1.0
    dimensions: int = 2

    @property
    def stem_kernel(self) -> int:
        """The size of the stem's filters, in pixels: every pixel is seen."""
        return max(3, 2 * self.stem - 1)

    def __str__(self) -> str:
        """The stem and the stages, separated by |."""
        rate = "" if self.rate == 1 else f"rate x{self.rate:g}: "
        series = "" if self.dimensions == 2 else "series: "
        stem = f"stem {self.width}" + ("" if self.stem == 1 else f" /{self.stem}")
        return rate + series + " | ".join([stem, *map(str, self.stages)])


@dataclass(frozen=True)
class StagesSpace(AbstractSpace[StagesArchitecture]):
    """Stages of residual or inverted-residual blocks, for images and series.

    Args:
        stages: Number of stages; each but the first halves the resolution.
        stems: Strides of the stem to choose from.
        widths: Channels of the stem to choose from.
        growths: Factors from one stage's width to the next to choose from; the first stage has the
            stem's width.
        depths: Numbers of blocks per stage to choose from.
        kernels: Filter sizes to choose from; odd.
        blocks: Blocks to choose from: residual, inverted.
        expansions: Expansions of inverted blocks to choose from.
        rates: Factors of the recipe's learning rate to choose from.
        dimensions: 2 for images, 1 for series.

    Raises:
        SettingError: A parameter is out of range.
    """

    stages: int = 3
    stems: tuple[int, ...] = (1, 2)
    widths: tuple[int, ...] = (16, 24, 32, 48, 64)
    growths: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0)
    depths: tuple[int, ...] = (1, 2, 3)
    kernels: tuple[int, ...] = (3, 5)
    blocks: tuple[str, ...] = (RESIDUAL, INVERTED)
    expansions: tuple[int, ...] = (3, 6)
    rates: tuple[float, ...] = (0.5, 1.0, 2.0)
    dimensions: int = 2
    name: ClassVar[str] = "stages"

    def __post_init__(self) -> None:
        with_tuples(self)
        check_number("stages", "stages", self.stages, 1, MAX_STAGES)
        for key in ("stems", "widths", "depths", "kernels", "expansions"):
            check_options("stages", key, getattr(self, key), least=1)
        for key in ("growths", "rates", "blocks"):
            check_options("stages", key, getattr(self, key), least=None)
            object.__setattr__(self, key, tuple(getattr(self, key)))
        for key in ("growths", "rates"):
            if not all(0 < value <= 100 for value in getattr(self, key)):
                raise SettingError(
                    f"stages: {key} must be above 0 and at most 100, got {list(getattr(self, key))}"
                )
        if not all(kernel % 2 for kernel in self.kernels):
            raise SettingError(f"stages: kernels must be odd, got {list(self.kernels)}")
        if unknown := set(self.blocks) - {RESIDUAL, INVERTED}:
            raise SettingError(
                f"stages: blocks are {RESIDUAL} and {INVERTED}, got {', '.join(sorted(unknown))}"
            )
        if self.dimensions not in (1, 2):
            raise SettingError(
                f"stages: dimensions must be 1 (series) or 2 (images), got {self.dimensions}"
            )

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """The learning rate and the stem, then each stage's decisions."""
        found = [
            Choice("rate", "rate", self.rates),
            Choice("stem", "stem", self.stems),
            Choice("width", "width", self.widths),
        ]
        for number in range(1, self.stages + 1):
            found += self._stage(number)
        return tuple(found)

    def _stage(self, number: int) -> Iterator[Choice]:
        """One kind per decision: an early stage is no late one."""
        head = f"stage{number}"
        inverted = (When(f"{head}.block", (INVERTED,)),)
        yield Choice(f"{head}.depth", f"{head}.depth", self.depths, number)
        if number > 1:
            yield Choice(f"{head}.growth", f"{head}.growth", self.growths, number)
        yield Choice(f"{head}.kernel", f"{head}.kernel", self.kernels, number)
        yield Choice(f"{head}.squeeze", f"{head}.squeeze", (False, True), number)
        yield Choice(f"{head}.block", f"{head}.block", self.blocks, number)
        if INVERTED in self.blocks:
            yield Choice(
                f"{head}.expansion", f"{head}.expansion", self.expansions, number, inverted
            )

    def decode(self, answers: Answers) -> StagesArchitecture:
        """The network that the answers mean."""
        self.check(answers)
        values = {d.name: d.choices[a] for d, a in zip(self.decisions, answers, strict=True)}
        width = values["width"]
        stages = []
        for number in range(1, self.stages + 1):
            head = f"stage{number}"
            if number > 1:
                width = _grown(width, values[f"{head}.growth"])
            block = values[f"{head}.block"]
            expansion = values[f"{head}.expansion"] if block == INVERTED else 1
            stages.append(
                Stage(
                    block,
                    values[f"{head}.depth"],
                    width,
                    values[f"{head}.kernel"],
                    expansion,
                    values[f"{head}.squeeze"],
                )
            )
        return StagesArchitecture(
            values["stem"], values["width"], tuple(stages), values["rate"], self.dimensions
        )

    def encode(self, architecture: StagesArchitecture) -> Answers:
        """The canonical answers that mean the architecture; of equal growths the first.

        Raises:
            AnswersError: It is not in the space.
        """
        if len(architecture.stages) != self.stages or architecture.dimensions != self.dimensions:
            raise AnswersError(
                f"stages: expected {self.stages} stages of {self.dimensions} dimensions, got"
                f" {architecture}"
            )
        values: dict[str, Any] = {
            "rate": architecture.rate,
            "stem": architecture.stem,
            "width": architecture.width,
        }
        width = architecture.width
        for number, stage in enumerate(architecture.stages, start=1):
            head = f"stage{number}"
            if number > 1:
                values[f"{head}.growth"] = self._growth(number, width, stage.width)
            elif stage.width != width:
                raise AnswersError(
                    f"stages: the first stage has the stem's width {width}, got {stage.width}"
                )
            width = stage.width
            for key in ("depth", "kernel", "squeeze", "block", "expansion"):
                values[f"{head}.{key}"] = getattr(stage, key)
            if stage.block == RESIDUAL and stage.expansion != 1:
                raise AnswersError(
                    f"stages: the expansion of residual blocks is 1, got {stage.expansion}"
                )
        return tuple(self._answer(decision, values) for decision in self.decisions)

    def _growth(self, number: int, before: int, width: int) -> float:
        """The first growth that leads from one width to the next."""
        for growth in self.growths:
            if _grown(before, growth) == width:
                return growth
        widths = sorted({_grown(before, growth) for growth in self.growths})
        raise AnswersError(
            f"stages: after a width of {before}, the width of stage {number} is one of {widths},"
            f" got {width}"
        )

    def _answer(self, decision: Choice, values: Mapping[str, Any]) -> int:
        if any(values[when.decision] not in when.values for when in decision.when):
            return 0
        value = values[decision.name]
        if value not in decision.choices:
            raise AnswersError(
                f"stages: {decision.name} is one of {list(decision.choices)}, got {value}"
            )
        return decision.choices.index(value)


def squeezed_units(channels: int) -> int:
    """The inner units of a squeeze-and-excitation: 8 channels for each (16 in the paper)."""
    return max(4, channels // 8)


def _grown(width: int, growth: float) -> int:
    """A stage's width: the one before times the growth, as a multiple of 8 from 8 on."""
    grown = width * growth
    return max(1, round(grown)) if grown < MULTIPLE else MULTIPLE * round(grown / MULTIPLE)
