"""REINFORCE (Zoph & Le 2016, section 3.2): the loss and its gradient, against the exact one."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.enumerated import (
    CASES,
    NETWORKS,
    SMALL_CONV,
    controller,
    everything,
    generator,
    independent,
    numeric_gradient,
    table,
)
from reinas import Outcome, Trial, zoph_le
from reinas.errors import SettingError
from reinas.policies.baseline import moving_average
from reinas.policies.reinforce import reinforce_loss

every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())


def gradient_of(value, network):
    """One flat vector: the gradient of a scalar in all parameters."""
    parts = torch.autograd.grad(
        value, list(network.parameters()), allow_unused=True, materialize_grads=True
    )
    return torch.cat([part.flatten() for part in parts])


def exact(network, answers, rewards):
    """The gradient of J = sum of P R, by summing over the whole space."""
    return gradient_of((network.log_prob(answers).sum(1).exp() * rewards).sum(), network)


def test_the_loss_worked_by_hand():
    """-(1/2) [(-1 - 2) (5 - 3) + (-0.5 - 0.25) (1 - 3)] = 2.25: all steps, mean over children."""
    log_probs = torch.tensor([[-1.0, -2.0], [-0.5, -0.25]])
    loss = reinforce_loss(log_probs, torch.tensor([5.0, 1.0]), 3.0)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(-0.5 * (-3 * 2 + -0.75 * -2))
    assert loss.item() == pytest.approx(2.25)


def test_the_losss_gradient_worked_by_hand():
    """Every step of child k has -(R_k - b) / m, the first like the last."""
    log_probs = torch.zeros(2, 3, requires_grad=True)
    reinforce_loss(log_probs, torch.tensor([5.0, 1.0]), 3.0).backward()
    assert log_probs.grad.tolist() == [[-1.0] * 3, [1.0] * 3]


def test_rewards_are_constants():
    """No gradient goes into the rewards, even where they could take one."""
    rewards = torch.tensor([1.0, 2.0], requires_grad=True)
    log_probs = torch.zeros(2, 1, requires_grad=True)
    reinforce_loss(log_probs, rewards, 0.5).backward()
    assert rewards.grad is None


NETWORK = {
    "controller": controller(SMALL_CONV.decisions, hidden=4),
    "independent": independent(SMALL_CONV.decisions),
}


@pytest.mark.parametrize("name", NETWORK)
@given(baseline=st.floats(-1e3, 1e3), seed=st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_the_estimator_is_unbiased_for_any_baseline(name, baseline, seed):
    """Summed over all answers with weight P, m = 1 each, it is minus the exact gradient."""
    network, known = NETWORK[name], table(seed)
    log_probs = network.log_prob(known.answers)
    p = log_probs.detach().sum(1).exp()
    losses = [
        reinforce_loss(log_probs[k : k + 1], known.rewards[k : k + 1], baseline)
        for k in range(len(p))
    ]
    weighted = gradient_of((torch.stack(losses) * p).sum(), network)
    wanted = -exact(network, known.answers, known.rewards)
    scale = max(1.0, abs(baseline))
    torch.testing.assert_close(weighted, wanted, rtol=0, atol=1e-10 * scale)


@pytest.mark.parametrize("case", ["depth first", "layers of links only"])
@every_network
def test_the_estimator_is_unbiased_on_conditional_spaces(make, case):
    """The same by central differences of J, where some decisions are inactive."""
    network = make(CASES[case], seed=3)
    known = table(1, CASES[case])
    log_probs = network.log_prob(known.answers)
    p = log_probs.detach().sum(1).exp()
    weighted = gradient_of((-log_probs.sum(1) * (known.rewards - 0.7) * p).sum(), network)
    ours = sum(
        p[k] * gradient_of(reinforce_loss(network.log_prob(a), r, 0.7), network)
        for k, (a, r) in enumerate(zip(known.answers.split(1), known.rewards.split(1), strict=True))
    )
    torch.testing.assert_close(ours, weighted, rtol=0, atol=1e-10)

    def value():
        return (network.log_prob(known.answers).sum(1).exp() * known.rewards).sum()

    some = [p for p in network.parameters() if p.numel() <= 40]
    numeric = torch.cat([g.flatten() for g in numeric_gradient(value, some)])
    places = torch.cat([torch.full((q.numel(),), q.numel() <= 40) for q in network.parameters()])
    torch.testing.assert_close(ours[places], -numeric, rtol=1e-6, atol=1e-8)


@every_network
def test_sampled_gradients_converge_to_the_exact_one(make):
    """The mean over 500 batches of 8 is within 5 standard errors, component by component."""
    arguments = {"hidden": 3} if make is controller else {}
    network, known = make(SMALL_CONV.decisions, seed=2, **arguments), table(2)
    drawn = network.sample(500 * 8, len(SMALL_CONV.decisions), generator(11))
    estimates = []
    for batch in drawn.split(8):
        rewards = torch.tensor([known.of[tuple(row)] for row in batch.tolist()]).double()
        loss = reinforce_loss(network.log_prob(batch), rewards, 0.5)
        estimates.append(-gradient_of(loss, network))
    estimates = torch.stack(estimates)
    error = estimates.std(0) / math.sqrt(len(estimates))
    wanted = exact(network, known.answers, known.rewards)
    assert wanted.norm() > 0.05
    moving = error > 0
    assert ((estimates.mean(0) - wanted).abs()[moving] < 5 * error[moving]).all()
    assert (wanted[~moving] == 0).all()


def test_a_baseline_near_the_mean_lowers_the_variance():
    """With rewards near 10 the estimator's variance falls at least a hundredfold."""
    network, known = independent(SMALL_CONV.decisions), table(3)
    p = network.log_prob(known.answers).detach().sum(1).exp()
    scores = torch.stack(
        [gradient_of(network.log_prob(a).sum(), network) for a in known.answers.split(1)]
    )

    def variance(baseline):
        single = scores * (known.rewards + 10 - baseline).unsqueeze(1)
        mean = (single * p.unsqueeze(1)).sum(0)
        return ((single - mean) ** 2 * p.unsqueeze(1)).sum().item()

    assert variance(0.0) > 100 * variance(float((p * (known.rewards + 10)).sum()))


