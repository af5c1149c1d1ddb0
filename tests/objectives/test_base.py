"""What every objective has by default."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import kstest
from torch import nn
from torch.nn import functional

from reinas.errors import SettingError
from reinas.objectives.base import Objective
from reinas.objectives.shared import batches, beta
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


class Recording(nn.Module):
    """Keeps its inputs, and gives them."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        return x


def mixed(mixup, n=600, size=6, seed=3):
    """Every mixed batch, its loss, and its rows before; inputs are powers that tell rows apart."""
    x = torch.rand(n, 4, generator=torch.Generator().manual_seed(9))
    child, recipe = Recording(), Recipe(batch_size=size, mixup=mixup)
    generator = torch.Generator().manual_seed(seed)
    y = x.flip(1)
    losses = list(Absolute().training_losses(child, x, y, recipe, generator, lambda x: x))
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return list(zip(child.seen, [loss for loss, _ in losses], order.split(size), strict=True)), x


def share_of(batch, before):
    """The share and the partners of a mixed batch, found by trying every partner of every row.

    x_i' = s x_i + (1 - s) x_j: a row and a partner give s by least squares; one s fits all rows.
    """
    fits = []
    for row, own in zip(batch.numpy(), before.numpy(), strict=True):
        found = {}
        for j, other in enumerate(before.numpy()):
            difference = own - other
            if not difference.any():
                continue
            s = float((row - other) @ difference / (difference @ difference))
            if np.allclose(s * own + (1 - s) * other, row, atol=1e-6):
                found[j] = s
        fits.append(found)
    shares = [s for found in fits for s in found.values()]
    # a row that was mixed with itself is as it was, which every partner with s = 1 explains
    s = float(np.median([s for s in shares if abs(s - 1) > 1e-4] or [1.0]))
    partners = []
    for i, found in enumerate(fits):
        near = [j for j, value in found.items() if abs(value - s) < 1e-3 * max(1, abs(s))]
        partners.append(near[0] if near else i)
    return s, partners


def test_mixup_mixes_inputs_and_losses_by_the_same_share():
    """Zhang et al. 2018: s x_i + (1 - s) x_j, and s loss(y_i) + (1 - s) loss(y_j).

    Share and partners are found from the batch that the network saw; every row is a partner once.
    """
    batches_, x = mixed(0.4, n=120)
    for batch, loss, rows in batches_:
        before = x[rows]
        s, partners = share_of(batch, before)
        assert 0 <= s <= 1
        if s < 0.999:
            assert sorted(partners) == list(range(len(rows)))
        y = before.flip(1).numpy()
        seen = s * before.numpy() + (1 - s) * before.numpy()[partners]
        wanted = s * np.abs(seen - y).mean() + (1 - s) * np.abs(seen - y[partners]).mean()
        assert float(loss) == pytest.approx(wanted, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_shares_are_drawn_from_beta(alpha):
    """400 shares against SciPy's distribution, by Kolmogorov and Smirnov at one in a thousand."""
    generator = torch.Generator().manual_seed(1)
    shares = [beta(alpha, generator) for _ in range(400)]
    assert kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_without_mixup_nothing_more_is_drawn():
    """The generator is where the order left it."""
    one, other = (torch.Generator().manual_seed(3) for _ in range(2))
    x = torch.rand(10, 2)
    list(Absolute().training_losses(nn.Identity(), x, x, Recipe(), one, lambda x: x))
    torch.randperm(10, generator=other)
    assert torch.equal(one.get_state(), other.get_state())


def test_mixup_follows_the_generator_and_nothing_else():
    """The same seed gives the same batches; torch's and NumPy's global generators stay."""
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, other, third = (mixed(0.4, n=24, seed=seed)[0] for seed in (3, 3, 4))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(one, other, strict=True))
    assert not all(torch.equal(a[0], b[0]) for a, b in zip(one, third, strict=True))
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()


def test_outputs_of_several_networks_are_averaged_by_default():
    """The weighted mean, by NumPy."""
    outputs = torch.rand(3, 5, 2, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([0.5, 0.25, 0.25])
    wanted = np.average(outputs.numpy(), axis=0, weights=weights.numpy())
    np.testing.assert_allclose(Absolute().combine(outputs, weights), wanted, rtol=1e-6)


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
