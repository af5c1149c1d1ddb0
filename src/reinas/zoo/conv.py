"""The 15-layer network of figure 7 (Zoph & Le 2016), and its dense and chain variants."""

from dataclasses import dataclass, replace

from reinas.errors import SettingError, nearest
from reinas.spaces.base import AbstractSpace
from reinas.spaces.conv import ConvSpace
from reinas.spaces.layers import ConvArchitecture, ConvLayer
from reinas.types import Answers

SPACE = ConvSpace(depth=15)

# read off figure 7: height x width x filters <- inputs, 0 is the image
FIGURE_7 = """
 3x3x36<-0
 3x3x48<-1
 3x3x36<-1,2
 5x5x36<-1,2,3
 3x7x48<-3,4
 7x7x48<-2,3,4,5
 7x7x48<-2,3,4,5,6
 7x3x36<-1,6,7
 7x1x36<-1,5,6,8
 7x7x36<-1,3,4,5,6,7,8,9
 5x7x36<-1,2,5,6,7,8,9,10
 7x7x48<-1,2,3,4,6,11
 7x5x48<-1,3,6,7,8,9,10,11,12
 7x5x48<-3,7,12,13
 7x5x48<-2,7,11,12,13,14
"""


@dataclass(frozen=True, slots=True)
class Published:
    """An architecture from a paper: its answers in a space, and what was reported of it.

    `error` is the reported test error on CIFAR-10 in per cent, `reported` the parameters where
    the paper gives them, `source` where it stands.
    """

    name: str
    space: AbstractSpace[ConvArchitecture]
    answers: Answers
    error: float
    reported: str | None
    source: str

    @property
    def architecture(self) -> ConvArchitecture:
        """What the answers mean."""
        return self.space.decode(self.answers)


def _parsed(text: str) -> ConvArchitecture:
    layers = []
    for line in text.split():
        size, _, inputs = line.partition("<-")
        height, width, filters = map(int, size.split("x"))
        layers.append(ConvLayer(height, width, filters, tuple(map(int, inputs.split(",")))))
    return ConvArchitecture(tuple(layers))


def _linked(architecture: ConvArchitecture, *, everything: bool) -> ConvArchitecture:
    """The same layers, each fed by all layers before it, or by the last one only."""
    layers = []
    for number, layer in enumerate(architecture.layers):
        first = 1 if everything else max(number, 1)
        layers.append(replace(layer, inputs=tuple(range(first, number + 1)) or (0,)))
    return ConvArchitecture(tuple(layers))


def _entry(name: str, network: ConvArchitecture, error: float, **more: str) -> Published:
    return Published(
        name, SPACE, SPACE.encode(network), error, more.get("reported"), more["source"]
    )


_found = _parsed(FIGURE_7)
ZOO = {
    entry.name: entry
    for entry in (
        _entry("zoph-le-15", _found, 5.50, reported="4.2M", source="figure 7"),
        _entry(
            "zoph-le-15-dense",
            _linked(_found, everything=True),
            5.56,
            source="4.1, all links",
        ),
        _entry(
            "zoph-le-15-chain",
            _linked(_found, everything=False),
            7.97,
            source="4.1, no links",
        ),
    )
}
"""Every published architecture by its name."""


def published(name: str) -> Published:
    """The published architecture of that name; `SettingError` if there is none."""
    if name not in ZOO:
        raise SettingError(f"the zoo has no '{name}': {nearest(name, ZOO)} (see `reinas zoo`)")
    return ZOO[name]
