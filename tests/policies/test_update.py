"""The policy that learns by REINFORCE: baseline, Adam, failures, state."""

import io
import math

import numpy as np
import pytest
import torch

from policies.enumerated import NETWORKS, SMALL_CONV, controller, independent, table
from reinas import Outcome, Trial, zoph_le
from reinas import independent as independent_policy
from reinas.policies.reinforce import Reinforce
from reinas.testing import PolicyContract

FIRST, SECOND = (0,) * 12, (1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1)
LENGTH = 12


class TestZophLe(PolicyContract):
    """The paper's controller, at a rate at which three batches show."""

    def make(self, space):
        return zoph_le(space, learning_rate=0.01, seed=1)


class TestIndependent(PolicyContract):
    """One softmax per decision."""

    def make(self, space):
        return independent_policy(space)


def policy_of(network, learning_rate=0.01, decay=0.95):
    """REINFORCE on any network."""
    return Reinforce(network, {"name": "test"}, learning_rate=learning_rate, decay=decay)


def batch(*pairs):
    """Trials of (answers, reward); None is a failure."""
    outcomes = [Outcome(None, error="it broke") if r is None else Outcome(r) for _, r in pairs]
    return [Trial(k, 0, a, o) for k, ((a, _), o) in enumerate(zip(pairs, outcomes, strict=True))]


def probability(network, answers):
    """P of one whole answer."""
    with torch.no_grad():
        return network.log_prob(torch.tensor([answers])).sum().exp().item()


def expected(network, known):
    """J, by summing over the whole space."""
    with torch.no_grad():
        return (network.log_prob(known.answers).sum(1).exp() * known.rewards).sum().item()


every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())


def test_the_baseline_over_three_updates_worked_by_hand():
    """It starts at the first batch's mean, and moves after the advantage is taken.

    Batch means 2, 6, 1: the baselines used are 2, 2, 0.95 * 2 + 0.05 * 6 = 2.2, and then comes
    0.95 * 2.2 + 0.05 * 1 = 2.14.
    """
    policy = policy_of(controller(SMALL_CONV.decisions))
    assert math.isnan(policy.baseline.average)
    diagnostics = [
        policy.update(batch((FIRST, a), (SECOND, b))) for a, b in ((1.0, 3.0), (5.0, 7.0), (2, 0))
    ]
    assert [s["baseline"] for s in diagnostics] == pytest.approx([2.0, 2.0, 2.2])
    assert [s["reward"] for s in diagnostics] == pytest.approx([2.0, 6.0, 1.0])
    assert policy.baseline.average == pytest.approx(2.14)


def test_a_failed_child_counts_as_reward_zero():
    """Mean and gradient are those of a reward of 0."""
    failed, zero = (policy_of(controller(SMALL_CONV.decisions)) for _ in range(2))
    diagnostics = failed.update(batch((FIRST, 1.0), (SECOND, None)))
    assert diagnostics["reward"] == diagnostics["baseline"] == 0.5
    assert diagnostics == zero.update(batch((FIRST, 1.0), (SECOND, 0.0)))
    assert all(
        torch.equal(a, b)
        for a, b in zip(failed.network.parameters(), zero.network.parameters(), strict=True)
    )


@every_network
def test_the_loss_and_the_gradient_are_those_of_the_batchs_own_answers(make):
    """Diagnostics agree with the formula at the weights before the step, on answers given."""
    network = make(SMALL_CONV.decisions)
    policy = policy_of(network)
    policy.update(batch((FIRST, 0.5), (FIRST, 0.5)))  # baseline 0.5
    log_probs, entropies = network.scores(torch.tensor([FIRST, SECOND]))
    loss = -(log_probs[0].sum() * (2.0 - 0.5) + log_probs[1].sum() * (0.25 - 0.5)) / 2
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    norm = math.sqrt(sum((g**2).sum().item() for g in gradients))
    diagnostics = policy.update(batch((FIRST, 2.0), (SECOND, 0.25)))
    assert diagnostics["loss"] == pytest.approx(loss.item(), rel=1e-10)
    assert diagnostics["gradient_norm"] == pytest.approx(norm, rel=1e-10)
    assert diagnostics["entropy"] == pytest.approx(entropies.sum(1).mean().item(), rel=1e-10)


