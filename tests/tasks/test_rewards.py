"""From curves to rewards, worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reinas import Curve, Diabetes, Digits, Epoch, Toy, Wine
from reinas.tasks.rewards import REWARDS, accuracy, closeness, cubed, negative_error


def curve(scores, losses=None):
    losses = losses or [1.0] * len(scores)
    return Curve(
        tuple(Epoch(n, 1.0, *row) for n, row in enumerate(zip(losses, scores, strict=True), 1))
    )


EARLY = [0.99, 0.50, 0.60, 0.80, 0.70, 0.65]  # the best of all is not among the last five


def test_accuracy_is_the_best_of_the_last_five_epochs():
    """Not the best of all, and not the last."""
    assert accuracy(curve(EARLY)) == 0.80
    assert accuracy(curve(EARLY[:5])) == 0.99


def test_cubed_is_the_best_of_the_last_five_cubed():
    """0.8 to the third is 0.512 (section 3.2)."""
    assert cubed(curve(EARLY)) == pytest.approx(0.512)


def test_closeness_is_one_over_one_plus_the_least_loss_of_the_last_five():
    """The loss 0.1 is too early: the least of the last five is 0.25, and 1 / 1.25 is 0.8."""
    losses = [0.1, 3.0, 0.25, 1.0, 9.0, 2.0]
    assert closeness(curve([0.0] * 6, losses)) == pytest.approx(0.8)
    assert closeness(curve([0.0], [0.0])) == 1.0


def test_fewer_than_five_epochs_are_all_that_count():
    """A curve of two rows has its better one."""
    assert accuracy(curve([0.9, 0.3])) == 0.9


@pytest.mark.parametrize(
    ("task", "wanted"), [(Digits(), 0.512), (Wine(), 0.8), (Diabetes(), 0.5), (Toy(), 0.5)]
)
def test_every_task_has_the_reward_that_it_names(task, wanted):
    """Cubed for images as in the paper, accuracy for tables, closeness for regression."""
    assert task.reward_of(curve(EARLY)) == pytest.approx(wanted)


WANTED = {"accuracy": 0.8, "score": 0.8, "cubed": 0.512, "closeness": 0.5, "negative_error": -1.0}
WANTED["perplexity"] = 80 / math.e**2


@pytest.mark.parametrize("reward", REWARDS)
def test_a_task_can_be_given_another_reward(reward):
    """By its name."""
    found = Wine(reward=reward).reward_of(curve(EARLY))
    assert found == pytest.approx(WANTED[reward])


numbers = st.floats(0, 1)


@given(st.lists(numbers, min_size=1, max_size=12), st.floats(0, 0.5))
def test_a_better_last_epoch_is_never_a_worse_reward(scores, more):
    """All rewards are monotone: higher is better."""
    losses = [2 - s for s in scores]
    better = curve([*scores[:-1], scores[-1] + more], [*losses[:-1], losses[-1] - more])
    for reward in REWARDS.values():
        assert reward(better) >= reward(curve(scores, losses))


@pytest.mark.parametrize("reward", ["accuracy", "cubed", "closeness"])
def test_all_but_one_reward_are_never_negative(reward):
    """R squared may be below 0: such a child must not count for less than one that failed."""
    assert REWARDS[reward](curve([-3.0], [4.0])) >= 0


def test_negative_error_is_minus_the_least_loss_of_the_last_five():
    """The loss 0.1 is too early."""
    assert negative_error(curve([0.0] * 6, [0.1, 3.0, 0.25, 1.0, 9.0, 2.0])) == -0.25


def test_auto_is_accuracy_for_classes_and_closeness_for_numbers():
    """So that own data need no reward to be named."""
    assert Wine(reward="auto").reward_of(curve(EARLY)) == 0.8
    assert Diabetes(reward="auto").reward_of(curve(EARLY)) == 0.5
