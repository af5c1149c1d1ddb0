"""From curves to rewards, worked by hand."""

import json
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reinas import Curve, Diabetes, Digits, Epoch, Toy, Wine
from reinas.errors import InvalidSettingError, SettingError
from reinas.rewards import (
    REWARDS,
    accuracy,
    check_reward,
    closeness,
    constrained,
    cubed,
    negative_error,
)


def curve(scores, losses=None):
    losses = losses or [1.0] * len(scores)
    return Curve(
        tuple(Epoch(n, 1.0, *row) for n, row in enumerate(zip(losses, scores, strict=True), 1))
    )


EARLY = [0.99, 0.50, 0.60, 0.80, 0.70, 0.65]  # the best of all is not among the last five


def test_accuracy_is_the_best_of_the_last_five_epochs():
    """Not the best of all, and not the last."""
    assert accuracy(curve(EARLY), {}) == 0.80
    assert accuracy(curve(EARLY[:5]), {}) == 0.99


def test_cubed_is_the_best_of_the_last_five_cubed():
    """0.8 to the third is 0.512 (section 3.2)."""
    assert cubed(curve(EARLY), {}) == pytest.approx(0.512)


def test_closeness_is_one_over_one_plus_the_least_loss_of_the_last_five():
    """The loss 0.1 is too early: the least of the last five is 0.25, and 1 / 1.25 is 0.8."""
    losses = [0.1, 3.0, 0.25, 1.0, 9.0, 2.0]
    assert closeness(curve([0.0] * 6, losses), {}) == pytest.approx(0.8)
    assert closeness(curve([0.0], [0.0]), {}) == 1.0


def test_fewer_than_five_epochs_are_all_that_count():
    """A curve of two rows has its better one."""
    assert accuracy(curve([0.9, 0.3]), {}) == 0.9


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
        assert reward(better, {}) >= reward(curve(scores, losses), {})


@pytest.mark.parametrize("reward", ["accuracy", "cubed", "closeness"])
def test_all_but_one_reward_are_never_negative(reward):
    """R squared may be below 0: such a child must not count for less than one that failed."""
    assert REWARDS[reward](curve([-3.0], [4.0]), {}) >= 0


def test_negative_error_is_minus_the_least_loss_of_the_last_five():
    """The loss 0.1 is too early."""
    assert negative_error(curve([0.0] * 6, [0.1, 3.0, 0.25, 1.0, 9.0, 2.0]), {}) == -0.25


def test_auto_is_accuracy_for_classes_and_closeness_for_numbers():
    """So that own data need no reward to be named."""
    assert Wine(reward="auto").reward_of(curve(EARLY)) == 0.8
    assert Diabetes(reward="auto").reward_of(curve(EARLY)) == 0.5


# ---- functions and constraints -------------------------------------------------------------------


def halved(curve, metrics) -> float:
    """Half the last score."""
    return curve.epochs[-1].score / 2


def test_a_tasks_reward_may_be_any_function():
    """It gets the curve and the metrics, and settings name it by its module."""
    task = Wine(reward=halved)
    assert task.reward_of(curve(EARLY), {}) == 0.325
    assert task.settings["reward"] == f"{__name__}:halved"


def test_a_recorded_function_is_found_again():
    """By the name that settings have."""
    assert Wine(**parameters(Wine(reward=halved))).reward == halved


def parameters(task):
    return {key: value for key, value in task.settings.items() if key != "name"}


def test_the_soft_constraint_is_equation_2_by_hand():
    """0.8 x (2000 / 1000) ** -0.07 = 0.8 x 0.95264 (Tan et al. 2019)."""
    reward = constrained("accuracy", parameters=1000)
    assert reward(curve(EARLY), {"parameters": 2000}) == pytest.approx(0.8 * 0.952638, rel=1e-6)
    assert reward(curve(EARLY), {"parameters": 1000}) == pytest.approx(0.8)


def test_alpha_counts_below_the_target_and_beta_above_it():
    """With (0, -1) cheaper is no better, and twice the target halves the reward."""
    reward = constrained("accuracy", flops=100, exponent=(0, -1))
    assert reward(curve(EARLY), {"flops": 50}) == pytest.approx(0.8)
    assert reward(curve(EARLY), {"flops": 200}) == pytest.approx(0.4)


def test_several_constraints_multiply():
    """4 ** -0.5 x 9 ** -0.5 = 1 / 6."""
    reward = constrained("accuracy", parameters=10, latency=0.1, exponent=-0.5)
    metrics = {"parameters": 40, "latency": 0.9}
    assert reward(curve(EARLY), metrics) == pytest.approx(0.8 / 6)


def test_cost_never_improves_a_negative_reward():
    """It is divided by the factor."""
    reward = constrained("negative_error", parameters=10, exponent=-1)
    assert reward(curve([0.0], [3.0]), {"parameters": 20}) == pytest.approx(-6.0)


def test_only_costs_that_are_not_free_are_asked_for():
    """Parameters are always counted; a constraint on another constraint asks for both."""
    assert constrained("accuracy", parameters=1).needs == set()
    inner = constrained("accuracy", latency=1)
    assert constrained(inner, parameters=1, flops=1).needs == {"flops", "latency"}


def test_a_constrained_reward_is_made_again_from_json():
    """So that a search with it is restored from its settings."""
    task = Wine(reward=constrained("cubed", parameters=1000, flops=5e6, exponent=(0, -1)))
    again = Wine(**json.loads(json.dumps(parameters(task))))
    assert again == task
    assert hash(again) == hash(task)
    assert pickle.loads(pickle.dumps(task)) == task
    assert task.reward_name == "constrained"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "needs a target"),
        ({"parameters": 0}, r"reward\.parameters must be above 0"),
        ({"flops": 1, "exponent": 0.1}, r"reward\.exponent must be a number of at most 0"),
        ({"flops": 1, "exponent": (0, -1, 2)}, r"reward\.exponent"),
    ],
)
def test_constraints_that_mean_nothing_are_refused(settings, words):
    """By the parameter."""
    with pytest.raises(SettingError, match=words):
        constrained("accuracy", **settings)


@pytest.mark.parametrize("reward", ["reinas.types:Curve", {"name": "reinas.types:Curve"}, 3])
def test_what_is_no_reward_is_refused(reward):
    """Classes and numbers."""
    with pytest.raises(SettingError, match="reward"):
        Wine(reward=reward)


def unsaid(curve, metrics):
    """A function that does not say what it returns."""
    return 1.0


def test_a_function_is_called_by_its_name_only_if_it_says_that_it_returns_a_number():
    """The name may come from a store, where any function could be named."""
    with pytest.raises(InvalidSettingError, match="annotation '-> float'"):
        Digits(reward=f"{__name__}:unsaid")


def test_a_name_that_leads_nowhere_is_the_rewards():
    """Not that of whatever else has a name."""
    for wrong in ("foo:", "nowhere_at_all:f"):
        with pytest.raises(InvalidSettingError, match=r"foo|nowhere") as caught:
            check_reward(wrong)
        assert caught.value.key == "task.reward"