@every_network
def test_updates_are_adams_steps(make):
    """Three steps of Adam (0.9, 0.999, 1e-8) by its own formulas on the formula's gradient."""
    network = make(SMALL_CONV.decisions)
    copy = make(SMALL_CONV.decisions)
    policy = policy_of(network, learning_rate=0.03)
    theta = [p.detach().clone() for p in copy.parameters()]
    first = [torch.zeros_like(p) for p in theta]
    second = [torch.zeros_like(p) for p in theta]
    baseline = None
    for step, (a, b) in enumerate(((1.0, 0.0), (0.5, 0.25), (0.0, 2.0)), start=1):
        baseline = (a + b) / 2 if baseline is None else baseline
        with torch.no_grad():
            for p, value in zip(copy.parameters(), theta, strict=True):
                p.copy_(value)
        lp = copy.log_prob(torch.tensor([FIRST, SECOND])).sum(1)
        loss = -(lp[0] * (a - baseline) + lp[1] * (b - baseline)) / 2
        for n, g in enumerate(torch.autograd.grad(loss, list(copy.parameters()))):
            first[n] = 0.9 * first[n] + 0.1 * g
            second[n] = 0.999 * second[n] + 0.001 * g**2
            mean, square = first[n] / (1 - 0.9**step), second[n] / (1 - 0.999**step)
            theta[n] = theta[n] - 0.03 * mean / (square.sqrt() + 1e-8)
        baseline = 0.95 * baseline + 0.05 * (a + b) / 2
        policy.update(batch((FIRST, a), (SECOND, b)))
        for p, value in zip(network.parameters(), theta, strict=True):
            torch.testing.assert_close(p.detach(), value, rtol=0, atol=1e-9)


@every_network
def test_above_the_baseline_gets_likelier_and_below_it_rarer(make):
    """The reward's sign is right, also for answers that the policy never drew."""
    network = make(SMALL_CONV.decisions)
    policy = policy_of(network)
    good, bad = probability(network, SECOND), probability(network, FIRST)
    policy.update(batch((SECOND, 1.0), (FIRST, 0.0)))
    assert probability(network, SECOND) > good
    assert probability(network, FIRST) < bad


def test_equal_rewards_teach_nothing_at_first():
    """The first advantage is R - mean: 0 when all are alike."""
    policy = policy_of(controller(SMALL_CONV.decisions))
    diagnostics = policy.update(batch((FIRST, 0.8), (SECOND, 0.8)))
    assert diagnostics["gradient_norm"] == 0
    assert diagnostics["loss"] == 0


def test_update_samples_nothing(monkeypatch):
    """The log-probability belongs to the architecture that was rewarded: nothing is re-drawn."""
    policy = policy_of(controller(SMALL_CONV.decisions))

    def forbidden(*_):
        raise AssertionError("update drew new answers")

    monkeypatch.setattr(policy.network, "sample", forbidden)
    monkeypatch.setattr(torch, "multinomial", forbidden)
    policy.update(batch((FIRST, 1.0), (SECOND, 0.0)))


def test_rewards_are_paired_with_their_own_answers():
    """Swapping both children and rewards changes nothing; swapping the rewards alone does."""
    swapped, same, other = (policy_of(independent(SMALL_CONV.decisions)) for _ in range(3))
    same.update(batch((FIRST, 1.0), (SECOND, 0.0)))
    swapped.update(batch((SECOND, 0.0), (FIRST, 1.0)))
    other.update(batch((FIRST, 0.0), (SECOND, 1.0)))
    torch.testing.assert_close(same.network.logits, swapped.network.logits)
    assert not torch.allclose(same.network.logits, other.network.logits)


