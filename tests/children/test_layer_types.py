"""Children of decided layer types, against loops over tensors and written-out formulas."""

import math
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reinas import ConvSpace, Job, Recipe, TrainedEvaluator, build, conv_blocks
from reinas.children import adjust_recipe, parameters
from reinas.children.conv import LocalContrast, Pool, module
from reinas.spaces.conv_architecture import (
    ContrastLayer,
    ConvArchitecture,
    ConvLayer,
    NormLayer,
    PoolLayer,
    shapes,
)
from reinas.tasks.sklearn_data import Digits
from reinas.training.optimizers import optimizer


def task(*inputs, outputs=3):
    return SimpleNamespace(name="mine", inputs=inputs, outputs=outputs)


def images(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- pooling -------------------------------------------------------------------------------------


def pooled(x, kind, size, stride):
    """'Same' pooling of [B, C, H, W] by loops: ceil(L / stride) windows, the odd pixel after."""
    batch, channels, height, width = x.shape
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    top = max(0, (rows - 1) * stride + size - height) // 2
    left = max(0, (columns - 1) * stride + size - width) // 2
    out = np.zeros((batch, channels, rows, columns))
    for b, c, i, j in product(*map(range, out.shape)):
        inside = [
            float(x[b, c, y, z])
            for y in range(i * stride - top, i * stride - top + size)
            for z in range(j * stride - left, j * stride - left + size)
            if 0 <= y < height and 0 <= z < width
        ]
        out[b, c, i, j] = max(inside) if kind == "max" else sum(inside) / len(inside)
    return out


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("image", [(4, 4), (5, 7), (1, 6), (1, 1)])
def test_pooling_is_a_loop_over_windows(kind, image):
    """Sizes 1 to 5 by strides 1 to 4; all pixels negative, so that padding would show."""
    x = -1 - images(1, 2, *image).abs()
    for size, stride in product((1, 2, 3, 5), (1, 2, 3, 4)):
        found = Pool(PoolLayer(kind, size, stride, (0,)))(x)
        np.testing.assert_allclose(found, pooled(x, kind, size, stride), rtol=1e-5)


def test_average_pooling_counts_only_the_pixels_inside():
    """A map of ones stays a map of ones, edges included."""
    for size, stride in product((2, 3, 5), (1, 2, 3)):
        found = Pool(PoolLayer("average", size, stride, (0,)))(torch.ones(1, 1, 5, 7))
        torch.testing.assert_close(found, torch.ones_like(found))


def test_what_is_missing_is_padded_on_both_sides_the_odd_pixel_after():
    """5 pixels: windows of 2 miss one, after; two windows of 4 miss three, one of them before."""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).view(1, 1, 1, 5)
    expected = {
        ("max", 2): [2.0, 4.0, 5.0],
        ("average", 2): [1.5, 3.5, 5.0],
        ("max", 4): [3.0, 5.0],
        ("average", 4): [2.0, 4.5],
    }
    for (kind, size), values in expected.items():
        assert Pool(PoolLayer(kind, size, size, (0,)))(x).flatten().tolist() == values


@pytest.mark.parametrize("kind", ["max", "average"])
def test_the_gradient_of_pooling_reaches_only_the_pixels_inside(kind):
    """The gradients of the sum add up to the number of windows."""
    x = images(2, 3, 5, 7).requires_grad_()
    found = Pool(PoolLayer(kind, 3, 2, (0,)))(x)
    found.sum().backward()
    assert float(x.grad.sum()) == pytest.approx(found.numel(), rel=1e-5)


# ---- normalisation -------------------------------------------------------------------------------


def contrasted(x, window):
    """Jarrett et al. 2009, 3.1: v = x - mean, y = v / max(mean of sigma, sigma), by loops.

    Means and sigma are over all channels and the window's pixels inside.
    """
    batch, _, height, width = x.shape
    half = window // 2

    def around(maps, b, i, j):
        rows = slice(max(0, i - half), i + half + 1)
        columns = slice(max(0, j - half), j + half + 1)
        return maps[b, :, rows, columns]

    centred, sigma = np.zeros(x.shape), np.zeros((batch, height, width))
    for b, i, j in product(range(batch), range(height), range(width)):
        centred[b, :, i, j] = x[b, :, i, j] - around(x, b, i, j).mean()
    for b, i, j in product(range(batch), range(height), range(width)):
        sigma[b, i, j] = np.sqrt((around(centred, b, i, j) ** 2).mean())
    out = np.zeros(x.shape)
    for b, i, j in product(range(batch), range(height), range(width)):
        out[b, :, i, j] = centred[b, :, i, j] / max(sigma[b].mean(), sigma[b, i, j])
    return out


