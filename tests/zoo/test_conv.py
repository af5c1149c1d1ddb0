"""The published networks, against figure 7 counted by hand and formulas of their variants."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from reinas import ConvSpace, build, published
from reinas.children import parameters
from reinas.errors import SettingError
from reinas.spaces.conv_architecture import shapes
from reinas.zoo.conv import NETWORKS

CIFAR = SimpleNamespace(name="cifar10", inputs=(3, 32, 32), outputs=10)
NAMES = ("zoph-le-15", "zoph-le-15-dense", "zoph-le-15-chain")

# figure 7: filters as height, width, number, and the number of inputs of each layer
SIZES = [
    (3, 3, 36),
    (3, 3, 48),
    (3, 3, 36),
    (5, 5, 36),
    (3, 7, 48),
    (7, 7, 48),
    (7, 7, 48),
    (7, 3, 36),
    (7, 1, 36),
    (7, 7, 36),
    (5, 7, 36),
    (7, 7, 48),
    (7, 5, 48),
    (7, 5, 48),
    (7, 5, 48),
]
INPUTS = [1, 1, 2, 3, 2, 4, 5, 3, 4, 8, 8, 6, 9, 4, 6]


def layer_inputs(network):
    return [n for layer in network.layers for n in layer.inputs]


def counted(network):
    """The parameters, by the formula: kernels, two a filter, the linear layer from layer 15."""
    total = 0
    for (height, width, filters), layer in zip(SIZES, network.layers, strict=True):
        channels = sum(3 if n == 0 else SIZES[n - 1][2] for n in layer.inputs)
        total += height * width * channels * filters + 2 * filters
    return total + SIZES[-1][2] * 10 + 10


def test_the_zoo_has_the_three_of_section_4_1():
    """By name, with the errors that the paper reports: 5.50, 5.56 and 7.97 per cent."""
    assert tuple(entry.name for entry in NETWORKS) == NAMES
    assert [published(name).result for name in NAMES] == [
        "5.50 % error",
        "5.56 % error",
        "7.97 % error",
    ]
    assert all(published(name).name == name for name in NAMES)


def test_figure_7_has_66_layer_inputs_and_the_classifiers_one():
    """Counted off the figure layer by layer; only layer 15 feeds nothing else."""
    network = published("zoph-le-15").architecture
    assert [len(layer.inputs) for layer in network.layers] == INPUTS
    assert len(layer_inputs(network)) == sum(INPUTS) == 66
    assert network.outputs == (15,)


def test_figure_7_has_the_papers_parameters():
    """4,201,630: counted by the formula and by the module, 4.2M as in table 1."""
    entry = published("zoph-le-15")
    with torch.device("meta"):
        child = build(entry.architecture, CIFAR)
    assert parameters(child) == counted(entry.architecture) == 4_201_630
    assert f"{4_201_630 / 1e6:.1f}M" == entry.parameters == "4.2M"


def test_the_dense_variant_has_all_links():
    """One input for the image, then 0 + 1 + ... + 14 from layers."""
    network = published("zoph-le-15-dense").architecture
    assert len(layer_inputs(network)) == 1 + sum(range(15))
    assert [layer.inputs for layer in network.layers] == [
        (0,),
        *(tuple(range(1, n)) for n in range(2, 16)),
    ]


def test_the_chain_has_no_skips():
    """15 inputs: each layer's is the one before it."""
    network = published("zoph-le-15-chain").architecture
    assert [layer.inputs for layer in network.layers] == [(n,) for n in range(15)]
    assert len(layer_inputs(network)) == 15


@pytest.mark.parametrize("name", NAMES)
def test_the_layers_are_figure_7s(name):
    """Heights, widths and filters of all three; no strides."""
    network = published(name).architecture
    assert [(n.height, n.width, n.filters) for n in network.layers] == SIZES
    assert {(n.stride_height, n.stride_width) for n in network.layers} == {(1, 1)}
    assert {(s.height, s.width) for s in shapes(network, (3, 32, 32))} == {(32, 32)}


@pytest.mark.parametrize("name", NAMES)
def test_their_answers_are_answers_of_the_papers_space(name):
    """In `ConvSpace(depth=15)`: canonical, and the same after decoding and encoding."""
    entry, space = published(name), ConvSpace(depth=15)
    assert entry.space == space
    space.check(entry.answers)
    assert space.decode(entry.answers) == entry.architecture
    assert space.encode(space.decode(entry.answers)) == entry.answers


@pytest.mark.parametrize("name", NAMES)
def test_they_build_run_and_propagate_back(name):
    """Two images of CIFAR-10's size; every gradient is finite."""
    torch.manual_seed(0)
    child = build(published(name).architecture, CIFAR)
    assert parameters(child) == counted(published(name).architecture)
    out = child(torch.randn(2, 3, 32, 32))
    assert out.shape == (2, 10)
    nn.functional.cross_entropy(out, torch.tensor([0, 1])).backward()
    assert all(bool(p.grad.isfinite().all()) for p in child.parameters())


def test_an_unknown_name_is_refused():
    """The message has the name and the nearest that there is."""
    with pytest.raises(SettingError, match=r"no 'zoph-le-51'.*zoph-le-15"):
        published("zoph-le-51")
