"""From an architecture to a module: for all answers, and open to new types."""

import math
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import reinas
from reinas.children import parameters
from reinas.children.build import apply_recipe, configure
from reinas.errors import BuildError, SettingError
from reinas.spaces.conv_architecture import shapes
from reinas.spaces.counting import canonical
from reinas.tasks.recipes import Recipe

SPACES = {
    "conv": reinas.ConvSpace(depth=4, filters=(2, 3), strides=(1, 2, 3)),
    "mlp": reinas.MlpSpace(depth=3, widths=(2, 5), activations=("relu", "gelu", "identity")),
    "toy": reinas.ToySpace(),
}
TASKS = {
    "conv": SimpleNamespace(name="mine", inputs=(2, 7, 5), outputs=3),
    "mlp": SimpleNamespace(name="mine", inputs=(4,), outputs=3),
    "toy": SimpleNamespace(name="mine", inputs=(1,), outputs=1),
}


@st.composite
def architectures(draw, name):
    """Any answers of the space; for conv of any depth."""
    space = SPACES[name]
    length = draw(st.sampled_from(space.lengths))
    options = [st.integers(0, d.num_options - 1) for d in space.decisions[:length]]
    return space.decode(canonical(space.decisions, draw(st.tuples(*options))))


def trained_once(child, task):
    """One forward and backward pass over three examples; the output."""
    x = torch.randn(3, *task.inputs, generator=torch.Generator().manual_seed(0))
    out = child(x)
    assert out.shape == (3, task.outputs)
    assert torch.isfinite(out).all()
    functional.mse_loss(out, torch.ones_like(out)).backward()
    for key, parameter in child.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
    return out


@settings(max_examples=300, deadline=None)
@given(architectures("conv"))
def test_every_convolutional_network_trains(found):
    """Right shape, finite gradients for every parameter, and the shapes that the space foresees."""
    task = TASKS["conv"]
    child = reinas.build(found, task)
    sizes = []
    for module in child.layers:
        module.register_forward_hook(lambda _, a, b: sizes.append((a[0].shape[1], *b.shape[1:])))
    trained_once(child, task)
    foreseen = shapes(found, task.inputs)
    assert sizes == [(s.channels_in, s.channels, s.height, s.width) for s in foreseen]
    features = sum(foreseen[n - 1].channels for n in found.outputs)
    assert parameters(child) == sum(s.parameters for s in foreseen) + (features + 1) * 3


@settings(max_examples=150, deadline=None)
@given(architectures("mlp"))
def test_every_perceptron_trains(found):
    """Right shape, finite gradients, and as many parameters as widths say."""
    child = reinas.build(found, TASKS["mlp"])
    trained_once(child, TASKS["mlp"])
    widths = [4, *(layer.width for layer in found.layers), 3]
    expected = sum((a + 1) * b for a, b in pairwise(widths))
    assert parameters(child) == expected


@settings(max_examples=40, deadline=None)
@given(architectures("toy"))
def test_every_toy_network_trains(found):
    """Right shape, finite gradients, six parameters."""
    child = reinas.build(found, TASKS["toy"])
    trained_once(child, TASKS["toy"])
    assert parameters(child) == 6


def test_the_same_seed_builds_the_same_weights():
    """Weights come from torch's global generator, and from nothing else."""
    for name, space in SPACES.items():
        found = space.decode(space.sample(1, 1)[0])

        def weights(seed, found=found, name=name):
            torch.manual_seed(seed)
            child = reinas.build(found, TASKS[name])
            return torch.cat([p.detach().flatten() for p in child.parameters()])

        assert torch.equal(weights(5), weights(5))
        assert not torch.equal(weights(5), weights(6))


def test_parameters_counts_only_what_is_trained():
    """Running statistics and frozen weights are not parameters of the search."""
    child = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    child[0].bias.requires_grad_(False)
    assert parameters(child) == 3 * 4 + 2 * 4


def test_an_unknown_architecture_says_how_to_teach_it():
    """The message names the type and @reinas.build.register."""
    with pytest.raises(BuildError, match=r"nothing builds Graph.*@reinas\.build\.register"):
        reinas.build(type("Graph", (), {})(), TASKS["mlp"])
    assert issubclass(BuildError, SettingError)


@dataclass(frozen=True)
class Cubic:
    degree: int


def test_a_new_type_is_built_once_it_is_registered():
    """`@reinas.build.register` on a function that takes it is all there is to do."""

    @reinas.build.register
    def _(architecture: Cubic, task):
        return nn.Linear(math.prod(task.inputs) * architecture.degree, task.outputs)

    child = reinas.build(Cubic(3), TASKS["mlp"])
    assert (child.in_features, child.out_features) == (12, 3)


class Noisy(nn.Module):
    """A module of one's own with a dropout that the recipe decides."""

    dropout = 0.0


def test_a_module_of_ones_own_takes_what_the_recipe_says():
    """A function registered for its type is called for every such module of a network."""

    @configure.register
    def _(module: Noisy, recipe: Recipe) -> None:
        module.dropout = recipe.embedding_dropout

    child = nn.Sequential(Noisy(), nn.Sequential(Noisy()), nn.Linear(1, 1))
    apply_recipe(child, Recipe(embedding_dropout=0.25))
    assert [m.dropout for m in child.modules() if isinstance(m, Noisy)] == [0.25, 0.25]
