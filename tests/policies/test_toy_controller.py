"""The review's five-parameter controller against its formula (docs/review.md)."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.enumerated import chi_square, everything, generator
from reinas import ToySpace
from reinas.policies.exact import exact_gradient, expected_reward
from reinas.policies.toy_controller import ReviewController
from reinas.questions.toy import REVIEW_LOSSES, closed_form

ANSWERS = everything(ToySpace().decisions)
theta_ = st.tuples(*[st.floats(-6, 6)] * 5)
losses_ = st.tuples(*[st.floats(-100, 100)] * 4)


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def table(theta):
    """P of the four children, term by term from the formula."""
    c, w1, b1, w2, b2 = theta
    first = sigmoid(c)
    second = [sigmoid(w2 * math.tanh(w1 * a + b1) + b2) for a in (0, 1)]
    return {
        (0, 0): (1 - first) * (1 - second[0]),
        (0, 1): (1 - first) * second[0],
        (1, 0): first * (1 - second[1]),
        (1, 1): first * second[1],
    }


def objective(theta, losses):
    """J as the sum of the four terms."""
    return sum(p * losses[a] for a, p in table(theta).items())


def differences(theta, losses, step=1e-5):
    """Central differences of J in the five parameters."""
    result = []
    for n in range(5):
        up, down = list(theta), list(theta)
        up[n], down[n] = up[n] + step, down[n] - step
        result.append((objective(up, losses) - objective(down, losses)) / (2 * step))
    return result


@given(theta_, losses_)
@settings(max_examples=200, deadline=None)
def test_the_expected_loss_is_the_four_term_formula(theta, values):
    """By enumeration and by the closed form, to 1e-12 of the losses' size, for all theta."""
    losses = dict(zip(REVIEW_LOSSES, values, strict=True))
    wanted = objective(theta, losses)
    rewards = torch.tensor([losses[tuple(a)] for a in ANSWERS.tolist()], dtype=torch.float64)
    network = ReviewController(theta)
    assert expected_reward(network, ANSWERS, rewards).item() == pytest.approx(wanted, abs=1e-10)
    assert closed_form(theta, losses)[0].expected == pytest.approx(wanted, abs=1e-10)
    ones = torch.ones(4, dtype=torch.float64)
    assert expected_reward(network, ANSWERS, ones).item() == pytest.approx(1, abs=1e-12)


@given(theta_, losses_)
@settings(max_examples=200, deadline=None)
def test_the_gradient_is_that_of_the_formula(theta, values):
    """By automatic differentiation and by hand, against central differences, for all theta."""
    losses = dict(zip(REVIEW_LOSSES, values, strict=True))
    wanted = differences(theta, losses)
    rewards = torch.tensor([losses[tuple(a)] for a in ANSWERS.tolist()], dtype=torch.float64)
    (exact,) = exact_gradient(ReviewController(theta), ANSWERS, rewards)
    point, by_hand = closed_form(theta, losses)
    np.testing.assert_allclose(exact, wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(by_hand, exact, rtol=1e-9, atol=1e-12)
    assert point.gradient_norm == pytest.approx(float(exact.norm()), rel=1e-9, abs=1e-12)


@given(theta_)
@settings(max_examples=100, deadline=None)
def test_each_column_is_its_own_probability(theta):
    """log P(A1) and log P(A2 | A1), and the entropy of each bit."""
    c, w1, b1, w2, b2 = theta
    log_probs, entropies = ReviewController(theta).scores(ANSWERS)
    for (a1, a2), said, entropy in zip(ANSWERS.tolist(), log_probs, entropies, strict=True):
        first, second = sigmoid(c), sigmoid(w2 * math.tanh(w1 * a1 + b1) + b2)
        for n, (p, answer) in enumerate(((first, a1), (second, a2))):
            assert said[n].item() == pytest.approx(math.log(p if answer else 1 - p), abs=1e-8)
            wanted = -(p * math.log(p) + (1 - p) * math.log(1 - p)) if 0 < p < 1 else 0
            assert entropy[n].item() == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize("theta", [(0, 0, 0, 0, 0), (0.5, 1, -2, 1.5, 0.3), (-1, 3, 0, -1, 1)])
def test_samples_have_the_formulas_probabilities(theta):
    """20,000 samples by chi-square."""
    p = table(theta)
    drawn = ReviewController(theta).sample(20_000, 2, generator(4))
    assert drawn.dtype == torch.int64
    assert chi_square(drawn, ANSWERS, [p[tuple(a)] for a in ANSWERS.tolist()]) > 1e-4


def test_extreme_thetas_stay_finite():
    """At the review's starts and far beyond, log-probabilities and gradients are numbers."""
    for theta in ((-8, 77, 77, 0, -8), (5, 1, 1, 5, 5), (800, -900, 0, 700, -800)):
        network = ReviewController(theta)
        log_probs, entropies = network.scores(ANSWERS)
        log_probs.sum().backward()
        assert torch.isfinite(log_probs).all()
        assert torch.isfinite(entropies).all()
        assert torch.isfinite(network.theta.grad).all()


def test_without_w2_the_decisions_are_independent():
    """The review's conclusion: w2 = 0 makes P(A1, A2) = P(A1) P(A2)."""
    p = ReviewController((0.7, 3, -1, 0, -0.4)).log_prob(ANSWERS).sum(1).exp().view(2, 2)
    torch.testing.assert_close(p, p.sum(1, keepdim=True) * p.sum(0, keepdim=True))


def test_one_decision_is_scored_as_the_first_of_two():
    """The contract of every network: T may be any prefix of the decisions."""
    network = ReviewController((0.5, 1, -2, 1.5, 0.3))
    first = torch.tensor([[0], [1]])
    log_probs, entropies = network.scores(first)
    assert log_probs.shape == entropies.shape == (2, 1)
    whole = network.scores(torch.tensor([[0, 0], [1, 0]]))
    assert torch.equal(log_probs, whole[0][:, :1])
    assert network.sample(3, 1, generator()).shape == (3, 1)