@pytest.mark.parametrize("window", [3, 5, 7])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 1, 8, 8), (1, 2, 2, 3)])
def test_local_contrast_is_jarretts_by_loops(window, shape):
    """Uniform windows, all channels together, nothing of one image in another."""
    x = images(*shape) * torch.linspace(0.1, 3, shape[3])
    found = LocalContrast(window)(x)
    np.testing.assert_allclose(found, contrasted(x.double().numpy(), window), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.3, 1000.1])
@pytest.mark.parametrize("shape", [(2, 1, 5, 7), (1, 3, 1, 1)])
def test_a_constant_map_has_no_contrast_and_a_finite_gradient(value, shape):
    """Nothing is left of a standardised one; the gradient is no NaN, whatever the value."""
    x = torch.full(shape, value, requires_grad=True)
    found = LocalContrast(3)(x)
    found.square().sum().backward()
    assert bool(x.grad.isfinite().all())
    assert abs(value) > 1 or float(found.detach().abs().max()) < 1e-2


def test_batch_normalisation_alone_is_its_formula():
    """gamma (x - mean) / sqrt(var + 1e-5) + beta a channel, over the batch and all pixels."""
    one = module(NormLayer((0,)), 3, 1)
    gamma, beta = torch.tensor([1.0, 2.0, -1.0]), torch.tensor([0.0, 0.5, 3.0])
    one.state_dict()["weight"].copy_(gamma)
    one.state_dict()["bias"].copy_(beta)
    x = images(4, 3, 5, 7) * 3 + 1
    raw = x.double().numpy()
    mean = raw.mean((0, 2, 3), keepdims=True)
    deviation = np.sqrt(raw.var((0, 2, 3), keepdims=True) + 1e-5)
    expected = (raw - mean) / deviation * gamma.numpy()[:, None, None]
    expected += beta.numpy()[:, None, None]
    np.testing.assert_allclose(one(x).detach(), expected, atol=1e-4)


# ---- whole networks ------------------------------------------------------------------------------


def test_a_network_of_all_types_written_by_hand():
    """Max, norm, contrast, average of two sizes joined, then the mean and the linear layer."""
    found = ConvArchitecture(
        (
            PoolLayer("max", 2, 2, (0,)),
            NormLayer((1,)),
            ContrastLayer(3, (0,)),
            PoolLayer("average", 3, 1, (2, 3)),
        )
    )
    child = build(found, task(2, 5, 7)).eval()
    x = images(2, 2, 5, 7)
    small = pooled(x, "max", 2, 2) / math.sqrt(1 + 1e-5)
    joined = np.zeros((2, 4, 5, 7))
    joined[:, :2, :3, :4] = small
    joined[:, 2:] = contrasted(x.double().numpy(), 3)
    features = pooled(joined, "average", 3, 1).mean((2, 3))
    weight, bias = (t.detach().double().numpy() for t in child.classifier.parameters())
    np.testing.assert_allclose(child(x).detach(), features @ weight.T + bias, atol=1e-4)


FEW = {"heights": (1, 3), "widths": (1, 5), "filters": (2, 3)}
VARIANTS = {
    "plain": ConvSpace(depth=5, **FEW),
    "strides": ConvSpace(depth=5, strides=(1, 2, 3), **FEW),
    "one stride of two": ConvSpace(depth=5, strides=(2,), **FEW),
    "types": ConvSpace(depth=5, layer_types=True, **FEW),
    "types, strides, pools": ConvSpace(
        depth=5, layer_types=True, strides=(1, 2, 3), pools=(1, 3, 5), **FEW
    ),
    "rates": ConvSpace(depth=5, learning_rates=(0.1, 0.01), **FEW),
    "blocks": conv_blocks(5, pools=(2, 4), **FEW),
    "blocks, more filters, rates": conv_blocks(
        5, pools=(1, 2, 3), more_filters=2, learning_rates=(0.5, 0.1), **FEW
    ),
}
SIZES = [(5, 7), (8, 8), (1, 1), (2, 9), (7, 1)]


