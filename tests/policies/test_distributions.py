"""Both networks are distributions over answers, held against enumeration."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.enumerated import (
    CASES,
    NETWORKS,
    chi_square,
    everything,
    generator,
    marginal_columns,
    numeric_gradient,
)
from reinas.policies.distributions import Conditions
from spaces.handmade import active, decision_lists

every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())
every_case = pytest.mark.parametrize("decisions", CASES.values(), ids=CASES.keys())


def scored(network, answers):
    """Log-probabilities, entropies and P of whole answers, without gradient."""
    with torch.no_grad():
        log_probs, entropies = network.scores(answers)
    assert log_probs.dtype == entropies.dtype == torch.float64
    assert log_probs.shape == entropies.shape == answers.shape
    return log_probs, entropies, log_probs.sum(1).exp()


@every_network
@every_case
def test_probabilities_sum_to_one(make, decisions):
    """The sum of P over all canonical answers is 1 to 1e-12."""
    answers = everything(decisions)
    for seed in (0, 1):
        assert scored(make(decisions, seed=seed), answers)[2].sum() == pytest.approx(1, abs=1e-12)


@every_network
@given(decision_lists(most=200), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_for_all_lists_the_columns_are_conditionals_of_one_distribution(make, decisions, seed):
    """P sums to 1; each column and its entropy follow from P by summing over shared prefixes."""
    answers = everything(decisions)
    log_probs, entropies, p = scored(make(decisions, seed=seed), answers)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    conditionals, closed = marginal_columns(answers, p)
    np.testing.assert_allclose(log_probs, conditionals, atol=1e-10)
    np.testing.assert_allclose(entropies, closed, atol=1e-10)


@every_network
@every_case
def test_each_column_is_the_conditional_and_its_entropy(make, decisions):
    """log P(a_t | a_1..a_(t-1)) and its entropy, from sums of P over shared prefixes."""
    answers = everything(decisions)
    log_probs, entropies, p = scored(make(decisions), answers)
    conditionals, closed = marginal_columns(answers, p)
    np.testing.assert_allclose(log_probs, conditionals, atol=1e-10)
    np.testing.assert_allclose(entropies, closed, atol=1e-10)


@every_network
@every_case
def test_samples_have_the_probabilities_of_log_prob(make, decisions):
    """Frequencies of 20,000 samples match exp(log_prob) by chi-square."""
    network, answers = make(decisions, seed=1), everything(decisions)
    drawn = network.sample(20_000, len(decisions), generator(7))
    assert drawn.dtype == torch.int64
    assert drawn.shape == (20_000, len(decisions))
    assert chi_square(drawn, answers, scored(network, answers)[2]) > 1e-4


@every_network
@given(decision_lists(most=100), st.integers(0, 1000))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_for_all_lists_samples_have_the_probabilities_of_log_prob(make, decisions, seed):
    """Frequencies of 2,000 samples match exp(log_prob) by chi-square."""
    network, answers = make(decisions, seed=seed), everything(decisions)
    p = scored(network, answers)[2]
    assert chi_square(network.sample(2000, len(decisions), generator(seed)), answers, p) > 1e-6


@every_network
@every_case
def test_inactive_decisions_cost_no_log_probability_and_are_zero(make, decisions):
    """Their log-probability and entropy are exactly 0, and so is their sampled answer."""
    network = make(decisions)
    drawn = network.sample(500, len(decisions), generator(3))
    unasked = ~torch.tensor([active(decisions, row) for row in drawn.tolist()])
    log_probs, entropies, _ = scored(network, drawn)
    assert (drawn[unasked] == 0).all()
    assert (log_probs[unasked] == 0).all()
    assert (entropies[unasked] == 0).all()
    several = torch.tensor([d.num_options > 1 for d in decisions])
    assert (log_probs[~unasked & several] < 0).all()
    assert (entropies[~unasked & several] > 0).all()


@every_network
@every_case
def test_a_prefix_is_scored_like_the_first_columns(make, decisions):
    """For every length: the network of a shallower architecture is the deeper one's beginning."""
    network, answers = make(decisions), everything(decisions)
    log_probs, entropies, _ = scored(network, answers)
    for length in range(1, len(decisions) + 1):
        first = scored(network, answers[:, :length])
        torch.testing.assert_close(first[0], log_probs[:, :length], rtol=0, atol=1e-14)
        torch.testing.assert_close(first[1], entropies[:, :length], rtol=0, atol=1e-14)


@every_network
@every_case
def test_sampled_prefixes_have_their_marginal_probability(make, decisions):
    """A sample that stops early is distributed as the beginning of a whole one."""
    network, length = make(decisions, seed=2), (len(decisions) + 1) // 2
    answers = everything(decisions)[:, :length].unique(dim=0)
    p = scored(network, answers)[2]
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert chi_square(network.sample(10_000, length, generator(5)), answers, p) > 1e-4


@every_network
@every_case
def test_scores_do_not_depend_on_the_batch(make, decisions):
    """An answer has the same log-probability alone and among others."""
    network, answers = make(decisions), everything(decisions)
    together = scored(network, answers)[0]
    for k in range(0, len(answers), 7):
        alone = scored(network, answers[k : k + 1])[0]
        torch.testing.assert_close(alone[0], together[k], rtol=0, atol=1e-13)


@every_network
@every_case
def test_samples_follow_the_generator(make, decisions):
    """The same seed gives the same answers, another seed others."""
    network = make(decisions)
    first, again, other = (network.sample(50, len(decisions), generator(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@every_network
@every_case
def test_scoring_leaves_the_answers_alone(make, decisions):
    """The tensor that was given is the same afterwards, even where it is not canonical."""
    answers = torch.tensor([[d.num_options - 1 for d in decisions]])
    before = answers.clone()
    make(decisions).scores(answers)
    assert torch.equal(answers, before)


@pytest.mark.parametrize("case", ["conv", "depth first", "layers of links only"])
@every_network
def test_the_gradient_is_that_of_the_probability(make, case):
    """log P's gradient in every parameter, by central differences: nothing is detached."""
    decisions = CASES[case]
    arguments = {"hidden": 3} if make is NETWORKS["controller"] else {}
    network = make(decisions, seed=4, **arguments)
    answers = everything(decisions)
    answers = answers[:: max(1, len(answers) // 6)]
    weights = torch.linspace(-1, 1.5, answers.numel(), dtype=torch.float64).view_as(answers)

    def value():
        return (network.log_prob(answers) * weights).sum()

    parameters = list(network.parameters())
    gradients = torch.autograd.grad(value(), parameters, allow_unused=True, materialize_grads=True)
    for exact, numeric in zip(gradients, numeric_gradient(value, parameters), strict=True):
        torch.testing.assert_close(exact, numeric, rtol=1e-6, atol=1e-8)


@given(decision_lists(), st.data())
@settings(max_examples=100, deadline=None)
def test_conditions_agree_with_their_definition(decisions, data):
    """For all lists and answers, canonical or not: active if all parents are active and fit."""
    rows = data.draw(
        st.lists(
            st.tuples(*(st.integers(0, d.num_options - 1) for d in decisions)),
            min_size=1,
            max_size=5,
        )
    )
    conditions, masks = Conditions(decisions), {}
    answers = torch.tensor(rows)
    for t, decision in enumerate(decisions):
        mask = conditions.active(t, answers, masks)
        assert (mask is None) == (decision.when == ()) == (not conditions[t])
        said = [True] * len(rows) if mask is None else mask.tolist()
        assert said == [active(decisions, row)[t] for row in rows]
