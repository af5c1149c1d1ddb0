"""Convolutional networks: sizes by formula, decoding by hand, repairs, messages."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas import ConvSpace
from reinas.errors import AnswersError, SettingError
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer, shapes
from reinas.testing import SpaceContract
from reinas.types import Link

# Zoph & Le 2016, figure 7: the 15-layer network.
FIGURE_7 = """1: 3x3x36<-0 | 2: 3x3x48<-1 | 3: 3x3x36<-1,2 | 4: 5x5x36<-1,2,3 | 5: 3x7x48<-3,4
 | 6: 7x7x48<-2,3,4,5 | 7: 7x7x48<-2,3,4,5,6 | 8: 7x3x36<-1,6,7 | 9: 7x1x36<-1,5,6,8
 | 10: 7x7x36<-1,3,4,5,6,7,8,9 | 11: 5x7x36<-1,2,5,6,7,8,9,10 | 12: 7x7x48<-1,2,3,4,6,11
 | 13: 7x5x48<-1,3,6,7,8,9,10,11,12 | 14: 7x5x48<-3,7,12,13 | 15: 7x5x48<-2,7,11,12,13,14"""


def figure_7():
    """The network read off the figure."""
    layers = []
    for entry in FIGURE_7.split("|"):
        size, _, inputs = entry.partition(":")[2].strip().partition("<-")
        height, width, filters = map(int, size.split("x"))
        layers.append(ConvLayer(height, width, filters, tuple(map(int, inputs.split(",")))))
    return ConvArchitecture(tuple(layers))


class TestPaper(SpaceContract):
    """The paper's options at a depth of six, strides fixed."""

    def make(self):
        return ConvSpace()


class TestStrides(SpaceContract):
    """Strides decided, at the paper's largest depth."""

    def make(self):
        return ConvSpace(depth=20, strides=(1, 2, 3))


class TestOneLayer(SpaceContract):
    """A depth of one has no links."""

    def make(self):
        return ConvSpace(depth=1)


class TestSmall(SpaceContract):
    """Small enough to be listed; options out of order; one fixed stride of two."""

    def make(self):
        return ConvSpace(depth=3, heights=(3, 1), widths=(1,), filters=(9, 8), strides=(2,))


spaces = st.builds(
    ConvSpace,
    depth=st.integers(1, 7),
    heights=st.sampled_from([(1, 3, 5, 7), (7, 3), (5,)]),
    widths=st.sampled_from([(1, 3, 5, 7), (1,)]),
    filters=st.sampled_from([(24, 36, 48, 64), (6, 12)]),
    strides=st.sampled_from([(1,), (2,), (1, 2, 3), (2, 1)]),
)


@st.composite
def architectures(draw, space):
    """A network of the space, built layer by layer without any answers."""
    layers = []
    for number in range(1, draw(st.integers(1, space.depth)) + 1):
        earlier = range(1, number)
        inputs = draw(st.sets(st.sampled_from(earlier))) if number > 1 else set()
        layers.append(
            ConvLayer(
                draw(st.sampled_from(space.heights)),
                draw(st.sampled_from(space.widths)),
                draw(st.sampled_from(space.filters)),
                tuple(sorted(inputs)) or (0,),
                draw(st.sampled_from(space.strides)),
                draw(st.sampled_from(space.strides)),
            )
        )
    return ConvArchitecture(tuple(layers))


def by_hand(space, answers):
    """Decode by popping answers off the front, in the paper's order."""
    rest = list(answers)
    layers = []
    while rest:
        height, width = space.heights[rest.pop(0)], space.widths[rest.pop(0)]
        strides = (space.strides[0],) * 2
        if len(space.strides) > 1:
            strides = space.strides[rest.pop(0)], space.strides[rest.pop(0)]
        filters = space.filters[rest.pop(0)]
        inputs = tuple(n for n in range(1, len(layers) + 1) if rest.pop(0))
        layers.append(ConvLayer(height, width, filters, inputs or (0,), *strides))
    return ConvArchitecture(tuple(layers))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_random_answers_decode_and_encode_back(data):
    """For all spaces, depths and answers: as decoded by hand, and the same answers again."""
    space = data.draw(spaces)
    decisions = space.decisions[: data.draw(st.sampled_from(space.lengths))]
    answers = data.draw(st.tuples(*(st.integers(0, d.num_options - 1) for d in decisions)))
    assert space.decode(answers) == by_hand(space, answers)
    assert space.encode(space.decode(answers)) == answers


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_random_architectures_encode_and_decode_back(data):
    """For all spaces and networks in them: the same network again."""
    space = data.draw(spaces)
    architecture = data.draw(architectures(space))
    answers = space.encode(architecture)
    space.check(answers)
    assert space.decode(answers) == architecture