def test_proposals_are_the_networks_samples():
    """propose(seed) is sample(generator with that seed), as tuples of plain integers."""
    network = controller(SMALL_CONV.decisions)
    drawn = network.sample(7, LENGTH, torch.Generator().manual_seed(5)).tolist()
    proposed = policy_of(network).propose(7, length=LENGTH, seed=5)
    assert proposed == [tuple(row) for row in drawn]
    assert {type(answer) for answers in proposed for answer in answers} == {int}


@pytest.mark.parametrize("seed", [0, 1])
@every_network
def test_learning_raises_the_expected_reward(make, seed):
    """J, summed over all 64 networks, rises by more than half of what there is to gain."""
    known = table(seed)
    network = make(SMALL_CONV.decisions, seed=seed)
    policy = policy_of(network, learning_rate=0.03)
    before = expected(network, known)
    for number in range(250):
        drawn = policy.propose(8, length=LENGTH, seed=number)
        policy.update(batch(*((a, known.of[a]) for a in drawn)))
    after = expected(network, known)
    assert after - before > (known.rewards.max().item() - before) / 2


def run(policy, known, batches):
    """Proposals and diagnostics of some batches."""
    history = []
    for number in batches:
        drawn = policy.propose(4, length=LENGTH, seed=number)
        history.append((drawn, policy.update(batch(*((a, known.of[a]) for a in drawn)))))
    return history


@pytest.mark.parametrize(
    "make",
    [lambda: zoph_le(SMALL_CONV, learning_rate=0.02), lambda: independent_policy(SMALL_CONV)],
)
def test_a_policy_that_was_stored_goes_on_bit_for_bit(make):
    """Through a file of arrays without pickle, at every point, before the first update too."""
    known = table(4)
    whole = make()
    history = run(whole, known, range(6))
    for stop in (0, 1, 4):
        policy = make()
        assert run(policy, known, range(stop)) == history[:stop]
        file = io.BytesIO()
        np.savez(file, **policy.state())
        file.seek(0)
        fresh = make()
        with np.load(file, allow_pickle=False) as arrays:
            fresh.restore(dict(arrays))
        assert run(fresh, known, range(stop, 6)) == history[stop:]
        for a, b in zip(fresh.network.parameters(), whole.network.parameters(), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("part", ["baseline", "adam"])
def test_forgetting_the_optimiser_or_the_baseline_would_show(part):
    """Both are in the state: without either the next steps differ."""
    known = table(4)
    policy, amnesiac = (zoph_le(SMALL_CONV, learning_rate=0.02) for _ in range(2))
    run(policy, known, range(3))
    state = policy.state()
    kept = {k: v for k, v in state.items() if not k.startswith(part)}
    assert len(kept) < len(state)
    amnesiac.restore({"baseline": np.array(math.nan)} | kept)
    run(policy, known, range(3, 5))
    run(amnesiac, known, range(3, 5))
    pairs = zip(policy.network.parameters(), amnesiac.network.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in pairs)


def test_the_state_is_a_copy():
    """Learning on does not change a state that was taken before."""
    known = table(4)
    policy = zoph_le(SMALL_CONV, learning_rate=0.02)
    run(policy, known, range(2))
    state = policy.state()
    before = {name: value.copy() for name, value in state.items()}
    run(policy, known, range(2, 4))
    assert all(np.array_equal(state[name], before[name]) for name in state)


@every_network
def test_trials_without_outcome_are_refused(make):
    """A trial that is still running has earned nothing, and learning from it changes nothing."""
    policy = policy_of(make(SMALL_CONV.decisions))
    before = policy.state()
    with pytest.raises(ValueError, match="trial 1 has no outcome yet"):
        policy.update([Trial(0, 0, FIRST, Outcome(1.0)), Trial(1, 0, SECOND)])
    after = policy.state()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[k], after[k], equal_nan=True) for k in before)
