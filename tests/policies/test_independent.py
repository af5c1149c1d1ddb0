"""Independent softmaxes against their own short arithmetic."""

import numpy as np
import torch

from policies.enumerated import CASES, SMALL_CONV, everything, generator, independent
from reinas import independent as independent_policy
from reinas.policies.independent import IndependentSoftmaxes
from spaces.handmade import active, choice


def test_it_starts_uniform():
    """Every answer of a decision of n options has log-probability -log n and entropy log n."""
    decisions = CASES["conditional links"]
    answers = everything(decisions)
    log_probs, entropies = IndependentSoftmaxes(decisions).double().scores(answers)
    for row, said, entropy in zip(answers.tolist(), log_probs, entropies, strict=True):
        wanted = [
            np.log(d.num_options) if flag else 0.0
            for d, flag in zip(decisions, active(decisions, row), strict=True)
        ]
        np.testing.assert_allclose(entropy.detach(), wanted, atol=1e-14)
        np.testing.assert_allclose(said.detach(), np.negative(wanted), atol=1e-14)


def test_each_column_is_a_softmax_of_its_own_row():
    """log P = logit - log sum exp over the options that the decision has."""
    decisions = CASES["depth first"]
    network = independent(decisions)
    logits = network.logits.detach().numpy()
    answers = everything(decisions)
    for row, said in zip(answers.tolist(), network.log_prob(answers).detach(), strict=True):
        for t, (decision, flag) in enumerate(zip(decisions, active(decisions, row), strict=True)):
            own = logits[t, : decision.num_options]
            wanted = own[row[t]] - np.log(np.exp(own).sum()) if flag else 0.0
            np.testing.assert_allclose(said[t], wanted, atol=1e-14)


def test_a_decisions_answer_does_not_change_the_others():
    """Every column but the changed one stays the same: no memory."""
    decisions = (choice("a", 3), choice("b", 4), choice("c", 2))
    network = independent(decisions)
    rows = torch.tensor([[0, 1, 1], [2, 1, 1], [0, 3, 1]])
    columns = network.log_prob(rows)
    assert torch.equal(columns[0, 1:], columns[1, 1:])
    assert torch.equal(columns[0, [0, 2]], columns[2, [0, 2]])


def test_options_that_do_not_exist_are_never_drawn_and_never_learn():
    """The table is as wide as the largest decision; the rest has no probability, no gradient."""
    decisions = (choice("a", 2), choice("b", 5))
    network = independent(decisions)
    assert network.sample(2000, 2, generator(0))[:, 0].max() == 1
    log_probs, entropies = network.scores(torch.tensor([[0, 4], [1, 0]]))
    (log_probs.sum() + entropies.sum()).backward()
    assert torch.isfinite(network.logits.grad).all()
    assert (network.logits.grad[0, 2:] == 0).all()


def test_the_softmaxs_gradient_is_one_hot_minus_p():
    """d log P(a) / d logits = e_a - p, worked for one decision of three."""
    network = independent((choice("a", 3),))
    p = torch.softmax(network.logits.detach()[0], 0)
    network.log_prob(torch.tensor([[2]])).sum().backward()
    torch.testing.assert_close(network.logits.grad[0], torch.tensor([0.0, 0, 1]).double() - p)


def test_inactive_decisions_do_not_learn():
    """At depth 1 of 3 the rows of the deeper layers have gradient exactly 0."""
    decisions = CASES["mlp"]
    network = independent(decisions)
    network.log_prob(torch.tensor([[0, 1, 1, 0, 0, 0, 0]])).sum().backward()
    assert (network.logits.grad[:3].abs().sum(1) > 0).all()
    assert (network.logits.grad[3:] == 0).all()


def test_the_policy_has_no_seed():
    """It starts uniform, so two policies are alike."""
    one, two = independent_policy(SMALL_CONV), independent_policy(SMALL_CONV)
    assert one.propose(9, length=12, seed=1) == two.propose(9, length=12, seed=1)
    assert dict(one.settings) == {"name": "independent", "learning_rate": 0.1, "decay": 0.95}
