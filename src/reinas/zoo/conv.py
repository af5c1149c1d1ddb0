"""The 15-layer network of figure 7 (Zoph & Le 2016), and its dense and chain variants."""

from dataclasses import replace

from reinas.spaces.conv import ConvSpace
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer
from reinas.zoo.published import Published

SPACE = ConvSpace(depth=15)

# read off figure 7: height x width x filters <- input layers; 0 is the image
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


def _parsed(text: str) -> ConvArchitecture:
    layers = []
    for line in text.split():
        size, _, inputs = line.partition("<-")
        height, width, filters = map(int, size.split("x"))
        layers.append(ConvLayer(height, width, filters, tuple(map(int, inputs.split(",")))))
    return ConvArchitecture(tuple(layers))


def _linked(architecture: ConvArchitecture, *, everything: bool) -> ConvArchitecture:
    """The same layers, each fed by all earlier layers or by the previous one only."""
    layers = []
    for number, layer in enumerate(architecture.layers):
        first = 1 if everything else max(number, 1)
        layers.append(replace(layer, inputs=tuple(range(first, number + 1)) or (0,)))
    return ConvArchitecture(tuple(layers))


_found = _parsed(FIGURE_7)
NETWORKS = tuple(
    Published(name, SPACE, SPACE.encode(network), f"{error} % error", source, parameters)
    for name, network, error, source, parameters in (
        ("zoph-le-15", _found, "5.50", "figure 7", "4.2M"),
        ("zoph-le-15-dense", _linked(_found, everything=True), "5.56", "section 4.1", None),
        ("zoph-le-15-chain", _linked(_found, everything=False), "7.97", "section 4.1", None),
    )
)
