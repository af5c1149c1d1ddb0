"""What children cost, against formulas worked by hand and children that are really built."""

import tracemalloc
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas import ConvSpace, MlpSpace, Toy, ToySpace, Wine, build, conv_blocks
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer, NormLayer, PoolLayer
from reinas.spaces.mlp import MlpArchitecture, MlpLayer
from reinas.training.costs import costs


def task(*inputs, outputs=3):
    return SimpleNamespace(name="mine", inputs=inputs, outputs=outputs)


def test_an_mlp_by_hand():
    """Weights and biases; one multiply-add a weight."""
    network = MlpArchitecture((MlpLayer(8, "tanh"), MlpLayer(5, "relu")))
    weights = 13 * 8 + 8 * 5 + 5 * 3
    assert costs(network, Wine()) == (weights + 8 + 5 + 3, weights)


def test_a_convolutional_network_by_hand():
    """A kernel's weights once a pixel of its output; the linear layer's weights once.

    5 x 7 pixels; layer 1 strides to 3 x 4; layer 2 keeps them; layer 3 has 5 x 7 of its own.
    """
    network = ConvArchitecture(
        (
            ConvLayer(3, 5, 4, (0,), 2, 2),
            ConvLayer(1, 3, 6, (1,)),
            ConvLayer(3, 1, 2, (0,)),
        )
    )
    weights = [3 * 5 * 2 * 4, 1 * 3 * 4 * 6, 3 * 1 * 2 * 2]
    classifier = (6 + 2) * 10
    parameters = sum(weights) + 2 * (4 + 6 + 2) + classifier + 10
    flops = weights[0] * 12 + weights[1] * 12 + weights[2] * 35 + classifier
    assert costs(network, task(2, 5, 7, outputs=10)) == (parameters, flops)


def test_pooling_and_normalisation_multiply_nothing():
    """Only convolutions and matrix products count; batch normalisation has parameters."""
    network = ConvArchitecture((PoolLayer("average", 2, 1, (0,)), NormLayer((1,))))
    assert costs(network, task(4, 8, 8)) == (2 * 4 + 4 * 3 + 3, 4 * 3)


def test_a_dense_block_and_its_pool_by_hand():
    """Three layers fed by 1, 3 and 5 channels on 8 x 8 pixels, then one on the pooled 4 x 4."""
    layers = (ConvLayer(3, 3, 2, (0,)), ConvLayer(1, 1, 2, (1,)))
    found = costs(ConvArchitecture(layers, block=3, pools=(1,)), task(1, 8, 8, outputs=2))
    first, second = 9 * 2 * (1 + 3 + 5), 2 * (6 + 8 + 10)
    classifier = 6 * 2
    assert found == (
        first + second + 2 * 6 * 2 + classifier + 2,
        first * 64 + second * 16 + classifier,
    )


SPACES = {
    "conv": ConvSpace(depth=3, heights=(1, 3), widths=(1,), filters=(2, 3), strides=(1, 2)),
    "types": ConvSpace(depth=3, heights=(1, 3), widths=(1,), filters=(2, 3), layer_types=True),
    "blocks": conv_blocks(3, heights=(1, 3), widths=(1,), filters=(2, 3), pools=(1,)),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_parameters_are_those_of_the_child_that_is_really_built(space, seed):
    """For random networks of every variant."""
    network = space.decode(space.sample(1, seed)[0])
    child = build(network, task(2, 5, 7))
    assert costs(network, task(2, 5, 7))[0] == sum(p.numel() for p in child.parameters())


@pytest.mark.parametrize(("space", "on"), [(MlpSpace(depth=3), Wine()), (ToySpace(), Toy())])
def test_every_space_has_costs(space, on):
    """Spaces without images too: what is built has as many parameters."""
    for answers in space.sample(5, 0):
        network = space.decode(answers)
        child = build(network, on)
        assert costs(network, on)[0] == sum(p.numel() for p in child.parameters())


def test_counting_allocates_nothing():
    """Two layers of 1,000,000 units would be 4 TB; on the meta device they are shapes."""
    network = MlpArchitecture((MlpLayer(10**6, "relu"), MlpLayer(10**6, "relu")))
    tracemalloc.start()
    found = costs(network, Wine())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    weights = 13 * 10**6 + 10**12 + 3 * 10**6
    assert found == (weights + 2 * 10**6 + 3, weights)
    assert peak < 50 << 20


def test_a_huge_convolution_is_only_shapes():
    """100,000 filters twice on 32 x 32 pixels."""
    layers = (ConvLayer(1, 1, 10**5, (0,)), ConvLayer(1, 1, 10**5, (1,)))
    found = costs(ConvArchitecture(layers), task(3, 32, 32))
    weights = 3 * 10**5 + 10**10
    assert found == (weights + 4 * 10**5 + 3 * 10**5 + 3, weights * 1024 + 3 * 10**5)


def test_counting_draws_no_random_numbers_and_leaves_the_device():
    """A child built afterwards is the one that it would have been."""
    network = MlpArchitecture((MlpLayer(4, "relu"),))
    torch.manual_seed(3)
    before = torch.get_rng_state()
    costs(network, Wine())
    assert torch.equal(before, torch.get_rng_state())
    assert torch.empty(1).device.type == "cpu"
    assert torch.is_grad_enabled()
