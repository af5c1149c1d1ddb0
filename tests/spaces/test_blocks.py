"""Blocks of densely linked layers with fixed pools: the third variant of table 1."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas import ConvSpace, conv_blocks
from reinas.errors import AnswersError, SettingError
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer, shapes
from reinas.testing import SpaceContract


class TestBlocks(SpaceContract):
    """The paper's blocks, shallow."""

    def make(self):
        return conv_blocks(3, pools=(1, 2))


class TestMoreFilters(SpaceContract):
    """40 filters more in every layer, and a learning rate."""

    def make(self):
        return conv_blocks(3, pools=(2,), more_filters=40, learning_rates=(0.1, 0.05))


class TestListed(SpaceContract):
    """Small enough to be listed."""

    def make(self):
        return conv_blocks(2, heights=(1, 3), widths=(1,), filters=(2, 3), pools=(1,))


class TestPoolsAlone(SpaceContract):
    """Fixed pools with layers of one convolution, decided types."""

    def make(self):
        return ConvSpace(depth=4, pools=(1, 3), layer_types=True, strides=(1, 2))


class TestPoolsBeyond(SpaceContract):
    """Pools after layers that there are not."""

    def make(self):
        return ConvSpace(depth=2, pools=(1, 2, 30))


def test_the_defaults_are_the_papers():
    """13 blocks of 3, that is 39 layers and 2 pools; filters of 6, 12, 24, 36; 40 more."""
    space = conv_blocks()
    assert (space.depth, space.block, space.pools) == (13, 3, (4, 8))
    assert space.filters == (6, 12, 24, 36)
    assert space.depth * space.block == 39
    assert conv_blocks(more_filters=40).decode((0,) * 117).layers[0].filters == 46


def test_the_size_is_the_closed_formula():
    """Blocks, pools and more filters are fixed: 64^d 2^(d(d-1)/2), as without them."""
    assert conv_blocks().size == 64**13 * 2**78
    assert conv_blocks(more_filters=40).size == 64**13 * 2**78


def test_shapes_worked_by_hand():
    """Channels in and out of dense blocks of three, sizes after a pool over everything."""
    network = ConvArchitecture(
        (ConvLayer(3, 1, 2, (0,)), ConvLayer(1, 5, 4, (1,)), ConvLayer(1, 1, 1, (1, 2))),
        block=3,
        pools=(1,),
    )
    first, second, third = shapes(network, (3, 5, 7))
    assert (first.channels_in, first.channels, first.height, first.width) == (3, 6, 5, 7)
    assert first.parameters == 3 * 2 * (3 + 5 + 7) + 3 * 2 * 2
    assert (second.channels_in, second.channels, second.height, second.width) == (6, 12, 3, 4)
    assert second.parameters == 5 * 4 * (6 + 10 + 14) + 3 * 4 * 2
    assert (third.channels_in, third.channels, third.height, third.width) == (18, 3, 3, 4)
    assert third.parameters == 1 * (18 + 19 + 20) + 3 * 2


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_random_networks_encode_and_decode_back(data):
    """For all blocks, pools, added filters and depths: the same network again."""
    block, more = data.draw(st.integers(1, 4)), data.draw(st.sampled_from((0, 1, 40)))
    pools = tuple(sorted(data.draw(st.sets(st.integers(1, 6), max_size=3))))
    space = conv_blocks(4, block=block, pools=pools, more_filters=more)
    depth = data.draw(st.integers(1, 4))
    layers = []
    for number in range(1, depth + 1):
        inputs = data.draw(st.sets(st.integers(1, number - 1))) if number > 1 else set()
        layers.append(
            ConvLayer(
                data.draw(st.sampled_from((1, 3, 5, 7))),
                data.draw(st.sampled_from((1, 3, 5, 7))),
                data.draw(st.sampled_from((6, 12, 24, 36))) + more,
                tuple(sorted(inputs)) or (0,),
            )
        )
    network = ConvArchitecture(tuple(layers), block, tuple(n for n in pools if n <= depth))
    assert space.decode(space.encode(network)) == network


def test_networks_read_as_they_are_written():
    """The block's size first; || where everything is pooled; none after the last layer."""
    layers = tuple(ConvLayer(1, 3, 6, (n,)) for n in range(3))
    network = ConvArchitecture(layers, block=3, pools=(2,))
    assert str(network) == "blocks of 3: 1x3x6<-0 | 1x3x6<-1 || 1x3x6<-2"


def test_a_pooling_after_the_last_layer_can_be_read():
    """Two networks that compute different things do not read alike."""
    layers = (ConvLayer(1, 3, 6, (0,)),)
    assert str(ConvArchitecture(layers, pools=(1,))) != str(ConvArchitecture(layers))


@pytest.mark.parametrize(("block", "pools"), [(1, (4, 8)), (2, (4, 8)), (3, ()), (3, (4,))])
def test_other_blocks_and_pools_are_outside_of_the_space(block, pools):
    """The message says which the space has."""
    layers = tuple(ConvLayer(1, 1, 6, (0,)) for _ in range(9))
    network = ConvArchitecture(layers, block, pools)
    with pytest.raises(AnswersError, match=r"blocks of 3 and pools after \[4, 8\]"):
        conv_blocks().encode(network)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"block": 0}, "block must be at least 1, got 0"),
        ({"block": 3, "layer_types": True}, "blocks of several layers"),
        ({"block": 3, "strides": (1, 2)}, "blocks of several layers"),
        ({"block": 3, "strides": (2,)}, "blocks of several layers"),
        ({"pools": (0,)}, "pools are the layers"),
        ({"pools": (2, 1)}, "pools are the layers"),
        ({"pools": (1, 1)}, "pools are the layers"),
        ({"more_filters": -1}, "more_filters must be at least 0"),
        ({"more_filters": 10**9}, "more_filters must be"),
    ],
)
def test_parameters_that_make_no_space_are_refused(more, message):
    """The message has the parameter and what it has to be."""
    with pytest.raises(SettingError, match=f"conv: {message}"):
        ConvSpace(**more)
