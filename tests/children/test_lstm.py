"""LSTM language models against formulas by hand."""

import numpy as np
import pytest
import torch

from reinas import Digits, LstmSpace, Recipe, build
from reinas.children import adjust_recipe, parameters
from reinas.errors import BuildError
from reinas.objectives.language import LanguageModelling
from reinas.spaces.lstm import LstmArchitecture
from reinas.training.fit import fit
from reinas.training.tensors import Tensors, seeded


class Words:
    name, inputs, outputs = "words", (), 7


def model(layers=1, width=3, dropout=0.0, *, tied=True):
    return build(LstmArchitecture(layers, width, dropout, tied), Words())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_those_of_the_formula(tied):
    """One layer, step by step in NumPy: gates i, f, g, o (Hochreiter & Schmidhuber 1997)."""
    with seeded(1):
        child = model(tied=tied).double()
        words = torch.randint(7, (5, 2))
    values = {k: v.detach().numpy() for k, v in child.state_dict().items()}
    h = c = np.zeros((2, 3))
    expected = []
    for step in words.numpy():
        x = values["embedding.weight"][step]
        gates = x @ values["lstm.weight_ih_l0"].T + values["lstm.bias_ih_l0"]
        gates = gates + h @ values["lstm.weight_hh_l0"].T + values["lstm.bias_hh_l0"]
        i, f, g, o = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        softmax = values["embedding.weight" if tied else "softmax"]
        expected.append(h @ softmax.T + values["bias"])
    assert child(words).detach().numpy() == pytest.approx(np.array(expected))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_window_goes_on_where_the_last_one_ended(layers):
    """Two windows give what one window of both gives."""
    child = model(layers).eval()
    words = torch.randint(7, (9, 4))
    first, state = child.run(words[:4], child.start(4))
    second, _ = child.run(words[4:], state)
    assert torch.allclose(torch.cat([first, second]), child(words), atol=1e-6)


def test_parameters_by_hand():
    """Embedding 7 x 3, bias 7, per layer 4 x 3 x (3 + 3) weights and 2 x 12 biases."""
    layer = 4 * 3 * (3 + 3) + 24
    assert parameters(model(2)) == 7 * 3 + 7 + 2 * layer
    assert parameters(model(2, tied=False)) == 2 * 7 * 3 + 7 + 2 * layer


def test_it_learns_a_text_that_repeats_itself():
    """0 1 2 3 0 1 2 3 ...: the loss falls to almost nothing."""
    sequence = torch.arange(4).repeat(100)
    data = Tensors(sequence[:-1], sequence[1:])
    recipe = Recipe("adam", 0.02, schedule="constant", epochs=15, batch_size=4, steps=10)
    with seeded(0):
        curve = fit(model(1, 16), data, None, recipe, LanguageModelling())
    assert curve.epochs[-1].loss < 0.05


def test_the_rate_is_a_factor_of_the_recipes():
    """And 1 leaves the recipe as it is."""
    recipe = Recipe(learning_rate=0.1)
    half = LstmArchitecture(1, 8, 0.0, tied=True, rate=0.5)
    assert adjust_recipe(half, recipe).learning_rate == pytest.approx(0.05)
    assert adjust_recipe(LstmSpace().starts()[0], recipe) is recipe


def test_images_are_refused():
    """With what the space is for."""
    with pytest.raises(BuildError, match="space 'lstm' models text, but task 'digits'"):
        build(LstmArchitecture(1, 8, 0.0, tied=True), Digits())