@pytest.mark.parametrize("space", VARIANTS.values(), ids=VARIANTS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_every_network_builds_propagates_back_and_has_its_shapes(space, data):
    """For all variants, depths 1 to 5 and image sizes: what `shapes` says, finite gradients."""
    length = data.draw(st.sampled_from(space.lengths))
    seed = data.draw(st.integers(0, 10**6))
    network = space.decode(space.sample(1, seed, length=length, over="decisions")[0])
    height, width = data.draw(st.sampled_from(SIZES))
    channels = data.draw(st.integers(1, 3))
    child = build(network, task(channels, height, width, outputs=4))
    seen = []
    for each in child.layers:
        each.register_forward_hook(lambda _, a, b: seen.append((a[0].shape, b.shape)))
    x = images(3, channels, height, width, seed=seed)
    out = child(x)
    assert out.shape == (3, 4)
    nn.functional.cross_entropy(out, torch.tensor([0, 1, 2])).backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in child.parameters())
    sizes = shapes(network, (channels, height, width))
    assert [(s[1], *o[1:]) for s, o in seen] == [
        (s.channels_in, s.channels, s.height, s.width) for s in sizes
    ]
    assert [parameters(each) for each in child.layers] == [s.parameters for s in sizes]


@pytest.mark.parametrize("layer_type", ["conv", "max", "average"])
def test_the_size_is_that_over_the_stride_rounded_up(layer_type):
    """For strides 1, 2, 3 and images from 1 to 9 pixels a side."""
    for stride, height, width in product((1, 2, 3), (1, 2, 5, 9), (1, 4, 7)):
        layer = (
            ConvLayer(3, 5, 2, (0,), stride, stride)
            if layer_type == "conv"
            else PoolLayer(layer_type, 3, stride, (0,))
        )
        found = module(layer, 1, 1).eval()(torch.ones(1, 1, height, width))
        assert found.shape[2:] == (math.ceil(height / stride), math.ceil(width / stride))


# ---- the learning rate that was decided ----------------------------------------------------------


def test_a_decided_learning_rate_replaces_the_recipes():
    """And nothing else of it; an architecture without one leaves the recipe alone."""
    layers = (ConvLayer(1, 1, 2, (0,)),)
    recipe = Recipe(learning_rate=0.3, epochs=7, momentum=0.5)
    assert adjust_recipe(ConvArchitecture(layers, learning_rate=0.02), recipe) == Recipe(
        learning_rate=0.02, epochs=7, momentum=0.5
    )
    assert adjust_recipe(ConvArchitecture(layers), recipe) == recipe


@pytest.mark.parametrize("algorithm", ["sgd", "adam"])
def test_a_child_is_trained_with_the_learning_rate_that_was_decided(monkeypatch, algorithm):
    """Every step of its optimiser has the decided rate times the schedule's factor."""
    rates = []

    def spied(child, recipe):
        made = optimizer(child, recipe)
        made.register_step_pre_hook(lambda o, *_: rates.append(o.param_groups[0]["lr"]))
        return made

    monkeypatch.setattr("reinas.training.training.optimizer", spied)
    space = ConvSpace(depth=1, heights=(1,), widths=(1,), filters=(2,), learning_rates=(0.02, 0.5))
    network = space.decode((1, 0, 0, 0))
    recipe = Recipe(algorithm, learning_rate=0.1, schedule="step", epochs=2, batch_size=2000)
    TrainedEvaluator(Digits(), recipe)(Job(0, network, 1))
    assert rates == pytest.approx([0.5, 0.05])


def test_the_rate_changes_nothing_but_the_training():
    """The untrained networks are the same for the same seed."""
    layers = (ConvLayer(3, 3, 2, (0,)),)
    children = []
    for rate in (None, 0.1):
        torch.manual_seed(0)
        children.append(build(ConvArchitecture(layers, learning_rate=rate), task(1, 4, 4)))
    one, other = (child.state_dict() for child in children)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
