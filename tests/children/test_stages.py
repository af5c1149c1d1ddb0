"""Networks of stages: each block against a formula of torch's functions, counts by hand."""

import math
import pickle
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from reinas import StagesSpace, build
from reinas.children.build import adjust_recipe, parameters
from reinas.children.stages import Inverted, Residual, Squeeze
from reinas.errors import BuildError
from reinas.spaces.stages import INVERTED, RESIDUAL, Stage, StagesArchitecture
from reinas.tasks.recipes import Recipe

CONVOLVE = {1: functional.conv1d, 2: functional.conv2d}


@dataclass(frozen=True)
class Shapes:
    """All that a network has to know of a task."""

    inputs: tuple[int, ...]
    outputs: int = 10
    name: str = "shapes"


def drawn(module, seed=0):
    """The module with weights, factors and statistics drawn at random, so that each matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.dtype.is_floating_point:
                value.copy_(torch.rand(value.shape, generator=generator) + 0.1)
        for parameter in module.parameters():
            parameter.sub_(0.6)
    return module


def convolved(pair, x, stride=1, groups=1):
    """Convolution without bias and batch normalisation in evaluation mode, by formula."""
    weight, norm = pair[0].weight, pair[1]
    y = CONVOLVE[x.ndim - 2](x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
    shape = (1, -1, *(1,) * (x.ndim - 2))
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (y - norm.running_mean.view(shape)) * scale.view(shape) + norm.bias.view(shape)


def squeezed(module, x):
    """Every channel times sigmoid(W2 relu(W1 mean + b1) + b2)."""
    if isinstance(module, nn.Identity):
        return x
    means = x.flatten(2).sum(2) / math.prod(x.shape[2:])
    inner = (means @ module.squeeze.weight.T + module.squeeze.bias).clamp(min=0)
    factors = 1 / (1 + torch.exp(-(inner @ module.excite.weight.T + module.excite.bias)))
    return torch.stack(
        [
            torch.stack([f * m for f, m in zip(*pair, strict=True)])
            for pair in zip(factors, x, strict=True)
        ]
    )


def halved(x):
    """The mean of every two positions, in one dimension after the other; at the edge, of one."""
    if x.ndim == 3:
        return torch.stack([x[:, :, i : i + 2].mean(2) for i in range(0, x.shape[2], 2)], 2)
    rows = [
        torch.stack(
            [x[:, :, i : i + 2, j : j + 2].mean((2, 3)) for j in range(0, x.shape[3], 2)], 2
        )
        for i in range(0, x.shape[2], 2)
    ]
    return torch.stack(rows, 2)


SIZES = [(8, 8), (7, 5), (1, 1), (2, 9), (1, 4), (9,), (8,), (1,)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize(("channels", "width"), [(6, 6), (4, 8)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_a_residual_block_is_its_formula(size, squeeze, channels, width, stride, kernel):
    """relu(squeeze(bn(conv(relu(bn(conv(x)))))) + shortcut), for images and series.

    The shortcut is x itself where it fits, else a 1 x 1 convolution of x, averaged if halved.
    """
    stage = Stage(RESIDUAL, 1, width, kernel, squeeze=squeeze)
    block = drawn(Residual(stage, channels, stride, len(size))).eval()
    x = torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(1))
    inner = convolved(block.second, convolved(block.first, x, stride).clamp(min=0))
    shortcut = halved(x) if stride == 2 else x
    if stride == 2 or channels != width:
        shortcut = convolved(block.shortcut, shortcut)
    wanted = (squeezed(block.squeeze, inner) + shortcut).clamp(min=0)
    found = block(x)
    assert found.shape == (3, width, *(-(-n // stride) for n in size))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize(("channels", "width"), [(6, 6), (4, 8)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_an_inverted_block_is_its_formula(size, squeeze, channels, width, stride, kernel):
    """project(squeeze(relu(each(relu(expand(x)))))), plus x where neither size nor width changes.

    There is no ReLU after the projection (Sandler et al. 2018, section 3.2).
    """
    stage = Stage(INVERTED, 1, width, kernel, 3, squeeze)
    block = drawn(Inverted(stage, channels, stride, len(size))).eval()
    x = torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(1))
    inner = convolved(block.expand, x).clamp(min=0)
    assert inner.shape[1] == 3 * channels
    each = convolved(block.each, inner, stride, groups=3 * channels).clamp(min=0)
    wanted = convolved(block.project, squeezed(block.squeeze, each))
    if stride == 1 and channels == width:
        wanted = wanted + x
    found = block(x)
    assert found.shape == (3, width, *(-(-n // stride) for n in size))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("channels", "inner"), [(8, 4), (32, 4), (40, 5), (64, 8), (100, 12)])
def test_a_squeeze_has_an_eighth_of_its_channels_inside(channels, inner):
    """At least 4."""
    module = Squeeze(channels)
    assert module.squeeze.weight.shape == (inner, channels)
    assert module.excite.weight.shape == (channels, inner)


def test_a_squeeze_weighs_whole_channels_by_their_means():
    """Two channels worked by hand: weights sigmoid(2 * relu(3 - 1)) and sigmoid(0)."""
    module = Squeeze(2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module.squeeze.weight[0] = torch.tensor([1.0, -1.0])
        module.excite.weight[0, 0] = 2.0
    x = torch.tensor([[[[2.0, 4.0]], [[1.0, 1.0]]]])  # means 3 and 1
    high = 1 / (1 + math.exp(-4))
    wanted = torch.tensor([[[[2 * high, 4 * high]], [[0.5, 0.5]]]])
    torch.testing.assert_close(module(x), wanted)


def network(*stages, stem=1, width=8, dimensions=2):
    return StagesArchitecture(stem, width, stages, dimensions=dimensions)


@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize("block", [RESIDUAL, INVERTED])
def test_a_block_begins_as_its_shortcut(block, squeeze):
    """In training mode, a new block that keeps size and width gives relu(x), or x if inverted."""
    expansion = 3 if block == INVERTED else 1
    child = build(network(Stage(block, 2, 8, 3, expansion, squeeze)), Shapes((3, 6, 6)))
    x = torch.randn(4, 8, 6, 6)
    for one in child.blocks.train():
        torch.testing.assert_close(one(x), x.relu() if block == RESIDUAL else x)


def test_a_halving_residual_block_begins_as_its_convolved_mean():
    """The shortcut is normalised by the batch; an inverted one that halves has no shortcut."""
    stages = (Stage(RESIDUAL, 1, 8, 3), Stage(RESIDUAL, 1, 16, 3), Stage(INVERTED, 1, 24, 3, 3))
    child = build(network(*stages), Shapes((3, 8, 8)))
    _, residual, inverted = child.blocks.train()
    x = torch.randn(4, 8, 8, 8)
    y = functional.conv2d(halved(x), residual.shortcut[0].weight)
    mean = y.mean((0, 2, 3), keepdim=True)
    deviation = (y.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(residual(x), ((y - mean) / deviation).relu(), rtol=1e-4, atol=1e-5)
    assert bool((inverted.scale == 1).all())


def test_a_block_that_begins_as_its_shortcut_learns_at_once():
    """The factors that are 0 have a gradient that is not."""
    child = build(network(Stage(RESIDUAL, 1, 8, 3), Stage(RESIDUAL, 1, 8, 3)), Shapes((3, 8, 8)))
    child(torch.randn(4, 3, 8, 8)).square().sum().backward()
    assert all(bool(block.scale.grad.abs().sum() > 0) for block in child.blocks)


def count(inputs, width, stem, stages, dimensions, outputs):
    """Parameters, stage by stage by hand; a normalisation has two per channel."""

    def convolution(a, b, kernel):
        return a * b * kernel**dimensions + 2 * b

    def squeeze(channels):
        inner = max(4, channels // 8)
        return 2 * channels * inner + inner + channels

    total = convolution(inputs, width, {1: 3, 2: 3, 4: 7}[stem])
    for number, stage in enumerate(stages):
        for place in range(stage.depth):
            halves = number > 0 and place == 0
            if stage.block == RESIDUAL:
                total += convolution(width, stage.width, stage.kernel)
                total += convolution(stage.width, stage.width, stage.kernel)
                total += squeeze(stage.width) if stage.squeeze else 0
                if halves or width != stage.width:
                    total += convolution(width, stage.width, 1)
            else:
                inner = width * stage.expansion
                total += convolution(width, inner, 1)
                total += inner * stage.kernel**dimensions + 2 * inner  # each channel by itself
                total += squeeze(inner) if stage.squeeze else 0
                total += convolution(inner, stage.width, 1)
            width = stage.width
    return total + width * outputs + outputs


@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize("stem", [1, 2, 4])
@pytest.mark.parametrize("squeeze", [False, True])
def test_the_number_of_parameters_is_counted_by_hand(dimensions, stem, squeeze):
    """Residual and inverted stages, with and without a change of the width."""
    stages = (
        Stage(RESIDUAL, 2, 8, 3, squeeze=squeeze),
        Stage(INVERTED, 2, 16, 5, 3, squeeze),
        Stage(RESIDUAL, 2, 16, 5, squeeze=squeeze),
        Stage(INVERTED, 1, 24, 3, 6),
    )
    architecture = network(*stages, stem=stem, dimensions=dimensions)
    child = build(architecture, Shapes((3, *(40,) * dimensions), 7))
    assert parameters(child) == count(3, 8, stem, stages, dimensions, 7)


@pytest.mark.parametrize("inputs", [(1, 8, 8), (3, 7, 13), (3, 1, 1), (2, 33, 4), (2, 50), (1, 1)])
@pytest.mark.parametrize("stem", [1, 2, 4])
def test_every_size_goes_through_and_each_stage_halves_it(inputs, stem):
    """[B, C, *S] -> [B, outputs]; the sizes inside are ceil(S / stem), then ceil of the half."""
    stages = (Stage(RESIDUAL, 2, 8, 5), Stage(INVERTED, 2, 8, 3, 3), Stage(RESIDUAL, 1, 8, 3))
    architecture = network(*stages, stem=stem, dimensions=len(inputs) - 1)
    child = build(architecture, Shapes(inputs)).eval()
    seen = []
    for block in child.blocks:
        block.register_forward_hook(lambda _m, _i, y: seen.append(tuple(y.shape[2:])))
    assert child(torch.randn(2, *inputs)).shape == (2, 10)
    size = tuple(-(-n // stem) for n in inputs[1:])
    half = tuple(-(-n // 2) for n in size)
    quarter = tuple(-(-n // 2) for n in half)
    assert seen == [size, size, half, half, quarter]


@pytest.mark.parametrize("stem", [1, 2, 4, 8])
def test_the_stem_sees_every_pixel(stem):
    """The output changes with each of them, the edges included."""
    torch.manual_seed(0)
    child = build(network(Stage(INVERTED, 1, 8, 3, 3), stem=stem), Shapes((1, 11, 9))).eval()
    x = torch.ones(1, 1, 11, 9, requires_grad=True)
    child.stem(x).square().sum().backward()
    assert bool((x.grad != 0).all())


def test_the_whole_network_is_stem_blocks_mean_and_one_linear_layer():
    """By formula, for a stem of stride 2 with its kernel of 3."""
    architecture = network(Stage(RESIDUAL, 1, 8, 3), Stage(INVERTED, 1, 16, 3, 3), stem=2)
    child = drawn(build(architecture, Shapes((3, 9, 9), 4))).eval()
    x = torch.randn(2, 3, 9, 9)
    y = convolved(child.stem, x, 2).clamp(min=0)
    for block in child.blocks:
        y = block(y)
    wanted = y.mean((2, 3)) @ child.classifier.weight.T + child.classifier.bias
    torch.testing.assert_close(child(x), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("side", "last"), [(27, False), (28, True)])
def test_images_are_channels_last_from_28_pixels_on(side, last):
    """As other convolutional networks are; the outputs are those of the same weights without."""
    torch.manual_seed(0)
    child = build(network(Stage(RESIDUAL, 1, 8, 3)), Shapes((3, side, side))).eval()
    weight = child.blocks[0].first[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last) is last
    other = build(network(Stage(RESIDUAL, 1, 8, 3)), Shapes((3, 8, 8))).eval()
    other.load_state_dict(child.state_dict())
    assert other.blocks[0].first[0].weight.is_contiguous()
    x = torch.randn(2, 3, side, side)
    torch.testing.assert_close(child(x), other(x), rtol=1e-4, atol=1e-5)


def test_long_series_stay_as_they_are():
    """There is no such layout for series."""
    child = build(network(Stage(RESIDUAL, 1, 8, 3), dimensions=1), Shapes((2, 2000)))
    assert child(torch.randn(2, 2, 2000)).shape == (2, 10)


@pytest.mark.parametrize("inputs", [(3, 30, 30), (2, 20)])
def test_a_network_can_be_pickled(inputs):
    """The copy has the same outputs to the last bit."""
    stages = (Stage(RESIDUAL, 1, 8, 3, squeeze=True), Stage(INVERTED, 1, 16, 3, 3, True))
    child = build(network(*stages, dimensions=len(inputs) - 1), Shapes(inputs)).eval()
    x = torch.randn(2, *inputs)
    assert torch.equal(pickle.loads(pickle.dumps(child))(x), child(x))


def test_weights_follow_torchs_seed():
    """And nothing else."""
    children = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        child = build(network(Stage(RESIDUAL, 1, 8, 3)), Shapes((3, 8, 8)))
        children.append(child.stem[0].weight)
    assert torch.equal(children[0], children[1])
    assert not torch.equal(children[0], children[2])


@pytest.mark.parametrize("dimensions", [1, 2])
def test_whatever_is_in_the_default_space_builds_and_learns(dimensions):
    """Ten random architectures: finite outputs, and a gradient for every parameter."""
    space = StagesSpace(widths=(8, 16), dimensions=dimensions)
    task = Shapes((2, *(12,) * dimensions), 3)
    for answers in space.sample(10, 0):
        child = build(space.decode(answers), task)
        outputs = child(torch.randn(4, *task.inputs))
        assert outputs.shape == (4, 3)
        functional.cross_entropy(outputs, torch.tensor([0, 1, 2, 0])).backward()
        assert all(bool(p.grad.isfinite().all()) for p in child.parameters())


@pytest.mark.parametrize(("rate", "wanted"), [(0.5, 0.1), (1.0, 0.2), (2.0, 0.4)])
def test_the_rate_is_a_factor_of_the_recipes(rate, wanted):
    """Nothing else of the recipe changes."""
    recipe = Recipe(learning_rate=0.2, epochs=3)
    architecture = replace(network(Stage(RESIDUAL, 1, 8, 3)), rate=rate)
    assert adjust_recipe(architecture, recipe) == replace(recipe, learning_rate=wanted)


@pytest.mark.parametrize(
    ("inputs", "dimensions", "message"),
    [
        (
            (2, 50),
            2,
            r"space 'stages' with dimensions=2 needs images \(channels, height, width\), but task"
            r" 'shapes' gives series \(channels, time\): set dimensions to 1",
        ),
        (
            (3, 8, 8),
            1,
            r"space 'stages' with dimensions=1 needs series \(channels, time\), but task 'shapes'"
            r" gives images \(channels, height, width\): set dimensions to 2",
        ),
        ((13,), 2, r"space 'stages' needs images .*, but task 'shapes' gives \(13,\)"),
        ((), 1, r"space 'stages' needs series .*, but task 'shapes' gives \(\)"),
        (
            (3, 4, 8, 8),
            2,
            r"space 'stages' needs images .*, but task 'shapes' gives \(3, 4, 8, 8\)",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, dimensions, message):
    """The message says what is needed, what came, and what to set if that is all."""
    with pytest.raises(BuildError, match=message):
        build(network(Stage(RESIDUAL, 1, 8, 3), dimensions=dimensions), Shapes(inputs))
