"""The words that all else is written in."""

import dataclasses

import pytest

from reinas import Choice, Job, Link, Outcome, Trial


@pytest.mark.parametrize(("reward", "error"), [(None, None), (1.0, "it broke")])
def test_an_outcome_is_a_reward_or_a_failure(reward, error):
    """Neither both nor nothing."""
    with pytest.raises(ValueError, match="either a reward or an error"):
        Outcome(reward, error=error)


def test_a_failed_outcome_counts_as_zero():
    """What a policy learns from is 0 for a failed child and the reward otherwise."""
    assert Outcome(None, error="it broke").value == 0.0
    assert Outcome(0.7).value == 0.7


def test_a_link_has_two_answers_and_a_choice_as_many_as_its_choices():
    """No and yes; one index a choice."""
    assert Link("l", 1, 2).num_options == 2
    assert Choice("c", "kind", ("a", "b", "c")).num_options == 3


@pytest.mark.parametrize(
    "value",
    [Choice("c", "k", (1,)), Link("l", 1, 2), Outcome(1.0), Trial(0, 0, (1,)), Job(0, 1, 2)],
)
def test_the_words_are_frozen(value):
    """Nobody changes a value under somebody else."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)