def test_the_moving_average_worked_by_hand():
    """NaN is no value yet; then 0.9 * 2 + 0.1 * 7 = 2.5."""
    assert moving_average(math.nan, 2.0, 0.9) == 2.0
    assert moving_average(2.0, 7.0, 0.9) == pytest.approx(2.5)
    assert moving_average(2.0, 7.0, 0.0) == 7.0


def test_more_children_are_a_mean_and_not_a_sum():
    """The gradient of a batch is the mean of its children's gradients."""
    network = controller(SMALL_CONV.decisions, hidden=3)
    answers = everything(SMALL_CONV.decisions)[[3, 17, 40]]
    rewards = torch.tensor([0.2, 0.9, 0.4]).double()
    whole = gradient_of(reinforce_loss(network.log_prob(answers), rewards, 0.3), network)
    single = [
        gradient_of(reinforce_loss(network.log_prob(a), r, 0.3), network)
        for a, r in zip(answers.split(1), rewards.split(1), strict=True)
    ]
    np.testing.assert_allclose(whole, torch.stack(single).mean(0), atol=1e-12)


def test_the_defaults_are_the_papers_settings():
    """Two layers of 35, uniform +-0.08, Adam at 0.0006, decay 0.95: and nothing else is done."""
    policy = zoph_le(SMALL_CONV)
    assert dict(policy.settings) == {
        "name": "zoph-le",
        "hidden": 35,
        "layers": 2,
        "initial": 0.08,
        "learning_rate": 0.0006,
        "decay": 0.95,
        "seed": 0,
    }
    before = [p.detach().clone() for p in policy.network.parameters()]
    drawn = [(0,) * 12, (1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1)]
    policy.update([Trial(k, 0, a, Outcome(1.0 - k)) for k, a in enumerate(drawn)])
    steps = [
        (p.detach() - b).abs().max().item()
        for p, b in zip(policy.network.parameters(), before, strict=True)
    ]
    assert max(steps) == pytest.approx(0.0006, rel=1e-2)  # Adam's first step is its rate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": 0}, "policy.hidden must be at least 1, got 0"),
        ({"layers": 0}, "policy.layers must be at least 1, got 0"),
        ({"initial": 0.0}, "policy.initial must be above 0 and finite, got 0.0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0 and finite, got 0.0"),
        ({"learning_rate": math.nan}, "learning_rate must be above 0 and finite, got nan"),
        ({"decay": 1.0}, "decay must be at least 0 and below 1, got 1.0"),
        ({"decay": -0.1}, "decay must be at least 0 and below 1, got -0.1"),
    ],
)
def test_settings_that_cannot_work_are_refused(arguments, message):
    """The message has the key, its range and the value."""
    with pytest.raises(SettingError, match=message):
        zoph_le(SMALL_CONV, **arguments)
