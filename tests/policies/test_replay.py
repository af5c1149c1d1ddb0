"""REINFORCE with replay, against the exact gradient on a space that can be enumerated."""

import numpy as np
import pytest
import torch

from policies.enumerated import SMALL_CONV, controller, everything, generator, independent
from reinas import Outcome, Trial
from reinas.errors import SettingError
from reinas.policies.reinforce import zoph_le
from reinas.policies.replay import replay, replay_loss
from reinas.spaces.nasbench201 import NasBench201Space
from reinas.testing import PolicyContract


class TestReplay(PolicyContract):
    """The paper's controller; some children are replayed."""

    def make(self, space):
        return replay(space, seed=3, sample=4)


class TestIndependentReplay(PolicyContract):
    """One softmax per decision."""

    def make(self, space):
        return replay(space, network="independent", steps=2)


def gradient(value, network):
    parts = torch.autograd.grad(
        value, list(network.parameters()), allow_unused=True, materialize_grads=True
    )
    return torch.cat([part.flatten() for part in parts]).double()


@pytest.mark.parametrize("make", [controller, independent])
def test_children_of_another_policy_give_the_exact_gradient(make):
    """Summed over all answers, each as often as an older policy would draw it."""
    network = make(SMALL_CONV.decisions)
    answers = everything(SMALL_CONV.decisions)
    rewards = torch.rand(len(answers), generator=generator())
    with torch.no_grad():
        older = network.log_prob(answers).sum(1)
        for n, parameter in enumerate(network.parameters()):
            parameter.add_(torch.randn(parameter.shape, generator=generator(n)), alpha=0.3)
    now = network.log_prob(answers).sum(1)
    assert (now - older).abs().max() > 0.1
    exact = gradient((now.exp() * rewards).sum(), network)
    now = network.log_prob(answers).sum(1)
    # a mean over n answers, of which each counts n times its probability
    weighted = (rewards - 0.4) * older.exp() * len(answers)
    loss = replay_loss(now, older, weighted, most=1e6)
    torch.testing.assert_close(-gradient(loss, network), exact, rtol=1e-3, atol=1e-6)


def test_weights_are_cut_off():
    """A child that has become 20 times as likely counts 10 times."""
    now = torch.log(torch.tensor([0.2, 0.1])).requires_grad_()
    then = torch.log(torch.tensor([0.01, 0.2]))
    replay_loss(now, then, torch.tensor([1.0, 1.0]), most=10.0).backward()
    assert now.grad.tolist() == pytest.approx([-10 / 2, -0.5 / 2])


def test_with_one_step_it_is_the_papers_rule():
    """The same proposals as REINFORCE, batch by batch."""
    space = NasBench201Space()
    ours, theirs = replay(space, steps=1, seed=5), zoph_le(space, learning_rate=0.01, seed=5)
    for batch in range(6):
        proposed = ours.propose(8, length=6, seed=batch)
        assert proposed == theirs.propose(8, length=6, seed=batch)
        trials = [Trial(k, batch, a, Outcome(float(sum(a)))) for k, a in enumerate(proposed)]
        ours.update(trials)
        theirs.update(trials)


def test_what_is_remembered_is_learned_from():
    """More steps reach the same reward in fewer children."""
    space = NasBench201Space()

    def last(steps):
        policy = replay(space, network="independent", learning_rate=0.03, steps=steps)
        seen = []
        for batch in range(40):
            proposed = policy.propose(8, length=6, seed=batch)
            values = [float(sum(a == 3 for a in answers)) for answers in proposed]
            said = policy.update(
                [
                    Trial(8 * batch + k, batch, a, Outcome(v))
                    for k, (a, v) in enumerate(zip(proposed, values, strict=True))
                ]
            )
            seen += values
        assert said["remembered"] == 320
        return np.mean(seen[-80:])

    assert last(8) > last(1) + 0.5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": 0}, "policy.steps must be from 1"),
        ({"sample": 0}, "policy.sample must be at least 1"),
        ({"most": 0.0}, "policy.most must be above 0"),
        ({"decay": 1.0}, "policy.decay must be at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    """The message has the key and the range."""
    with pytest.raises(SettingError, match=words):
        replay(SMALL_CONV, **settings)
