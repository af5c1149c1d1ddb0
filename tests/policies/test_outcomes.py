"""What policies learn from complete, pruned and failed trials."""

import numpy as np
import pytest

from reinas import Outcome, Trial
from reinas.policies.base import rewards
from reinas.policies.baseline import Baseline
from reinas.registry import NAMED, make
from reinas.spaces.mlp import MlpSpace
from reinas.types import Pruned

SPACE = MlpSpace(depth=2)
POLICIES = sorted(set(NAMED["policy"]) - {"fixed"})
FAILED = Outcome(None, error="it broke")


def pruned(score):
    """A child that was stopped early at this score."""
    return Outcome(None, pruned=Pruned(3, score))


def trials(*outcomes):
    """Trials of the same architecture with these outcomes."""
    return [Trial(k, 0, (0,), outcome) for k, outcome in enumerate(outcomes)]


def test_a_pruned_trial_counts_with_its_last_score():
    """Like a reward, above and below 0."""
    assert rewards(trials(Outcome(0.5), pruned(0.25))) == [0.5, 0.25]
    assert rewards(trials(Outcome(-0.5), pruned(-2.0))) == [-0.5, -2.0]


def test_a_failed_trial_counts_as_zero_where_rewards_are_positive():
    """A child that cannot be trained is as bad as the worst accuracy."""
    assert rewards(trials(Outcome(0.5), FAILED, pruned(0.25))) == [0.5, 0.0, 0.25]


@pytest.mark.parametrize("lowest", [Outcome(-3.0), pruned(-3.0)])
def test_a_failed_trial_counts_as_the_lowest_value_where_values_are_negative(lowest):
    """The lowest may be a reward or a pruned child's score."""
    assert rewards(trials(Outcome(-1.0), FAILED, lowest)) == [-1.0, -3.0, -3.0]


def test_a_failed_trial_counts_as_the_lowest_value_of_earlier_batches():
    """`worst` is below everything in this batch."""
    assert rewards(trials(Outcome(-1.0), FAILED), worst=-5.0) == [-1.0, -5.0]


def test_the_baseline_averages_pruned_scores_like_rewards():
    """The first batch's mean is (0.5 + 0.25) / 2."""
    advantages = Baseline(0.9).advantages(trials(Outcome(0.5), pruned(0.25)))
    assert advantages.rewards == [0.5, 0.25]
    assert advantages.baseline == advantages.next.average == 0.375


def test_the_baseline_remembers_the_lowest_score_of_a_pruned_child():
    """A child that fails in the next batch counts as that score."""
    following = Baseline(0.9).advantages(trials(pruned(-2.0))).next
    assert following.worst == -2.0
    assert following.advantages(trials(FAILED)).rewards == [-2.0]


def learned(name, outcome_of):
    """A policy after three batches of four, and its next proposals."""
    policy = make("policy", {"name": name}, space=SPACE)
    length = len(SPACE.decisions)
    number = 0
    for batch in range(3):
        drawn = policy.propose(4, length=length, seed=batch)
        policy.update(
            [Trial(number + k, batch, a, outcome_of(number + k)) for k, a in enumerate(drawn)]
        )
        number += 4
    return policy.state(), policy.propose(4, length=length, seed=9)


OF_THEIR_OWN = ("bayes", "pareto", "pareto-evolution")


@pytest.mark.parametrize("name", [name for name in POLICIES if name not in OF_THEIR_OWN])
def test_other_policies_learn_the_same_from_a_pruned_score_and_an_equal_reward(name):
    """State and proposals agree to the last bit when every second child is pruned.

    Bayesian search puts pruned scores on the scale of whole trainings (test_fidelity.py); to
    several objectives, a pruned child says nothing (test_pareto.py).
    """
    if name == "tpe":
        pytest.importorskip("optuna")
    score = [0.1 * ((7 * n) % 12) - 0.3 for n in range(12)]
    state, proposed = learned(name, lambda n: Outcome(score[n]))
    other, same = learned(name, lambda n: pruned(score[n]) if n % 2 else Outcome(score[n]))
    assert proposed == same
    assert state.keys() == other.keys()
    assert all(np.array_equal(state[key], other[key]) for key in state)
