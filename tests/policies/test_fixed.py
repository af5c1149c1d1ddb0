"""The policy that decides nothing."""

import pytest

from reinas import ConvSpace, Outcome, Trial
from reinas.errors import AnswersError, SettingError
from reinas.policies.fixed import Fixed

SPACE = ConvSpace(depth=3)
ANSWERS = SPACE.sample(1, 0)[0]


def test_it_always_gives_its_answers():
    """Whatever the seed; cut to the requested length."""
    policy = Fixed(SPACE, answers=ANSWERS)
    length = len(ANSWERS)
    assert policy.propose(3, length=length, seed=1) == [ANSWERS] * 3
    short = SPACE.lengths[0]
    assert policy.propose(1, length=short, seed=2) == [ANSWERS[:short]]


def test_it_learns_nothing_and_keeps_nothing():
    """Its diagnostics are the mean reward; a failure counts as 0."""
    policy = Fixed(SPACE, answers=ANSWERS)
    trials = [Trial(0, 0, ANSWERS, Outcome(0.5)), Trial(1, 0, ANSWERS, Outcome(None, error="x"))]
    assert policy.update(trials) == {"reward": 0.25}
    policy.restore(policy.state())
    assert policy.settings == {"name": "fixed", "answers": list(ANSWERS)}


def test_answers_of_another_space_are_refused():
    """And none at all."""
    with pytest.raises(AnswersError):
        Fixed(SPACE, answers=(9,) * len(ANSWERS))
    with pytest.raises(SettingError, match=r"policy\.answers is missing"):
        Fixed(SPACE)
