"""The values that all modules share."""

import dataclasses

import pytest

from reinas import Choice, Job, Link, Outcome, Pruned, Trial, When
from reinas.errors import TrialError


@pytest.mark.parametrize(
    ("reward", "error", "pruned"),
    [
        (None, None, None),
        (1.0, "it broke", None),
        (1.0, None, Pruned(3, 0.5)),
        (None, "it broke", Pruned(3, 0.5)),
    ],
)
def test_an_outcome_is_a_reward_a_failure_or_an_early_stop(reward, error, pruned):
    """Exactly one of the three."""
    with pytest.raises(ValueError, match="exactly one of reward, error and pruned"):
        Outcome(reward, error=error, pruned=pruned)


@pytest.mark.parametrize(
    ("outcome", "worker", "state"),
    [
        (None, None, "waiting"),
        (None, "here:1", "running"),
        (Outcome(0.5), None, "complete"),
        (Outcome(None, pruned=Pruned(3, 0.5)), None, "pruned"),
        (Outcome(None, error="it broke"), None, "failed"),
    ],
)
def test_a_trial_has_one_of_five_states(outcome, worker, state):
    """Waiting, running, complete, pruned or failed; only complete ones have a reward."""
    trial = Trial(7, 0, (1,), outcome, worker=worker)
    assert trial.state == state
    if state == "complete":
        assert trial.reward == 0.5
    else:
        with pytest.raises(TrialError, match=f"trial 7 has no reward: it is {state}"):
            _ = trial.reward


def test_what_an_outcome_counts_as():
    """What a policy learns from: the reward, 0 for a failed child, a pruned one's last score."""
    assert Outcome(None, error="it broke").value == 0.0
    assert Outcome(None, pruned=Pruned(3, 0.25)).value == 0.25
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


@pytest.mark.parametrize(
    ("parent", "values", "flags"),
    [
        (Choice("size", "size", (8, 16, 32)), (32, 8), [True, False, True]),
        (Choice("type", "type", ("conv", "pool")), ("pool",), [False, True]),
        (Link("1to2", 1, 2), (True,), [False, True]),
    ],
)
def test_a_condition_holds_for_the_answers_that_mean_its_values(parent, values, flags):
    """One flag per option of the earlier decision, a choice or a link."""
    assert When(parent.name, values).holds(parent) == flags
