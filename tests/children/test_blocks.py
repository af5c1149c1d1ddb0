"""Dense blocks and fixed pools, against networks written out with torch.nn.functional."""

from itertools import product
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional

from reinas import build, conv_blocks
from reinas.children import parameters
from reinas.children.conv import DenseBlock
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer


def task(*inputs, outputs=3):
    return SimpleNamespace(name="mine", inputs=inputs, outputs=outputs)


def shake(child, seed=0):
    """Give every parameter and every running statistic a value of its own."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in child.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.1)
    return child


def images(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def one_layer(state, prefix, x, padding, *, training):
    """Convolution, batch normalisation, ReLU."""
    x = functional.conv2d(x, state[f"{prefix}.0.weight"], padding=padding)
    x = functional.batch_norm(
        x,
        state[f"{prefix}.1.running_mean"].clone(),
        state[f"{prefix}.1.running_var"].clone(),
        state[f"{prefix}.1.weight"],
        state[f"{prefix}.1.bias"],
        training=training,
        eps=1e-5,
    )
    return functional.relu(x)


def dense(state, prefix, x, padding, *, training=False):
    """Three layers, each fed by the input and all layers before it; their outputs together."""
    first = one_layer(state, f"{prefix}layers.0", x, padding, training=training)
    second = one_layer(
        state, f"{prefix}layers.1", torch.cat([x, first], 1), padding, training=training
    )
    third = one_layer(
        state, f"{prefix}layers.2", torch.cat([x, first, second], 1), padding, training=training
    )
    return torch.cat([first, second, third], 1)


def by_hand_pool(x):
    """The greatest of every 2 x 2 pixels, by loops; a last row or column alone counts too."""
    height, width = (-(-size // 2) for size in x.shape[2:])
    out = torch.zeros(*x.shape[:2], height, width)
    for i, j in product(range(height), range(width)):
        out[:, :, i, j] = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].amax((2, 3))
    return out


@pytest.mark.parametrize("training", [False, True])
def test_a_block_is_three_layers_written_by_hand(training):
    """3 x 5 filters, 4 of them a layer, 2 channels in, 12 out."""
    block = shake(DenseBlock(ConvLayer(3, 5, 4, (0,)), 2, 3)).train(training)
    state = {k: v.clone() for k, v in block.state_dict().items()}
    x = images(3, 2, 5, 7)
    found = block(x)
    assert found.shape == (3, 12, 5, 7)
    torch.testing.assert_close(found, dense(state, "", x, (1, 2), training=training))


def test_fixed_pools_apply_to_all_maps_so_far():
    """Two blocks on an odd image, a pool after each: layer 2 reads the pooled layer 1.

    Layer 1 feeds nothing else, so the classifier has layer 2, pooled, alone.
    """
    layers = (ConvLayer(3, 3, 2, (0,)), ConvLayer(1, 3, 3, (1,)))
    network = ConvArchitecture(layers, block=3, pools=(1, 2))
    child = shake(build(network, task(2, 5, 7))).eval()
    state = child.state_dict()
    x = images(2, 2, 5, 7)
    one = by_hand_pool(dense(state, "layers.0.", x, (1, 1)))
    two = by_hand_pool(dense(state, "layers.1.", one, (0, 1)))
    assert one.shape[2:] == (3, 4)
    assert two.shape[2:] == (2, 2)
    expected = two.mean((2, 3)) @ state["classifier.weight"].T + state["classifier.bias"]
    torch.testing.assert_close(child(x), expected, rtol=1e-4, atol=1e-4)


def test_the_image_is_pooled_too():
    """A second layer without links reads the image at half its size."""
    layers = (ConvLayer(1, 1, 1, (0,)), ConvLayer(1, 1, 1, (0,)))
    child = build(ConvArchitecture(layers, pools=(1,)), task(1, 5, 7)).eval()
    seen = []
    for each in child.layers:
        each.register_forward_hook(lambda _, a, b: seen.append((a[0], b)))
    x = -1 - images(2, 1, 5, 7).abs()
    child(x)
    assert torch.equal(seen[0][0], x)
    assert torch.equal(seen[1][0], by_hand_pool(x))


def test_outputs_of_before_the_pool_reach_the_classifier_pooled():
    """Layers 1 and 2 feed nothing; layer 1 is pooled once, layer 2 not."""
    layers = (ConvLayer(1, 1, 2, (0,)), ConvLayer(1, 1, 1, (0,)))
    child = shake(build(ConvArchitecture(layers, pools=(1,)), task(1, 4, 4))).eval()
    seen = []
    for each in child.layers:
        each.register_forward_hook(lambda _, a, b: seen.append(b))
    out = child(images(2, 1, 4, 4))
    features = torch.cat([by_hand_pool(seen[0]).mean((2, 3)), seen[1].mean((2, 3))], 1)
    torch.testing.assert_close(out, child.classifier(features))


def test_without_blocks_a_layer_is_one_convolution():
    """block=1 is the space of section 4.1, with the same weights' names."""
    network = ConvArchitecture((ConvLayer(3, 3, 2, (0,)),))
    child = build(network, task(1, 4, 4))
    assert [type(m) for m in child.layers[0]] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]


def test_a_blocks_parameters_are_those_counted_by_hand():
    """Two channels of filters 3 x 1 after 1, 3 and 5 channels; 6 channels to 3 classes."""
    network = ConvArchitecture((ConvLayer(3, 1, 2, (0,)),), block=3)
    child = build(network, task(1, 4, 4))
    assert parameters(child) == 3 * 2 * (1 + 3 + 5) + 6 * 2 + (6 + 1) * 3


def test_the_papers_blocks_build_at_their_full_size():
    """13 blocks of 3 with 40 filters more: 39 convolutions, all linked, no memory needed."""
    space = conv_blocks(more_filters=40)
    answers = tuple(d.num_options - 1 for d in space.decisions)
    with torch.device("meta"):
        child = build(space.decode(answers), task(3, 32, 32, outputs=10))
        assert child(torch.empty(2, 3, 32, 32)).shape == (2, 10)
    assert sum(isinstance(m, nn.Conv2d) for m in child.modules()) == 39
