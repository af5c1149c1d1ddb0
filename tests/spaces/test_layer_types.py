"""Decided layer types and learning rates: sizes by brute force, round trips, shapes, messages."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas import ConvSpace
from reinas.errors import AnswersError, SettingError
from reinas.spaces.conv import TYPES
from reinas.spaces.conv_architecture import (
    ContrastLayer,
    ConvArchitecture,
    ConvLayer,
    NormLayer,
    PoolLayer,
    shapes,
)
from reinas.spaces.counting import active
from reinas.testing import SpaceContract

SMALL = {
    "heights": (1, 3),
    "widths": (3,),
    "filters": (2, 5),
    "pool_sizes": (2, 3),
    "pool_strides": (1, 2),
    "windows": (3, 5, 7),
}


class TestTypes(SpaceContract):
    """All five types at the default options."""

    def make(self):
        return ConvSpace(layer_types=True)


class TestTypesListed(SpaceContract):
    """Small enough to be listed: two layers."""

    def make(self):
        return ConvSpace(depth=2, layer_types=True, **SMALL)


class TestRates(SpaceContract):
    """The learning rate is the first decision."""

    def make(self):
        return ConvSpace(depth=4, learning_rates=(0.1, 0.01, 1.0))


class TestRatesListed(SpaceContract):
    """Small enough to be listed, with a learning rate."""

    def make(self):
        return ConvSpace(
            depth=2, heights=(1, 3), widths=(3,), filters=(2, 5), learning_rates=(0.5, 0.1)
        )


class TestStridesOfThree(SpaceContract):
    """Strides of 1, 2 and 3, decided for both sides."""

    def make(self):
        return ConvSpace(depth=5, strides=(1, 2, 3))


class TestTypesAndStrides(SpaceContract):
    """Strides belong to the convolutions among the types."""

    def make(self):
        return ConvSpace(depth=5, layer_types=True, strides=(1, 2, 3))


class TestEverything(SpaceContract):
    """Types, strides, learning rates and more filters at once."""

    def make(self):
        return ConvSpace(
            depth=5,
            layer_types=True,
            strides=(1, 2),
            learning_rates=(0.1, 0.01),
            more_filters=4,
            pools=(2,),
        )


def layers_of(space, earlier):
    """Every layer that may stand after `earlier` others, by loops over what it may be."""
    found = set()
    strides = list(product(space.strides, space.strides))
    if len(space.strides) == 1:
        strides = [(space.strides[0],) * 2]
    for bits in product((False, True), repeat=earlier):
        inputs = tuple(n for n, bit in enumerate(bits, start=1) if bit) or (0,)
        for height, width, filters in product(space.heights, space.widths, space.filters):
            for down, across in strides:
                found.add(ConvLayer(height, width, filters, inputs, down, across))
        for pool, size, stride in product(("max", "average"), space.pool_sizes, space.pool_strides):
            found.add(PoolLayer(pool, size, stride, inputs))
        for window in space.windows:
            found.add(ContrastLayer(window, inputs))
        found.add(NormLayer(inputs))
    return found


@pytest.mark.parametrize("strides", [(1,), (1, 2, 3)])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_space_is_what_loops_over_all_layers_give(depth, strides):
    """Depth 1 and 2: as many as brute force, the very same networks, each once."""
    space = ConvSpace(depth=depth, layer_types=True, strides=strides, **SMALL)
    wanted = {
        ConvArchitecture(layers)
        for layers in product(*(layers_of(space, earlier) for earlier in range(depth)))
    }
    assert space.size == len(wanted)
    assert {space.decode(answers) for answers in space.enumerate()} == wanted


def test_the_size_at_the_default_options_is_the_formula():
    """64 convolutions, 4 max, 4 average, 3 contrast, 1 norm: 76 a layer, times the links."""
    assert ConvSpace(depth=1, layer_types=True).size == 76
    assert ConvSpace(depth=6, layer_types=True).size == 76**6 * 2**15
    strided = ConvSpace(depth=3, layer_types=True, strides=(1, 2, 3))
    assert strided.size == (64 * 9 + 12) ** 3 * 2**3
    assert ConvSpace(depth=3, learning_rates=(1.0, 0.1, 0.01)).size == 3 * 64**3 * 2**3


ASKED = {
    0: {"filter_height", "filter_width", "stride_height", "stride_width", "filters"},
    1: {"pool_size", "pool_stride"},
    2: {"pool_size", "pool_stride"},
    3: {"window"},
    4: set(),
}


@pytest.mark.parametrize("kind", ASKED)
def test_what_belongs_to_a_layer_of_a_type_is_active_and_nothing_else(kind):
    """A convolution its filters and strides, a pooling its size and stride, and so on."""
    space = ConvSpace(depth=2, layer_types=True, strides=(1, 2))
    known = {"layer1.type": "conv", "layer2.type": TYPES[kind]}
    of_layer = [d for d in space.decisions if d.name.startswith("layer2.")]
    found = {d.name.removeprefix("layer2.") for d in of_layer if active(d, known)}
    assert found == ASKED[kind] | {"type", "from1"}


@pytest.mark.parametrize("over", ["architectures", "decisions"])
def test_answers_to_inactive_decisions_are_0(over):
    """In every sample, whatever the type of each layer."""
    space = ConvSpace(depth=3, layer_types=True, strides=(1, 2))
    kinds = set()
    for answers in space.sample(200, 1, over=over):
        said = dict(zip((d.name for d in space.decisions), answers, strict=True))
        for layer in (1, 2, 3):
            kind = said[f"layer{layer}.type"]
            kinds.add(kind)
            for name in set().union(*ASKED.values()) - ASKED[kind]:
                assert said[f"layer{layer}.{name}"] == 0
    assert len(kinds) == 5 or over == "architectures"


def test_an_answer_to_an_inactive_decision_is_refused():
    """A max pooling with filters: the message names the decision."""
    space = ConvSpace(depth=1, layer_types=True)
    names = [d.name for d in space.decisions]
    answers = [0] * len(names)
    answers[names.index("layer1.type")] = 1
    space.check(tuple(answers))
    answers[names.index("layer1.filters")] = 2
    with pytest.raises(AnswersError, match=r"layer1\.filters is inactive"):
        space.check(tuple(answers))


LAYERS = {
    "conv": ConvLayer(3, 1, 48, (0,)),
    "conv with strides": ConvLayer(7, 5, 64, (0,), 3, 2),
    "max": PoolLayer("max", 3, 2, (0,)),
    "average": PoolLayer("average", 2, 1, (0,)),
    "contrast": ContrastLayer(5, (0,)),
    "norm": NormLayer((0,)),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_every_type_encodes_and_decodes_back(layer):
    """As the only layer of a network, at every learning rate."""
    space = ConvSpace(depth=3, layer_types=True, strides=(1, 2, 3), learning_rates=(0.1, 0.001))
    for rate in (0.1, 0.001):
        network = ConvArchitecture((layer,), learning_rate=rate)
        answers = space.encode(network)
        space.check(answers)
        assert len(answers) == space.lengths[0]
        assert space.decode(answers) == network


@st.composite
def layers(draw, number):
    """Any layer of any type, made without answers."""
    earlier = list(range(1, number))
    inputs = tuple(sorted(draw(st.sets(st.sampled_from(earlier))))) if earlier else ()
    inputs = inputs or (0,)
    stride = st.sampled_from((1, 2, 3))
    return draw(
        st.one_of(
            st.builds(
                ConvLayer,
                st.sampled_from((1, 3, 5, 7)),
                st.sampled_from((1, 3, 5, 7)),
                st.sampled_from((24, 36, 48, 64)),
                st.just(inputs),
                stride,
                stride,
            ),
            st.builds(
                PoolLayer,
                st.sampled_from(("max", "average")),
                st.sampled_from((2, 3)),
                st.sampled_from((1, 2)),
                st.just(inputs),
            ),
            st.builds(ContrastLayer, st.sampled_from((3, 5, 7)), st.just(inputs)),
            st.builds(NormLayer, st.just(inputs)),
        )
    )


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_random_networks_encode_and_decode_back(data):
    """For all networks of one to five layers of all types: the same network again."""
    space = ConvSpace(depth=5, layer_types=True, strides=(1, 2, 3))
    depth = data.draw(st.integers(1, 5))
    network = ConvArchitecture(tuple(data.draw(layers(n)) for n in range(1, depth + 1)))
    answers = space.encode(network)
    space.check(answers)
    assert space.decode(answers) == network


def test_shapes_worked_by_hand():
    """Strides round up, contrast and norm keep the size, pools keep the channels."""
    network = ConvArchitecture(
        (
            PoolLayer("max", 3, 2, (0,)),  # 3 x 3 x 4
            NormLayer((0,)),  # 3 x 5 x 7, 6 parameters
            ConvLayer(1, 3, 4, (1, 2), 2, 3),  # 6 in; 4 x 3 x 3
            ContrastLayer(5, (1, 3)),  # 7 x 3 x 4
            PoolLayer("average", 2, 3, (2, 4)),  # 10 x 2 x 3
        )
    )
    found = [
        (s.channels_in, s.channels, s.height, s.width, s.parameters)
        for s in shapes(network, (3, 5, 7))
    ]
    assert found == [
        (3, 3, 3, 4, 0),
        (3, 3, 5, 7, 6),
        (6, 4, 3, 3, 3 * 6 * 4 + 8),
        (7, 7, 3, 4, 0),
        (10, 10, 2, 3, 0),
    ]


def test_networks_read_as_they_are_written():
    """Type, size, stride, inputs; the learning rate before it all."""
    network = ConvArchitecture(
        (
            PoolLayer("max", 3, 2, (0,)),
            PoolLayer("average", 2, 1, (1,)),
            ContrastLayer(5, (1, 2)),
            NormLayer((3,)),
        ),
        learning_rate=0.01,
    )
    assert str(network) == "rate 0.01: max 3/2<-0 | average 2<-1 | contrast 5<-1,2 | norm<-3"


def test_the_learning_rate_is_decided_before_all_layers():
    """So that a shallower network is a prefix: 1, then whole layers."""
    space = ConvSpace(depth=3, learning_rates=(0.1, 0.01))
    assert space.decisions[0].kind == "learning_rate"
    assert space.lengths == (1 + 3, 1 + 3 + 4, 1 + 3 + 4 + 5)
    for length in space.lengths:
        answers = (1, *(0,) * (length - 1))
        assert space.decode(answers).learning_rate == 0.01


OUTSIDE = {
    "a pool where types are fixed": (
        ConvSpace(),
        ConvArchitecture((PoolLayer("max", 2, 1, (0,)),)),
        "layer 1 is not a convolution",
    ),
    "a size that is no option": (
        ConvSpace(layer_types=True),
        ConvArchitecture((PoolLayer("max", 4, 1, (0,)),)),
        r"pool_size 4 is not among \[2, 3\]",
    ),
    "a window that is no option": (
        ConvSpace(layer_types=True),
        ConvArchitecture((ContrastLayer(9, (0,)),)),
        r"window 9 is not among \[3, 5, 7\]",
    ),
    "a pooling that is neither": (
        ConvSpace(layer_types=True),
        ConvArchitecture((PoolLayer("min", 2, 1, (0,)),)),
        "min",
    ),
    "a pooling that is called a convolution": (
        ConvSpace(layer_types=True),
        ConvArchitecture((PoolLayer("conv", 2, 1, (0,)),)),
        "conv",
    ),
    "a rate where it is not decided": (
        ConvSpace(),
        ConvArchitecture((ConvLayer(1, 1, 24, (0,)),), learning_rate=0.1),
        "does not decide the learning rate",
    ),
    "no rate where it is decided": (
        ConvSpace(learning_rates=(0.1,)),
        ConvArchitecture((ConvLayer(1, 1, 24, (0,)),)),
        "learning_rate",
    ),
    "a pooling's later inputs": (
        ConvSpace(layer_types=True),
        ConvArchitecture((NormLayer((1,)),)),
        "layer 1's inputs",
    ),
}


@pytest.mark.parametrize(("space", "network", "message"), OUTSIDE.values(), ids=OUTSIDE)
def test_networks_outside_of_the_space_have_no_answers(space, network, message):
    """`AnswersError`, whose message says what is wrong."""
    with pytest.raises(AnswersError, match=message):
        space.encode(network)


def test_a_wrong_number_of_filters_is_named_as_it_is():
    """With more_filters=40 a layer of 25 filters is refused as 25, not as -15."""
    network = ConvArchitecture((ConvLayer(1, 1, 25, (0,)),))
    with pytest.raises(AnswersError, match=r"filters 25 "):
        ConvSpace(more_filters=40).encode(network)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"windows": (2,)}, "windows must be odd"),
        ({"pool_sizes": ()}, "pool_sizes needs one or more"),
        ({"pool_strides": (0,)}, "pool_strides must be at least 1"),
        ({"learning_rates": (0.1, 0.1)}, "learning_rates must be different"),
        ({"learning_rates": (0.0,)}, "learning_rates must be .* above 0"),
        ({"learning_rates": (-0.1,)}, "learning_rates must be .* above 0"),
        ({"learning_rates": (float("nan"),)}, "learning_rates must be"),
        ({"learning_rates": (float("inf"),)}, "learning_rates must be"),
    ],
)
def test_options_that_make_no_space_are_refused(more, message):
    """The message has the parameter and what it has to be."""
    with pytest.raises(SettingError, match=f"conv: {message}"):
        ConvSpace(layer_types=True, **more)
