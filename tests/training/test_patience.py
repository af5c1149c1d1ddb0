"""Patience, decay shares and epsilon: the recipe's newer fields, against scripted losses."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reinas import ConvSpace, Recipe, build, conv_blocks
from reinas.errors import SettingError
from reinas.objectives.classification import Classification
from reinas.objectives.regression import Regression
from reinas.training.fit import fit
from reinas.training.tensors import Tensors

ONE = Tensors(torch.zeros(4, 1), torch.zeros(4, 1))


class Scripted(nn.Module):
    """Its validation loss is what the script says; its weight counts the epochs of training."""

    def __init__(self, *losses):
        super().__init__()
        self.epoch = nn.Parameter(torch.zeros(()))
        self.register_buffer("passes", torch.zeros((), dtype=torch.int64))
        self.losses = losses
        self.measured = 0

    def forward(self, x):
        if self.training:
            self.passes += 1
            return x - self.epoch * 0 - (self.epoch - self.epoch.detach())  # gradient, no value
        self.measured += 1
        return x + math.sqrt(self.losses[self.measured - 1])


def trained(losses, **more):
    """The child's curve, and in which epoch the weights that it has now were."""
    settings = {"momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "batch_size": 4}
    child = Scripted(*losses)
    recipe = Recipe(**{**settings, "epochs": len(losses), "learning_rate": 1.0, **more})
    curve = fit(child, ONE, ONE, recipe, Regression())
    return child, curve


def expected(losses, patience):
    """After which epoch it stops, and which was the best, by the definition."""
    for epoch in range(1, len(losses) + 1):
        so_far = losses[:epoch]
        best = so_far.index(min(so_far)) + 1
        if epoch - best >= patience:
            return epoch, best
    return len(losses), losses.index(min(losses)) + 1


@pytest.mark.parametrize(
    ("losses", "patience", "stops", "best"),
    [
        ([3, 2, 1, 2, 2, 0.1], 2, 5, 3),
        ([3, 2, 1, 2, 0.5, 1, 1, 0.1], 2, 7, 5),
        ([1, 2, 3], 1, 2, 1),
        ([3, 2, 1], 1, 3, 3),
        ([1, 2, 2], 9, 3, 1),
        ([1, 1, 1, 1], 2, 3, 1),
    ],
)
def test_training_stops_after_so_many_epochs_without_a_lower_loss(losses, patience, stops, best):
    """An equal loss is not lower; the weights are those of the best epoch."""
    child, curve = trained(losses, patience=patience)
    assert [e.number for e in curve.epochs] == list(range(1, stops + 1))
    assert int(child.passes) == best
    assert curve.stopped is None


@pytest.mark.parametrize(
    ("schedule", "stops"),
    [
        (
            {"schedule": "step", "decay_at": (0.5, 0.75)},
            10,
        ),  # the ninth epoch is the first at the last rate
        ({"schedule": "step", "decay_at": (0.3,)}, 5),
        ({"schedule": "step", "decay_at": (0.3, 0.5)}, 7),
        ({"schedule": "step", "decay_at": ()}, 3),
        ({"schedule": "exponential", "decay_after": 4}, 6),
        ({"schedule": "cosine"}, 10),
        ({"schedule": "linear"}, 10),
        ({"schedule": "trapezoid"}, 10),
        ({"schedule": "constant"}, 3),
    ],
)
def test_patience_counts_once_the_learning_rate_is_not_lowered_any_more(schedule, stops):
    """A plateau before the last decay ends no training (section 4.1: until convergence)."""
    child, curve = trained([1] + 9 * [2], patience=2, **schedule)
    assert curve.epochs[-1].number == stops
    assert int(child.passes) == 1


@given(st.lists(st.sampled_from([0.25, 1.0, 2.25, 4.0]), min_size=1, max_size=8), st.integers(1, 4))
def test_any_course_of_losses_stops_where_the_definition_says(losses, patience):
    """For all courses and patiences, and the weights are those of the first best epoch."""
    child, curve = trained(losses, patience=patience)
    assert (len(curve.epochs), int(child.passes)) == expected(losses, patience)


def test_without_patience_all_epochs_are_trained_and_the_last_weights_kept():
    """As ever."""
    child, curve = trained([1, 2, 3, 4, 5])
    assert len(curve.epochs) == 5
    assert int(child.passes) == 5


def test_patience_counts_validated_epochs():
    """Every second epoch is validated: two without a lower loss are four epochs."""
    child, curve = trained([2, 1, 3, 3, 0.1], epochs=20, validate_every=2, patience=2)
    assert [e.number for e in curve.epochs] == [2, 4, 6, 8]
    assert int(child.passes) == 4


def test_the_best_weights_are_a_copy():
    """Parameters, not only buffers: the optimiser's later steps do not change what was kept."""
    x = torch.linspace(-1, 1, 16)[:, None]
    train, other = Tensors(x, 3 * x), Tensors(x, -x)
    child = nn.Linear(1, 1)
    nn.init.zeros_(child.weight)
    nn.init.zeros_(child.bias)
    seen = []
    recipe = Recipe(
        schedule="constant", epochs=20, patience=3, learning_rate=0.1, momentum=0.0, batch_size=16
    )
    fit(
        child,
        train,
        other,
        recipe,
        Regression(),
        on_epoch=lambda _: seen.append(child.weight.item()),
    )
    assert len(seen) == 4
    assert seen == sorted(seen)
    assert child.weight.item() == seen[0]


def test_a_child_that_diverges_after_its_best_epoch_says_so():
    """Its loss is no number in the third epoch; the rows before it are kept."""
    _, curve = trained([2, 1, math.inf], patience=5)
    assert [e.number for e in curve.epochs] == [1, 2]
    assert curve.stopped is not None
    assert "epoch 3" in curve.stopped


# ---- decay ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "epochs", "factors"),
    [
        ((0.5, 0.75), 8, [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]),
        ((0.3,), 10, [1] * 3 + [0.1] * 7),
        ((0.7,), 10, [1] * 7 + [0.1] * 3),
        ((0.2, 0.4, 0.6, 0.8), 5, [1, 0.1, 0.01, 0.001, 0.0001]),
        ((), 3, [1, 1, 1]),
        ((1.0,), 3, [1, 1, 1]),
        ((0.75, 0.5), 4, [1, 1, 0.1, 0.01]),
    ],
)
def test_the_rate_is_divided_by_ten_at_each_share_of_the_epochs(shares, epochs, factors):
    """By hand, in whatever order the shares are given."""
    recipe = Recipe(decay_at=shares, epochs=epochs)
    assert [recipe.rate(epoch) for epoch in range(epochs)] == pytest.approx(factors)


