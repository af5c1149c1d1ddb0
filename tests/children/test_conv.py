"""Convolutional children, against hand-made tensors and torch.nn.functional."""

import math
from itertools import product
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional

from reinas import ConvSpace, build
from reinas.children import parameters
from reinas.children.conv import block, join
from reinas.errors import BuildError
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer, shapes
from reinas.tasks.sklearn_data import Wine


def task(*inputs, outputs=3):
    return SimpleNamespace(name="mine", inputs=inputs, outputs=outputs)


def layer(height, width, filters, *inputs, stride=(1, 1)):
    return ConvLayer(height, width, filters, inputs or (0,), *stride)


def network(*layers):
    return ConvArchitecture(tuple(layers))


def shake(child, seed=0):
    """Give every parameter and every running statistic a value of its own."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in child.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.1)
    return child


def watched(child, x):
    """Every layer's input and output in one forward pass, and the network's output."""
    seen = []
    hooks = [m.register_forward_hook(lambda _, a, b: seen.append((a[0], b))) for m in child.layers]
    out = child(x)
    for hook in hooks:
        hook.remove()
    return seen, out


# ---- joining -------------------------------------------------------------------------------------


def test_smaller_maps_get_zeros_at_the_bottom_and_the_right():
    """A 1 x 2 and a 3 x 1 map meet in 3 x 2, each in its upper left corner."""
    flat = torch.tensor([[[[1.0, 2.0]]]])
    tall = torch.tensor([[[[3.0], [4.0], [5.0]]]])
    expected = [[[1, 2], [0, 0], [0, 0]], [[3, 0], [4, 0], [5, 0]]]
    assert join([flat, tall]).tolist() == [expected]


def test_channels_are_concatenated_in_the_order_given():
    """Never added, never interleaved; every example keeps its own."""
    one = torch.tensor([[[[1.0]], [[2.0]]], [[[10.0]], [[20.0]]]])
    two = torch.tensor([[[[3.0]]], [[[30.0]]]])
    assert join([one, two]).flatten(1).tolist() == [[1, 2, 3], [10, 20, 30]]
    assert join([two, one]).flatten(1).tolist() == [[3, 1, 2], [30, 10, 20]]


def test_one_map_is_left_as_it_is():
    """Nothing to join, nothing to copy."""
    alone = torch.ones(1, 2, 3, 4)
    assert join([alone]) is alone


def test_joining_keeps_the_gradient_of_what_is_not_padding():
    """The sum of the joined maps has gradient 1 everywhere in each of them."""
    small, large = torch.zeros(1, 1, 1, 1, requires_grad=True), torch.zeros(1, 1, 2, 3)
    large.requires_grad_()
    join([small, large]).sum().backward()
    assert small.grad.tolist() == [[[[1.0]]]]
    assert large.grad.tolist() == [[[[1.0] * 3] * 2]]


# ---- sizes and counts ----------------------------------------------------------------------------


@pytest.mark.parametrize("image", [(11, 8), (9, 13), (1, 6), (2, 1)])
def test_a_layer_gives_ceil_of_size_over_stride(image):
    """For all odd filters up to 7 and strides up to 3, on images that are not square."""
    x = torch.ones(1, 1, *image)
    for height, width, down, across in product((1, 3, 5, 7), (1, 3, 5, 7), (1, 2, 3), (1, 2, 3)):
        one = layer(height, width, 2, stride=(down, across))
        expected = (2, math.ceil(image[0] / down), math.ceil(image[1] / across))
        assert block(one, 1).eval()(x).shape[1:] == expected
        (shape,) = shapes(network(one), (1, *image))
        assert (shape.channels, shape.height, shape.width) == expected


def test_parameters_are_those_counted_by_hand():
    """Filters without bias, two numbers a channel for batch normalisation, the linear layer."""
    found = network(
        layer(3, 3, 4),  # 3 * 3 * 1 * 4 + 2 * 4 = 44
        layer(1, 5, 3, 1),  # 1 * 5 * 4 * 3 + 2 * 3 = 66
        layer(3, 1, 2, 1, 2),  # 3 * 1 * (4 + 3) * 2 + 2 * 2 = 46
    )  # classifier: 2 * 10 + 10 = 30
    child = build(found, task(1, 8, 8, outputs=10))
    assert [s.parameters for s in shapes(found, (1, 8, 8))] == [44, 66, 46]
    assert [parameters(m) for m in child.layers] == [44, 66, 46]
    assert parameters(child.classifier) == 30
    assert parameters(child) == 44 + 66 + 46 + 30


def test_convolutions_have_no_bias():
    """Batch normalisation would cancel it."""
    child = build(network(layer(3, 3, 4), layer(1, 1, 2, 1)), task(1, 8, 8))
    convolutions = [m for m in child.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 2
    assert all(c.bias is None for c in convolutions)


# ---- the forward pass ----------------------------------------------------------------------------

WINDING = network(
    layer(3, 3, 2, stride=(1, 2)),
    layer(1, 5, 3, 1, stride=(2, 1)),
    layer(5, 3, 2, 1, 2),  # two sizes meet
    layer(3, 1, 4, 2, stride=(1, 3)),  # so both 3 and 4 feed nothing
)


def padded(x, height, width):
    """`x` in the upper left of zeros."""
    room = torch.zeros(*x.shape[:2], height, width)
    room[:, :, : x.shape[2], : x.shape[3]] = x
    return room


def by_hand(state, x, *, training):
    """WINDING for a 7 x 10 image, written out."""

    def step(n, x, stride, padding):
        prefix = f"layers.{n - 1}"
        x = functional.conv2d(x, state[f"{prefix}.0.weight"], stride=stride, padding=padding)
        if training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        else:
            mean, var = state[f"{prefix}.1.running_mean"], state[f"{prefix}.1.running_var"]
        x = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
        x = x * state[f"{prefix}.1.weight"][:, None, None]
        x = x + state[f"{prefix}.1.bias"][:, None, None]
        return x.clamp(min=0)

    one = step(1, x, (1, 2), (1, 1))  # 7 x 5
    two = step(2, one, (2, 1), (0, 2))  # 4 x 5
    three = step(3, torch.cat([one, padded(two, 7, 5)], 1), (1, 1), (2, 1))  # 7 x 5
    four = step(4, two, (1, 3), (1, 0))  # 4 x 2
    last = torch.cat([three, padded(four, 7, 5)], 1)
    features = last.sum((2, 3)) / 35
    return features @ state["classifier.weight"].T + state["classifier.bias"]


@pytest.mark.parametrize("training", [False, True])
def test_the_forward_pass_is_the_network_written_by_hand(training):
    """Four layers, skips, strides, and two layers of different sizes for the classifier."""
    child = shake(build(WINDING, task(2, 7, 10))).train(training)
    x = torch.randn(5, 2, 7, 10, generator=torch.Generator().manual_seed(1))
    state = {k: v.clone() for k, v in child.state_dict().items()}
    expected = by_hand(state, x, training=training)
    assert WINDING.outputs == (3, 4)
    torch.testing.assert_close(child(x), expected, rtol=1e-4, atol=1e-5)


def test_a_layer_is_convolution_then_batch_normalisation_then_relu():
    """max(0, 3 (2 x - 2) / 2 - 1) for a filter of 2, mean 2, variance 4, scale 3, shift -1."""
    one = block(layer(1, 1, 1), 1).eval()
    values = {"0.weight": 2.0, "1.weight": 3.0, "1.bias": -1.0}
    values |= {"1.running_mean": 2.0, "1.running_var": 4.0}
    for key, value in values.items():
        one.state_dict()[key].fill_(value)
    x = torch.tensor([-5.0, 0.0, 1.0, 1.5, 4.0])
    expected = [max(0.0, 3 * (2 * v - 2) / 2 - 1) for v in x.tolist()]
    assert one(x.view(1, 1, 1, 5)).flatten().tolist() == pytest.approx(expected, abs=1e-4)
    assert any(v > 0 for v in expected)


def test_layers_that_feed_nothing_reach_the_classifier():
    """Their features stand in the order of the layers, each over its own columns of weights."""
    found = network(layer(1, 1, 2), layer(1, 1, 3), layer(1, 1, 1, 1))  # 2 and 3 feed nothing
    child = shake(build(found, task(1, 4, 4))).eval()
    seen, out = watched(child, torch.rand(2, 1, 4, 4))
    features = torch.cat([seen[1][1].mean((2, 3)), seen[2][1].mean((2, 3))], 1)
    torch.testing.assert_close(out, child.classifier(features))
    assert child.classifier.in_features == 3 + 1


def test_global_average_pooling_counts_the_padding_as_zeros():
    """A 1 x 1 map beside a 2 x 2 map counts a quarter."""
    found = network(layer(1, 1, 1), layer(1, 1, 1, stride=(2, 2)))
    child = build(found, task(1, 2, 2, outputs=2)).eval()
    for key, value in child.state_dict().items():
        if key.endswith(("0.weight", "1.weight", "running_var")):
            value.fill_(1.0)
    child.classifier.weight.data.copy_(torch.eye(2))
    child.classifier.bias.data.zero_()
    out = child(torch.full((1, 1, 2, 2), 8.0))
    assert out[0].tolist() == pytest.approx([8.0, 2.0], rel=1e-4)


def test_a_layer_without_inputs_reads_the_image():
    """Answers without any link give layers that all see the image, and nothing but it."""
    space = ConvSpace(depth=3, filters=(2, 3))
    child = build(space.decode((0,) * len(space.decisions)), task(1, 5, 6))
    x = torch.rand(2, 1, 5, 6)
    seen, _ = watched(child, x)
    assert all(torch.equal(given, x) for given, _ in seen)
    assert child.classifier.in_features == 2 + 2 + 2


def test_a_layer_reads_exactly_the_layers_that_it_names():
    """Layer 3 of three reads layer 1 beside layer 2, and not the image."""
    found = network(layer(3, 3, 2), layer(1, 1, 3, 1), layer(1, 3, 2, 1, 2))
    child = shake(build(found, task(1, 5, 6))).eval()
    seen, _ = watched(child, torch.rand(2, 1, 5, 6))
    assert torch.equal(seen[2][0], torch.cat([seen[0][1], seen[1][1]], 1))


def test_tables_are_refused():
    """The message names the space, the task, what is needed and what there is."""
    with pytest.raises(BuildError, match=r"'conv' needs images.*'wine' gives \(13,\)"):
        build(network(layer(3, 3, 4)), Wine())
