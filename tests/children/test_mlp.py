"""Multilayer perceptrons, against the formula."""

import numpy as np
import pytest
import torch
from scipy.special import erf

from reinas import Digits, MlpSpace, Wine, build
from reinas.children import parameters
from reinas.spaces.mlp import MlpArchitecture, MlpLayer

FORMULAS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "identity": lambda z: z,
}


def perceptron(*layers):
    return MlpArchitecture(tuple(MlpLayer(*layer) for layer in layers))


@pytest.mark.parametrize("activation", FORMULAS)
def test_the_forward_pass_is_the_formula(activation):
    """W3 f(W2 tanh(W1 x + b1) + b2) + b3, for every activation f."""
    child = build(perceptron((5, "tanh"), (4, activation)), Wine())
    w1, b1, w2, b2, w3, b3 = (p.detach().double().numpy() for p in child.parameters())
    assert [w.shape for w in (w1, w2, w3)] == [(5, 13), (4, 5), (3, 4)]
    x = np.random.default_rng(0).standard_normal((6, 13))
    hidden = FORMULAS[activation](np.tanh(x @ w1.T + b1) @ w2.T + b2)
    with torch.no_grad():
        out = child(torch.from_numpy(x.astype(np.float32))).numpy()
    np.testing.assert_allclose(out, hidden @ w3.T + b3, rtol=1e-4, atol=1e-5)


def test_every_activation_of_the_space_can_be_built():
    """What the space may name, the child knows."""
    space = MlpSpace(depth=1, widths=(2,), activations=tuple(FORMULAS))
    for answers in space.enumerate():
        assert build(space.decode(answers), Wine())(torch.zeros(1, 13)).shape == (1, 3)


def test_images_are_flattened_row_by_row():
    """Channel, then row, then column: the order in which the pixels lie."""
    child = build(perceptron((3, "identity")), Digits())
    x = torch.arange(128.0).view(2, 1, 8, 8)
    torch.testing.assert_close(child(x), child(x.reshape(2, 64)))


def test_parameters_are_those_counted_by_hand():
    """(13 + 1) 8 + (8 + 1) 4 + (4 + 1) 3 = 163."""
    assert parameters(build(perceptron((8, "relu"), (4, "tanh")), Wine())) == 163


def test_the_output_layer_has_no_activation():
    """Logits are any numbers: with a large bias they are large, with a negative one negative."""
    child = build(perceptron((2, "sigmoid")), Wine())
    list(child.parameters())[-1].data.copy_(torch.tensor([-50.0, 0.0, 50.0]))
    out = child(torch.zeros(1, 13))[0]
    assert out[0] < -40
    assert out[2] > 40