def test_the_shares_belong_to_the_step_schedule():
    """A constant rate stays, the cosine is the cosine."""
    assert Recipe(schedule="constant", decay_at=(0.1,), epochs=4).rate(3) == 1.0
    assert Recipe(schedule="cosine", decay_at=(0.1,), epochs=4).rate(2) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "more",
    [
        {"decay_at": (0.0,)},
        {"decay_at": (1.5,)},
        {"decay_at": (-0.5,)},
        {"decay_at": (math.nan,)},
        {"norm_epsilon": 0.0},
        {"norm_epsilon": math.inf},
        {"norm_epsilon": math.nan},
        {"patience": -1},
        {"pad": -1},
        {"patience": math.nan},
    ],
)
def test_values_that_make_no_recipe_are_refused(more):
    """The message has the field."""
    with pytest.raises(SettingError, match=rf"recipe\.{next(iter(more))}"):
        Recipe(**more)


def test_recipes_of_lists_are_equal_to_those_of_tuples():
    """A recipe read from JSON is the one that was written."""
    assert Recipe(decay_at=[0.5]) == Recipe(decay_at=(0.5,))
    assert hash(Recipe(decay_at=[0.5])) == hash(Recipe(decay_at=(0.5,)))


# ---- epsilon -------------------------------------------------------------------------------------

FEW = {"heights": (1,), "widths": (1,), "filters": (2,)}


@pytest.mark.parametrize(
    "space",
    [ConvSpace(depth=3, **FEW), conv_blocks(2, **FEW), ConvSpace(depth=6, layer_types=True, **FEW)],
)
def test_the_epsilon_reaches_every_batch_normalisation(space):
    """In plain layers, in blocks, and in layers that are nothing else."""
    from reinas.tasks.sklearn_data import Digits

    network = space.decode(space.sample(1, 1)[0])
    child = build(network, Digits())
    norms = [m for m in child.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert {m.eps for m in norms} == {1e-5}
    data = Tensors(torch.randn(4, 1, 8, 8), torch.arange(4))
    fit(child, data, None, Recipe(epochs=1, norm_epsilon=0.25), Classification())
    assert {m.eps for m in norms} == {0.25}


def test_the_epsilon_is_what_is_added_to_the_variance():
    """The outputs of a trained child, with the formula written out."""
    child = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten())
    x = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
    data = Tensors(x, torch.zeros(2, 1))
    recipe = Recipe(epochs=1, norm_epsilon=8.0, learning_rate=1e-9)
    curve = fit(child, data, None, recipe, Regression())
    assert curve.epochs[0].train_loss == pytest.approx(1 / (1 + 8), rel=1e-5)
    child.train()
    np.testing.assert_allclose(child(x).flatten().detach(), [-1 / 3, 1 / 3], rtol=1e-4)


def test_the_epsilon_reaches_batch_normalisation_of_tables_too():
    """A user's own child of a table has BatchNorm1d: it is batch normalisation as well."""
    child = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1))
    data = Tensors(torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1))
    fit(child, data, None, Recipe(epochs=1, norm_epsilon=8.0), Regression())
    assert child[0].eps == 8.0