@pytest.mark.parametrize("depth", [1, 2, 6, 15, 20])
@pytest.mark.parametrize(("strides", "factor"), [((1,), 1), ((2,), 1), ((1, 2, 3), 9)])
def test_the_size_is_the_closed_formula(depth, strides, factor):
    """(4 * 4 * 4)^d * 2^(d(d-1)/2); with strides another 9^d."""
    wanted = 64**depth * 2 ** (depth * (depth - 1) // 2) * factor**depth
    assert ConvSpace(depth=depth, strides=strides).size == wanted


@pytest.mark.parametrize("depth", [1, 2, 6, 20])
def test_lengths_are_whole_layers(depth):
    """Layer n has its choices and n - 1 links: three choices, or five with strides."""
    for strides, choices in (((1,), 3), ((1, 2, 3), 5)):
        lengths = ConvSpace(depth=depth, strides=strides).lengths
        assert lengths[0] == choices
        assert [b - a for a, b in pairwise(lengths)] == [
            choices + n - 1 for n in range(2, depth + 1)
        ]
        assert len(lengths) == depth


def test_a_layer_is_five_decisions_and_its_links():
    """Filter height, filter width, stride height, stride width, filters, then the anchor."""
    decisions = ConvSpace(depth=3, strides=(1, 2, 3)).decisions[11:]
    assert [getattr(d, "kind", None) or (d.source, d.target) for d in decisions] == [
        "filter_height",
        "filter_width",
        "stride_height",
        "stride_width",
        "filters",
        (1, 3),
        (2, 3),
    ]


def test_every_earlier_layer_has_its_own_link():
    """One bit for each pair (j, i) with j < i, not one a layer; the image is no candidate."""
    links = [d for d in ConvSpace(depth=6).decisions if isinstance(d, Link)]
    assert [(d.source, d.target) for d in links] == sorted(
        combinations(range(1, 7), 2), key=lambda pair: pair[::-1]
    )


def test_the_defaults_are_the_papers():
    """Heights and widths 1, 3, 5, 7; filters 24, 36, 48, 64; strides fixed to 1; six layers."""
    settings = dict(ConvSpace().settings)
    assert settings.items() >= {
        ("name", "conv"),
        ("depth", 6),
        ("heights", (1, 3, 5, 7)),
        ("widths", (1, 3, 5, 7)),
        ("filters", (24, 36, 48, 64)),
        ("strides", (1,)),
        ("layer_types", False),
        ("learning_rates", ()),
        ("block", 1),
        ("more_filters", 0),
    }


def test_a_network_worked_by_hand():
    """Three layers; the second has no input; the first and the second feed the third."""
    answers = (1, 2, 3, *(3, 0, 0), 0, *(0, 1, 2), 1, 1)
    architecture = ConvSpace(depth=5).decode(answers)
    assert str(architecture) == "3x5x64<-0 | 7x1x24<-0 | 1x3x48<-1,2"
    assert architecture.outputs == (3,)


def test_a_layer_without_inputs_takes_the_image():
    """Repair 1 of section 3.3: with no link at all, every layer sees the image."""
    space = ConvSpace(depth=4)
    architecture = space.decode((0,) * len(space.decisions))
    assert [layer.inputs for layer in architecture.layers] == [(0,)] * 4


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([(0,), (0,), (0,)], (1, 2, 3)),
        ([(0,), (1,), (2,)], (3,)),
        ([(0,), (1,), (1,)], (2, 3)),
        ([(0,), (0,), (1,)], (2, 3)),
        ([(0,), (1,), (1, 2)], (3,)),
        ([(0,)], (1,)),
    ],
)
def test_what_feeds_nothing_feeds_the_classifier(inputs, outputs):
    """Repair 2 of section 3.3: all layers whose output no layer takes; the last always."""
    architecture = ConvArchitecture(tuple(ConvLayer(1, 1, 8, i) for i in inputs))
    assert architecture.outputs == outputs


