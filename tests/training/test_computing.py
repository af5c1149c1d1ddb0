"""Precision: what changes on a CPU with bfloat16, and what must not."""

import pickle
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from reinas import Placement, Recipe
from reinas.children.ensemble import LanguageEnsemble
from reinas.children.lstm import LstmModel
from reinas.objectives.classification import Classification
from reinas.objectives.language import LanguageModelling
from reinas.spaces.lstm import LstmArchitecture
from reinas.training.computing import InPrecision, as_placed
from reinas.training.fit import fit
from reinas.training.tensors import Tensors

BFLOAT16 = Placement("cpu", "bfloat16")


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 3)
    )


def images(count=32):
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def test_products_are_computed_in_bfloat16():
    """The same as a product whose factors were rounded to 8 bits, and given as float32."""
    child = nn.Linear(64, 5, bias=False)
    x = torch.randn(10, 64)
    found = as_placed(child, BFLOAT16)(x)
    rounded = (a.bfloat16().double() for a in (x, child.weight))
    wanted = next(rounded) @ next(rounded).T
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), wanted, rtol=2**-7, atol=1e-3)
    assert torch.equal(found, found.bfloat16().float())
    assert not torch.equal(found, child(x))


def test_outputs_are_near_those_of_float32():
    """bfloat16 has 8 bits: within a few of 256."""
    child = network().eval()
    found, wanted = as_placed(child, BFLOAT16)(images()), child(images())
    assert found.dtype == torch.float32
    assert bool((found - wanted).abs().max() < 0.02 * wanted.abs().max())


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_with_float32_the_network_is_itself(precision):
    """Nothing is wrapped."""
    child = network()
    assert as_placed(child, Placement("cpu", precision)) is child


class Language(nn.Linear):
    """Is not called by itself, as a language model is."""

    def run(self, x):
        return self(x)


def test_cells_of_our_own_compute_in_float32():
    """They are programs that know nothing of autocast."""
    child = Language(2, 2)
    assert as_placed(child, BFLOAT16) is child


def test_lstm_layers_compute_in_bfloat16():
    """They are torch's own: near float32, and so are the states that go on; weights stay."""
    torch.manual_seed(0)
    child = LstmModel(LstmArchitecture(2, 64, 0.0, tied=True), 9).eval()
    placed = as_placed(child, BFLOAT16)
    words = torch.randint(9, (12, 4))
    with torch.no_grad():
        first, state = placed.run(words[:5], placed.start(4))
        second, _ = placed.run(words[5:], state)
        wanted = child(words)
    found = torch.cat([first, second])
    assert found.dtype == torch.float32
    assert not torch.equal(found, wanted)
    assert bool((found - wanted).abs().max() < 0.03 * wanted.abs().max())
    assert {p.dtype for p in placed.parameters()} == {torch.float32}
    both = LanguageEnsemble([child, child], (1.0, 1.0), LanguageModelling())
    assert both.lowers_precision
    assert as_placed(both, BFLOAT16) is not both
    mixed = LanguageEnsemble([child, Language(2, 2)], (1.0, 1.0), LanguageModelling())
    assert as_placed(mixed, BFLOAT16) is mixed


def test_weights_and_modes_are_shared_with_the_network_itself():
    """A step of one is a step of the other, and so is `train`."""
    child = network()
    placed = as_placed(child, BFLOAT16)
    assert {id(p) for p in placed.parameters()} == {id(p) for p in child.parameters()}
    placed.eval()
    assert not any(module.training for module in child.modules())


@dataclass(frozen=True)
class _Fitted:
    child: nn.Module
    losses: list[float]


def trained(placement):
    child = network()
    x = images(96)
    y = (x.mean((1, 2, 3)) > 0).long() + (x[:, 0, 0, 0] > 0).long()
    recipe = Recipe(epochs=6, batch_size=16, learning_rate=0.05, schedule="constant")
    torch.manual_seed(0)
    curve = fit(child, Tensors(x, y), None, recipe, Classification(), placement=placement)
    return _Fitted(child, [epoch.loss for epoch in curve.epochs])


def test_a_training_in_bfloat16_goes_as_in_float32_and_its_weights_stay_float32():
    """Near the same losses, none of them equal; every weight and statistic keeps its type."""
    low, full = trained(BFLOAT16), trained(Placement())
    assert low.losses[-1] < 0.7 * low.losses[0]
    assert low.losses == pytest.approx(full.losses, rel=0.1)
    assert low.losses != full.losses
    dtypes = {k: v.dtype for k, v in low.child.state_dict().items()}
    assert dtypes == {k: v.dtype for k, v in network().state_dict().items()}
    assert type(low.child) is nn.Sequential


def test_a_training_in_bfloat16_is_reproducible():
    """To the last bit."""
    assert trained(BFLOAT16).losses == trained(BFLOAT16).losses


def test_a_placed_network_can_be_pickled():
    """With its precision."""
    placed = InPrecision(network(), "cpu", "bfloat16").eval()
    assert torch.equal(pickle.loads(pickle.dumps(placed))(images()), placed(images()))
