"""The networks between LSTM and softmaxes: distributions, and each differs in one cause only."""

import numpy as np
import pytest
import torch

from policies.enumerated import CASES, chi_square, everything, generator, marginal_columns
from reinas.errors import SettingError
from reinas.policies.exact import exact_gradient
from reinas.questions import networks
from reinas.questions.networks import Attention, PrefixTable, Unfed, apart
from reinas.registry import make
from reinas.spaces.nasbench201 import NasBench201Space
from reinas.spaces.product import ProductSpace
from reinas.testing import PolicyContract

PLAIN = ProductSpace((("a", (1, 2, 3)), ("b", (1, 2)), ("c", ("x", "y", "z")))).decisions
MAKERS = {
    "attention": lambda d: Attention(d, width=8, heads=2, generator=generator()),
    "attention apart": lambda d: Attention(apart(d), width=8, heads=2, generator=generator()),
    "unfed": lambda d: Unfed(d, hidden=6, initial=1.0, generator=generator()),
    "table": lambda d: spread(PrefixTable(d)),
}


def spread(network):
    """Far from uniform."""
    with torch.no_grad():
        for n, parameter in enumerate(network.parameters()):
            parameter.add_(torch.randn(parameter.shape, generator=generator(n)), alpha=0.3)
    return network


class TestAttention(PolicyContract):
    """In spaces with links and with conditions."""

    def make(self, space):
        return networks.attention(space, seed=1)


class TestUnfed(PolicyContract):
    """The same."""

    def make(self, space):
        return networks.unfed(space, seed=1)


class TestKindsApart(PolicyContract):
    """The same."""

    def make(self, space):
        return networks.kinds_apart(space, seed=1)


@pytest.mark.parametrize("name", ["attention", "attention apart", "unfed"])
@pytest.mark.parametrize("case", CASES)
def test_probabilities_sum_to_one_and_each_is_conditional_on_what_came_before(name, case):
    """Over all canonical answers, with links and conditions; drawn as often as they say."""
    check(MAKERS[name](CASES[case]).double(), everything(CASES[case]))


def test_the_table_does_so_too():
    """Without conditions."""
    check(MAKERS["table"](PLAIN).double(), everything(PLAIN))


def check(network, answers):
    with torch.no_grad():
        log_probs, entropies = network.scores(answers)
        p = log_probs.sum(1).exp()
        drawn = network.sample(2000, answers.shape[1], generator(1))
    assert p.sum().item() == pytest.approx(1)
    conditionals, closed = marginal_columns(answers, p)
    np.testing.assert_allclose(log_probs, conditionals, atol=1e-8)
    np.testing.assert_allclose(entropies, closed, atol=1e-8)
    assert chi_square(drawn, answers, p.numpy()) > 1e-6


def test_without_feedback_it_is_a_product():
    """P(a, b, c) = P(a) P(b) P(c) for all; with the table it is not."""
    answers = everything(PLAIN)
    for name, product in (("unfed", True), ("table", False), ("attention", False)):
        network = MAKERS[name](PLAIN).double()
        if name == "attention":
            spread(network)
        with torch.no_grad():
            joint = network.log_prob(answers).sum(1).exp().reshape(3, 2, 3)
        single = [joint.sum(tuple({0, 1, 2} - {n})) for n in range(3)]
        closed = torch.einsum("a,b,c->abc", *single)
        assert torch.allclose(joint, closed, atol=1e-6) == product, name


def test_the_table_expresses_any_distribution():
    """Its logits set to log-conditionals give the joint back."""
    answers = everything(PLAIN)
    joint = torch.rand(3, 2, 3, generator=generator(), dtype=torch.float64)
    joint /= joint.sum()
    table = PrefixTable(PLAIN).double()
    with torch.no_grad():
        table.logits[0][:] = joint.sum((1, 2)).log()
        table.logits[1][:] = joint.sum(2).log()
        table.logits[2][:] = joint.reshape(6, 3).log()
    found = table.log_prob(answers).sum(1).exp().reshape(3, 2, 3)
    torch.testing.assert_close(found, joint)


@pytest.mark.parametrize("name", MAKERS)
def test_their_gradients_are_those_of_central_differences(name):
    """Of the expected reward, in a few parameters of each."""
    answers = everything(PLAIN)
    rewards = torch.rand(len(answers), generator=generator(3), dtype=torch.float64)
    network = MAKERS[name](PLAIN).double()
    exact = exact_gradient(network, answers, rewards)
    for parameter, slope in zip(network.parameters(), exact, strict=True):
        flat, slopes = parameter.detach().view(-1), slope.reshape(-1)
        place = int(slopes.abs().argmax())
        sides = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                flat[place] += step
                sides.append(float(network.log_prob(answers).sum(1).exp() @ rewards))
                flat[place] -= step
        assert slopes[place].item() == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-6)


@pytest.mark.parametrize(
    "name", ["kinds_apart", "unfed", "unfed_kinds_apart", "prefix_table", "attention"]
)
def test_every_arm_is_a_policy_by_its_name(name):
    """So that a comparison on the command line takes it."""
    space = NasBench201Space()
    settings = {"name": f"reinas.questions.networks:{name}", "learning_rate": 0.02}
    policy = make("policy", settings, space=space)
    assert policy.settings["learning_rate"] == 0.02
    assert policy.settings["name"] == settings["name"]
    assert len(policy.propose(8, length=6, seed=0)) == 8


def test_a_table_that_would_be_too_large_is_refused():
    """Twelve decisions of four options have 5.6 million prefixes; conditions are refused too."""
    wide = ProductSpace(tuple((f"d{n}", (1, 2, 3, 4)) for n in range(12))).decisions
    with pytest.raises(SettingError, match="at most 200,000, got 5,592,405"):
        PrefixTable(wide)
    with pytest.raises(SettingError, match="without conditions"):
        PrefixTable(CASES["mlp"])