def test_figure_7_is_in_the_space_and_has_the_papers_parameters():
    """15 layers, no strides: 4.2 million parameters, classifier from layer 15 alone."""
    space, architecture = ConvSpace(depth=15), figure_7()
    assert space.decode(space.encode(architecture)) == architecture
    assert architecture.outputs == (15,)
    sizes = shapes(architecture, (3, 32, 32))
    parameters = sum(s.parameters for s in sizes) + 48 * 10 + 10
    assert round(parameters / 1e6, 1) == 4.2
    assert {(s.height, s.width) for s in sizes} == {(32, 32)}


def test_shapes_worked_by_hand():
    """Strides divide and round up; inputs are concatenated; the larger size wins."""
    architecture = ConvArchitecture(
        (
            ConvLayer(3, 5, 8, (0,), 2, 3),
            ConvLayer(1, 1, 4, (0,)),
            ConvLayer(7, 3, 6, (1, 2), 3, 1),
            ConvLayer(1, 3, 5, (1, 3)),
        )
    )
    sizes = shapes(architecture, (3, 9, 7))
    assert [(s.height, s.width) for s in sizes] == [(5, 3), (9, 7), (3, 7), (5, 7)]
    assert [s.channels_in for s in sizes] == [3, 3, 12, 14]
    assert [s.channels for s in sizes] == [8, 4, 6, 5]
    weights = [3 * 5 * 3 * 8, 3 * 4, 7 * 3 * 12 * 6, 3 * 14 * 5]
    norms = [2 * 8, 2 * 4, 2 * 6, 2 * 5]
    assert [s.parameters for s in sizes] == [a + b for a, b in zip(weights, norms, strict=True)]


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"depth": 0}, "depth must be at least 1, got 0"),
        ({"heights": ()}, "heights needs one or more different values"),
        ({"filters": (8, 8)}, r"filters needs one or more different values, got \[8, 8\]"),
        ({"filters": (0, 8)}, r"filters must be at least 1, got \[0, 8\]"),
        ({"strides": (0,)}, r"strides must be at least 1, got \[0\]"),
        ({"widths": (1, 2)}, r"widths must be odd.* got \[1, 2\]"),
    ],
)
def test_parameters_that_make_no_space_are_refused(settings_, message):
    """The message has the parameter, what it has to be, and what came."""
    with pytest.raises(SettingError, match=f"conv: {message}"):
        ConvSpace(**settings_)


OUTSIDE = {
    "too deep": ([(1, 1, 24, (0,))] * 4, "expected 1 to 3 layers, got 4"),
    "no layer": ([], "expected 1 to 3 layers, got 0"),
    "a height": ([(2, 1, 24, (0,))], r"layer 1's filter_height 2 is not among \[1, 3, 5, 7\]"),
    "a number of filters": (
        [(1, 1, 24, (0,)), (1, 1, 25, (0,))],
        r"layer 2's filters 25 is not among \[24, 36, 48, 64\]",
    ),
    "a stride": ([(1, 1, 24, (0,), 1, 2)], "layer 1's strides must be 1"),
    "the image and a layer": ([(1, 1, 24, (0,)), (1, 1, 24, (0, 1))], "layer 2's inputs"),
    "itself": ([(1, 1, 24, (0,)), (1, 1, 24, (2,))], "layer 2's inputs"),
    "no inputs": ([(1, 1, 24, ())], "layer 1's inputs"),
    "out of order": (
        [(1, 1, 24, (0,)), (1, 1, 24, (0,)), (1, 1, 24, (2, 1))],
        r"layer 3's inputs must be .* ascending order, got \(2, 1\)",
    ),
    "twice": ([(1, 1, 24, (0,)), (1, 1, 24, (1, 1))], "layer 2's inputs"),
}


@pytest.mark.parametrize(("layers", "message"), OUTSIDE.values(), ids=OUTSIDE.keys())
def test_networks_outside_of_the_space_have_no_answers(layers, message):
    """The message names the layer and what is wrong with it."""
    architecture = ConvArchitecture(tuple(ConvLayer(*layer) for layer in layers))
    with pytest.raises(AnswersError, match=f"conv: {message}"):
        ConvSpace(depth=3).encode(architecture)


def test_strides_that_are_decided_must_be_among_them():
    """A stride of 4 is not in {1, 2, 3}."""
    architecture = ConvArchitecture((ConvLayer(1, 1, 24, (0,), 1, 4),))
    with pytest.raises(AnswersError, match="stride_width 4 is not among"):
        ConvSpace(strides=(1, 2, 3)).encode(architecture)
