"""What every objective has by default."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from reinas.errors import SettingError
from reinas.objectives.base import Objective, batches
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import Scaling


class Absolute(Objective):
    """The least that an objective has."""

    def loss(self, outputs, targets):
        return functional.l1_loss(outputs, targets)

    def score(self, outputs, targets):
        return 1 - float(self.loss(outputs, targets))


@given(st.integers(1, 300), st.integers(2, 80))
def test_batches_cover_every_index_once_and_leave_none_alone(n, size):
    """In order, of the wanted size but for the last; one example alone joins those before it."""
    pieces = batches(torch.randperm(n, generator=torch.Generator().manual_seed(n)), size)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(n))
    assert torch.equal(torch.cat(pieces), order)
    assert all(len(p) == size for p in pieces[:-1])
    assert len(pieces[-1]) <= size + 1
    assert n == 1 or all(len(p) > 1 for p in pieces)


def test_an_epoch_is_one_loss_per_batch_with_its_size():
    """Every example once, in the order that the generator draws."""
    x = torch.arange(10.0)[:, None]
    order = torch.randperm(10, generator=torch.Generator().manual_seed(3))
    found = list(
        Absolute().training_losses(
            nn.Identity(),
            x,
            torch.zeros(10, 1),
            Recipe(batch_size=4),
            torch.Generator().manual_seed(3),
            lambda x: 2 * x,
        )
    )
    assert [size for _, size in found] == [4, 4, 2]
    for (value, _), rows in zip(found, order.split(4), strict=True):
        assert float(value) == pytest.approx(2 * float(x[rows].mean()))


def test_the_test_is_the_loss_and_the_score_by_default():
    """And the summary is the score."""
    outputs, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.5], [1.5]])
    metrics = Absolute().test_metrics(nn.Identity(), outputs, y, Scaling.none())
    assert metrics == {"score": 0.5, "loss": 0.5}
    assert Absolute().summary(metrics) == "score 0.5"


def test_targets_are_left_as_they_are_by_default():
    """Neither scaled nor converted."""
    y = np.array([[3], [5]])
    assert Absolute().encode_targets(y, Absolute().scale_targets(y)) is y


def test_targets_that_are_no_numbers_are_refused():
    """By the name of the data."""
    with pytest.raises(SettingError, match="here: expected numbers as targets, got <U1"):
        Absolute().check_targets("here", np.array(["a"]), 1)


def test_it_is_recorded_by_its_module_and_name():
    """So that network.json can name it."""
    assert Absolute().settings == {"name": f"{__name__}:Absolute"}
