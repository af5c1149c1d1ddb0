"""One-dimensional convolutional children, for series [channels, time]."""

import pickle
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from reinas import (
    Budget,
    ConvSpace,
    RandomSearch,
    Recipe,
    TrainedEvaluator,
    build,
    conv_blocks,
    draw,
    search,
)
from reinas.children import parameters
from reinas.children.build import apply_recipe
from reinas.errors import AnswersError, BuildError, SettingError
from reinas.objectives.classification import Classification
from reinas.spaces.conv_architecture import (
    ContrastLayer,
    ConvArchitecture,
    ConvLayer,
    NormLayer,
    PoolLayer,
    as_image,
    shapes,
)
from reinas.tasks.base import AbstractTask, Part, Parts
from reinas.testing import SpaceContract, TaskContract
from reinas.training.augment import augment
from reinas.training.costs import costs


@dataclass(frozen=True)
class Shapes:
    """The shapes of a task without data."""

    inputs: tuple[int, ...]
    outputs: int
    name: str = "shapes"


@dataclass(frozen=True)
class Waves(AbstractTask):
    """Sine waves of two frequencies at random phases, in two channels with noise."""

    reward: str = "accuracy"
    name: ClassVar[str] = "waves"
    inputs: ClassVar[tuple[int, ...]] = (2, 32)
    outputs: ClassVar[int] = 2
    objective: ClassVar[Classification] = Classification()

    @property
    def recipe(self):
        return Recipe(optimizer="adam", learning_rate=0.01, schedule="constant", epochs=6)

    @cached_property
    def _examples(self):
        rng = np.random.default_rng(0)
        y = np.arange(300) % 2
        phase = rng.uniform(0, 2 * np.pi, (300, 1))
        wave = np.sin(np.arange(32) * np.where(y, 1.2, 0.5)[:, None] + phase)
        x = np.stack([wave, rng.normal(size=wave.shape)], 1) + rng.normal(size=(300, 2, 32)) / 5
        return Part(x.astype(np.float32), y.astype(np.int64))

    def parts(self):
        part = self._examples
        return Parts(Part(part.x[:160], part.y[:160]), Part(part.x[160:240], part.y[160:240]))

    def test(self):
        return Part(self._examples.x[240:], self._examples.y[240:])


class TestWaves(TaskContract):
    """The task of these tests keeps a task's promises."""

    def make(self):
        return Waves()


class TestSeries(SpaceContract):
    """With strides."""

    def make(self):
        return ConvSpace(depth=3, heights=(3, 5), filters=(2, 4), strides=(1, 2), dimensions=1)


class TestSeriesTypes(SpaceContract):
    """With all types of layers."""

    def make(self):
        return ConvSpace(depth=2, heights=(3,), filters=(2, 4), layer_types=True, dimensions=1)


def test_widths_are_not_decided():
    """A layer decides its length, its stride in time and its filters."""
    space = ConvSpace(depth=1, strides=(1, 2), dimensions=1)
    names = [d.name.partition(".")[2] for d in space.decisions]
    assert names == ["filter_height", "stride_height", "filters"]
    for answers in space.enumerate():
        (layer,) = space.decode(answers).layers
        assert (layer.width, layer.stride_width) == (1, 1)


def test_its_text_says_that_it_is_for_series():
    """An architecture for images reads as before."""
    layers = (ConvLayer(5, 1, 8, (0,)),)
    assert str(ConvArchitecture(layers, dimensions=1)) == "series: 5x1x8<-0"
    assert str(ConvArchitecture(layers)) == "5x1x8<-0"


def test_an_architecture_for_images_is_not_in_a_space_for_series():
    """The message names both numbers of dimensions."""
    series = ConvSpace(depth=1, dimensions=1)
    with pytest.raises(AnswersError, match=r"has dimensions=1, .* got dimensions=2"):
        series.encode(ConvArchitecture((ConvLayer(3, 1, 24, (0,)),)))


@pytest.mark.parametrize(
    "layer", [ConvLayer(3, 3, 2, (0,)), ConvLayer(3, 1, 2, (0,), 2, 2)], ids=["filter", "stride"]
)
def test_layers_for_series_have_no_width(layer):
    """The message names the layer and the fields to give instead."""
    with pytest.raises(SettingError, match=r"layer 1 of .* series .* height and stride_height"):
        ConvArchitecture((layer,), dimensions=1)


def test_there_are_one_or_two_dimensions():
    """Volumes are not supported."""
    with pytest.raises(SettingError, match=r"dimensions must be 1 .* or 2 .*, got 3"):
        ConvArchitecture((), dimensions=3)


def test_blocks_may_be_for_series():
    """Densely linked blocks and fixed pooling in time have the shapes that are counted."""
    space = conv_blocks(3, filters=(2,), pools=(1, 2), dimensions=1)
    architecture = space.decode(space.sample(1, 0)[0])
    child = build(architecture, Waves())
    assert child(torch.randn(2, 2, 32)).shape == (2, 2)
    traced = shapes(architecture, (2, 32, 1))
    assert [s.height for s in traced] == [32, 16, 8]
    features = sum(traced[n - 1].channels for n in architecture.outputs)
    assert parameters(child) == sum(s.parameters for s in traced) + (features + 1) * 2


