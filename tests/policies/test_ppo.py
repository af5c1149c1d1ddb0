"""PPO: its objective by hand and against REINFORCE, its search against what can be known."""

import numpy as np
import pytest
import torch

from policies.enumerated import SMALL_CONV, controller, everything, independent
from reinas import Outcome, Trial
from reinas.errors import SettingError
from reinas.policies.ppo import clipped_loss, ppo
from reinas.policies.reinforce import reinforce_loss
from reinas.spaces.nasbench201 import NasBench201Space
from reinas.testing import PolicyContract


class TestPpo(PolicyContract):
    """The paper's controller."""

    def make(self, space):
        return ppo(space, seed=3)


class TestIndependentPpo(PolicyContract):
    """One softmax per decision."""

    def make(self, space):
        return ppo(space, network="independent", entropy=0.1)


def test_the_objective_worked_by_hand():
    """Ratios 1.5 and 0.5 of two steps, clipped at 0.2: gains count up to the clip, losses wholly.

    Advantage 2: min(3, 2.4) + min(1, 1.6) = 3.4; advantage -1: min(-1.5, -1.2) + min(-0.5, -0.8)
    = -2.3; the mean of both is 0.55.
    """
    before = torch.zeros(2, 2)
    now = torch.log(torch.tensor([[1.5, 0.5], [1.5, 0.5]]))
    loss = clipped_loss(now, before, torch.tensor([2.0, -1.0]), 0.2)
    assert loss.item() == pytest.approx(-0.55)


@pytest.mark.parametrize("make", [controller, independent])
def test_its_first_gradient_is_reinforces(make):
    """Before anything has changed all ratios are 1."""
    network = make(SMALL_CONV.decisions)
    answers = everything(SMALL_CONV.decisions)[:7]
    rewards = torch.linspace(-1, 2, 7)
    log_probs = network.log_prob(answers)
    ours = clipped_loss(log_probs, log_probs.detach(), rewards - 0.3, 0.2)
    theirs = reinforce_loss(log_probs, rewards, 0.3)
    parameters = list(network.parameters())
    options = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    for one, other in zip(
        torch.autograd.grad(ours, parameters, **options),
        torch.autograd.grad(theirs, parameters, **options),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_beyond_the_clip_nothing_is_gained():
    """The gradient is 0 where the ratio has passed the clip in the advantage's direction."""
    now = torch.tensor([[0.5, -0.5]], requires_grad=True)
    clipped_loss(now, torch.zeros(1, 2), torch.tensor([1.0]), 0.2).backward()
    assert now.grad[0, 0] == 0
    assert now.grad[0, 1] != 0


def rewarded(space, policy, trials):
    """The mean reward of the last 100: the number of 3 x 3 convolutions."""
    seen = []
    for batch in range(trials // 8):
        proposed = policy.propose(8, length=len(space.decisions), seed=batch)
        values = [float(sum(a == 3 for a in answers)) for answers in proposed]
        policy.update(
            [
                Trial(8 * batch + k, batch, a, Outcome(v))
                for k, (a, v) in enumerate(zip(proposed, values, strict=True))
            ]
        )
        seen += values
    return np.mean(seen[-100:])


@pytest.mark.parametrize("network", ["lstm", "independent"])
def test_it_learns_faster_with_more_steps_per_batch(network):
    """From 1.2 convolutions, as drawn uniformly, to more than with one step."""
    space = NasBench201Space()
    rate = {"lstm": 0.003, "independent": 0.03}[network]
    once, often = (
        rewarded(space, ppo(space, network=network, epochs=n, learning_rate=rate), 400)
        for n in (1, 8)
    )
    assert often > once > 1.2
    assert often > 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"clip": 0.0}, "policy.clip must be above 0"),
        ({"epochs": 0}, "policy.epochs must be from 1"),
        ({"entropy": -1.0}, "policy.entropy must be from 0"),
        ({"learning_rate": 0.0}, "policy.learning_rate must be above 0"),
        ({"seed": -1}, "policy.seed must be from 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    """The message has the key and the range."""
    with pytest.raises(SettingError, match=words):
        ppo(SMALL_CONV, **settings)
