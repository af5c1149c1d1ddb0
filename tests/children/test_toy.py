"""The review's children, against its formula (docs/review.md)."""

import math

import pytest
import torch

from reinas import Digits, Toy, ToySpace, Wine, build
from reinas.errors import BuildError
from reinas.spaces.toy import ToyArchitecture

FORMULAS = {"linear": lambda z: z, "sigmoid": lambda z: 1 / (1 + math.exp(-z))}
ALL = [(h, g) for h in FORMULAS for g in FORMULAS]


@pytest.mark.parametrize(("h", "g"), ALL)
def test_the_forward_pass_is_the_formula(h, g):
    """w3 g(w2 h(w1 x + b1) + b2) + b3."""
    child = build(ToyArchitecture(h, g), Toy())
    numbers = (0.3, -2.0, 1.7, 0.4, -5.0, 0.25)
    for parameter, value in zip(child.parameters(), numbers, strict=True):
        parameter.data.fill_(value)
    w1, b1, w2, b2, w3, b3 = numbers
    xs = [10.0, 10.5, 10.99, -3.0]
    expected = [w3 * FORMULAS[g](w2 * FORMULAS[h](w1 * x + b1) + b2) + b3 for x in xs]
    out = child(torch.tensor(xs)[:, None])
    assert out.shape == (4, 1)
    assert out.flatten().tolist() == pytest.approx(expected, rel=1e-5)


def test_the_space_has_the_reviews_four_children():
    """Answers (h, g): 0 is linear, 1 is sigmoid."""
    space = ToySpace()
    found = [space.decode(answers) for answers in space.enumerate()]
    assert [(f.h, f.g) for f in found] == ALL
    assert list(space.enumerate()) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_weights_are_glorot_uniform_and_biases_zero():
    """Uniform within sqrt(6 / (1 in + 1 out)): the bound, the mean 0 and the variance b^2 / 3."""
    bound = math.sqrt(6 / 2)
    torch.manual_seed(0)
    children = [build(ToyArchitecture("linear", "linear"), Toy()) for _ in range(700)]
    named = [item for child in children for item in child.named_parameters()]
    weights = torch.cat([p.detach().flatten() for name, p in named if name.endswith("weight")])
    biases = torch.cat([p.detach().flatten() for name, p in named if name.endswith("bias")])
    assert len(weights) == len(biases) == 2100
    assert not biases.any()
    assert weights.abs().max() <= bound
    assert weights.abs().max() > 0.99 * bound
    # four standard errors of 2,100 draws
    assert abs(float(weights.mean())) < 4 * bound / math.sqrt(3 * 2100)
    assert float(weights.var()) == pytest.approx(bound**2 / 3, rel=0.08)


@pytest.mark.parametrize("task", [Wine(), Digits()])
def test_other_tasks_are_refused(task):
    """The message names the space, the task and what is needed."""
    with pytest.raises(BuildError, match=f"'toy' needs one number in and one out.*'{task.name}'"):
        build(ToyArchitecture("linear", "linear"), task)