def test_one_layer_by_hand():
    """torch's own convolution, normalisation by the batch, the mean over time, a linear layer."""
    architecture = ConvArchitecture((ConvLayer(5, 1, 3, (0,), stride_height=2),), dimensions=1)
    child = build(architecture, Waves())
    x = torch.randn(4, 2, 32)
    convolution, norm, _ = child.layers[0]
    assert isinstance(convolution, nn.Conv1d)
    y = functional.conv1d(x, convolution.weight, stride=2, padding=2)
    assert y.shape == (4, 3, 16)
    mean, variance = y.mean((0, 2), keepdim=True), y.var((0, 2), unbiased=False, keepdim=True)
    y = torch.relu((y - mean) / (variance + norm.eps).sqrt())
    expected = y.mean(2) @ child.classifier.weight.T + child.classifier.bias
    torch.testing.assert_close(child(x), expected)


def test_layers_of_all_types_have_the_shapes_that_are_counted():
    """And as many parameters, with joined inputs of different lengths and a fixed pooling."""
    layers = (
        ConvLayer(3, 1, 4, (0,), stride_height=2),
        PoolLayer("average", 3, 2, (0,)),
        ContrastLayer(5, (1, 2)),
        NormLayer((3,)),
        PoolLayer("max", 2, 2, (1, 4)),
    )
    architecture = ConvArchitecture(layers, pools=(3,), dimensions=1)
    traced = shapes(architecture, as_image((2, 31)))
    child = build(architecture, Shapes((2, 31), 3))
    sizes = []
    for layer in child.layers:
        layer.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    assert child(torch.randn(2, 2, 31)).shape == (2, 3)
    assert sizes == [(s.channels, s.height) for s in traced]
    features = sum(traced[n - 1].channels for n in architecture.outputs)
    assert parameters(child) == sum(s.parameters for s in traced) + (features + 1) * 3
    assert costs(architecture, Shapes((2, 31), 3))[0] == parameters(child)


@pytest.mark.parametrize(("inputs", "dimensions"), [((2, 16), 1), ((2, 8, 8), 2)])
def test_a_network_can_be_pickled(inputs, dimensions):
    """With pooling and local contrast, and gives the same outputs afterwards."""
    layers = (PoolLayer("max", 2, 1, (0,)), ContrastLayer(3, (1,)), ConvLayer(3, 1, 2, (2,)))
    architecture = ConvArchitecture(layers, pools=(1,), dimensions=dimensions)
    child = build(architecture, Shapes(inputs, 2)).eval()
    x = torch.randn(3, *inputs)
    assert torch.equal(pickle.loads(pickle.dumps(child))(x), child(x))


def test_average_pooling_counts_what_is_inside():
    """The mean over the window's part inside the series."""
    architecture = ConvArchitecture((PoolLayer("average", 3, 1, (0,)),), dimensions=1)
    pool = build(architecture, Shapes((1, 3), 1)).layers[0]
    out = pool(torch.tensor([[[1.0, 2.0, 6.0]]]))
    torch.testing.assert_close(out, torch.tensor([[[1.5, 3.0, 4.0]]]))


@pytest.mark.parametrize(("inputs", "dimensions"), [((2, 32), 2), ((1, 8, 8), 1)])
def test_dimensions_that_do_not_fit_the_task_are_refused(inputs, dimensions):
    """With what to set."""
    architecture = ConvArchitecture((ConvLayer(3, 1, 2, (0,)),), dimensions=dimensions)
    with pytest.raises(BuildError, match=f"set dimensions to {len(inputs) - 1}"):
        build(architecture, Shapes(inputs, 2))


def test_a_search_finds_a_network_that_tells_frequencies_apart():
    """Well above chance, within seconds."""
    space = ConvSpace(depth=2, heights=(3, 7), filters=(4, 8), dimensions=1)
    evaluator = TrainedEvaluator(Waves())
    study = search(space, RandomSearch(space), evaluator, budget=Budget(3), seed=1)
    assert study.best_trial.reward > 0.85


def test_it_is_drawn_as_a_series():
    """Lengths and sizes without widths."""
    space = ConvSpace(depth=2, heights=(5,), filters=(8,), strides=(2,), dimensions=1)
    picture = draw(space.decode(space.sample(1, 0)[0]), Waves())
    assert "2 × 32" in picture
    assert "length 5, 8 filters, stride 2" in picture
    assert "8 × 16" in picture


def test_windows_in_time_are_drawn_without_a_width():
    """Pooling, local contrast and the fixed pooling."""
    layers = (PoolLayer("max", 3, 2, (0,)), ContrastLayer(5, (1,)))
    picture = draw(ConvArchitecture(layers, pools=(1,), dimensions=1), Waves())
    assert "max pooling 3, stride 2<" in picture
    assert "local contrast 5<" in picture
    assert "2 × 16, then all pooled 2<" in picture


def test_series_are_not_augmented():
    """A recipe's cropping and mirroring are for images."""
    x = torch.randn(3, 2, 16)
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(augment(x, Recipe(pad=2, flip=True), generator), x)


def test_the_recipe_sets_the_epsilon_of_normalisation():
    """Both after a convolution and as a layer of its own."""
    layers = (ConvLayer(3, 1, 2, (0,)), NormLayer((1,)))
    child = build(ConvArchitecture(layers, dimensions=1), Waves())
    apply_recipe(child, Recipe(norm_epsilon=0.25))
    assert [m.eps for m in child.modules() if isinstance(m, nn.BatchNorm1d)] == [0.25, 0.25]


def test_long_series_are_read():
    """A series of more steps than the pixels from which images change their layout."""
    child = build(ConvArchitecture((ConvLayer(3, 1, 2, (0,)),), dimensions=1), Shapes((1, 1000), 2))
    assert child(torch.randn(2, 1, 1000)).shape == (2, 2)
