"""Random search: draws, and learns nothing."""

import pytest

from policies.enumerated import chi_square, everything
from reinas import MlpSpace, Outcome, RandomSearch, Trial
from reinas.errors import SettingError
from reinas.testing import PolicyContract

SPACE = MlpSpace(depth=2, widths=(8, 16), activations=("relu", "tanh"))


class TestOverDecisions(PolicyContract):
    """Each asked decision uniform."""

    def make(self, space):
        return RandomSearch(space)


class TestOverArchitectures(PolicyContract):
    """Each architecture equally likely."""

    def make(self, space):
        return RandomSearch(space, over="architectures")


def drawn(over):
    """Many proposals, as rows."""
    import torch

    proposed = RandomSearch(SPACE, over=over).propose(6000, length=5, seed=2)
    return torch.tensor(proposed)


def test_over_architectures_every_network_is_equally_likely():
    """20 networks, each with probability 1 / 20 (chi-square)."""
    answers = everything(SPACE.decisions)
    assert chi_square(drawn("architectures"), answers, [1 / 20] * 20) > 1e-4


def test_over_decisions_every_active_answer_is_equally_likely():
    """A shallow network has 1/2 * 1/4, a deep one 1/2 * 1/16 (chi-square)."""
    answers = everything(SPACE.decisions)
    expected = [1 / 8 if row[0] == 0 else 1 / 32 for row in answers.tolist()]
    assert sum(expected) == pytest.approx(1)
    assert chi_square(drawn("decisions"), answers, expected) > 1e-4


def test_it_draws_with_replacement():
    """21 draws of 20 networks are possible; what came before is not remembered."""
    policy = RandomSearch(SPACE)
    proposed = policy.propose(50, length=5, seed=0)
    policy.update([Trial(k, 0, a, Outcome(1.0)) for k, a in enumerate(proposed)])
    assert policy.propose(50, length=5, seed=0) == proposed
    assert policy.state() == {}


def test_the_diagnostic_is_the_mean_reward():
    """(1 + 0.5 + 0) / 3, a failure counting as 0."""
    outcomes = [Outcome(1.0), Outcome(0.5), Outcome(None, error="it broke")]
    trials = [Trial(k, 0, (0,) * 5, o) for k, o in enumerate(outcomes)]
    assert RandomSearch(SPACE).update(trials) == {"reward": 0.5}


def test_the_default_is_over_decisions_and_anything_else_is_refused():
    """As an untrained controller samples."""
    assert dict(RandomSearch(SPACE).settings) == {"name": "random", "over": "decisions"}
    with pytest.raises(SettingError, match="over is architectures or decisions, got 'links'"):
        RandomSearch(SPACE, over="links")
