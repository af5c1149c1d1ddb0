"""Limits: what is too costly is not trained, what is exactly at the limit is."""

import math

import pytest

from reinas import (
    Budget,
    Job,
    Limits,
    MlpSpace,
    RandomSearch,
    Recipe,
    TrainedEvaluator,
    Trial,
    Wine,
    independent,
    search,
)
from reinas.errors import SettingError
from reinas.evaluators import child, limits
from reinas.spaces.mlp import MlpArchitecture, MlpLayer
from reinas.training.training import Training

SMALL = MlpArchitecture((MlpLayer(8, "tanh"),))
FLOPS = 13 * 8 + 8 * 3
PARAMETERS = FLOPS + 8 + 3
QUICK = Recipe(optimizer="adam", learning_rate=0.01, schedule="constant", epochs=2, batch_size=64)


@pytest.fixture
def fitted(monkeypatch):
    """Every child that was trained."""
    children = []

    def spied(network, *rest, **more):
        children.append(network)
        return Training(network, *rest, **more)

    monkeypatch.setattr(child, "Training", spied)
    return children


def evaluate(limits, architecture=SMALL):
    return TrainedEvaluator(Wine(), QUICK, limits)(Job(0, architecture, 1))


@pytest.mark.parametrize(
    "limits",
    [
        None,
        Limits(),
        Limits(parameters=PARAMETERS),
        Limits(flops=FLOPS),
        Limits(PARAMETERS, FLOPS),
        Limits(10**12, 10**12),
    ],
)
def test_a_child_within_its_limits_or_exactly_at_them_is_trained(fitted, limits):
    """Its outcome is that of a child without limits."""
    outcome = evaluate(limits)
    assert len(fitted) == 1
    assert outcome.error is None
    assert outcome.metrics["parameters"] == PARAMETERS
    assert outcome.reward == evaluate(None).reward


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(parameters=PARAMETERS - 1), "too costly, not trained: more than 138 parameters"),
        (Limits(flops=FLOPS - 1), "too costly, not trained: more than 127 multiply-adds"),
        (Limits(1, 1), "too costly, not trained: more than 1 parameters"),
        (Limits(10**9, 1), "too costly, not trained: more than 1 multiply-adds"),
    ],
)
def test_a_child_over_a_limit_is_not_trained_and_says_why(fitted, limits, reason):
    """It fails with the limit's own text, costs no time, counts as 0, and tells its costs."""
    outcome = evaluate(limits)
    assert fitted == []
    assert (outcome.reward, outcome.error, outcome.curve) == (None, reason, None)
    assert outcome.value == 0.0
    assert outcome.metrics == {"parameters": PARAMETERS, "flops": FLOPS}
    assert 0 <= outcome.seconds < 5


def test_the_reason_is_the_same_for_every_child(fitted):
    """So that failures can be counted by their reason."""
    reasons = {
        evaluate(Limits(parameters=10), MlpArchitecture((MlpLayer(width, "relu"),))).error
        for width in (8, 16, 5000)
    }
    assert len(reasons) == 1
    assert fitted == []


def test_a_child_that_no_memory_could_hold_is_refused_by_its_limit(fitted):
    """A terabyte of weights is counted, not allocated."""
    network = MlpArchitecture((MlpLayer(10**6, "relu"), MlpLayer(10**6, "relu")))
    outcome = evaluate(Limits(parameters=10**6), network)
    assert outcome.metrics["parameters"] > 10**12
    assert fitted == []


def test_a_search_goes_on_past_children_that_are_too_costly(fitted):
    """One of two widths is over the limit: it is a failure with its reason, the other is best."""
    space = MlpSpace(depth=1, widths=(4, 64), activations=("relu",))
    evaluator = TrainedEvaluator(Wine(), QUICK, Limits(parameters=200))
    found = search(space, RandomSearch(space), evaluator, budget=Budget(16), seed=1)
    failed = {t.outcome.error for t in found.record.finished() if t.outcome.error}
    assert failed == {"too costly, not trained: more than 200 parameters"}
    assert found.best_architecture.layers[0].width == 4
    assert len(fitted) == 1


def test_a_policy_learns_from_it_as_from_a_reward_of_0():
    """The same update, bit for bit, as with a reward that is 0."""
    space = MlpSpace(depth=2)
    states = []
    for bad in (evaluate(Limits(parameters=1)), None):
        policy = independent(space, learning_rate=0.1)
        proposed = policy.propose(4, length=len(space.decisions), seed=0)
        good = evaluate(None)
        zero = bad if bad is not None else type(good)(0.0)
        policy.update([Trial(k, 0, a, good if k % 2 else zero) for k, a in enumerate(proposed)])
        states.append(policy.state())
    assert states[0].keys() == states[1].keys()
    assert all((states[0][k] == states[1][k]).all() for k in states[0])


@pytest.fixture
def timed(monkeypatch):
    """Every child takes 0.25 s per example; those that were timed."""
    children = []

    def took(child, task):
        children.append(child)
        return 0.25

    monkeypatch.setattr(limits, "latency", took)
    return children


@pytest.mark.parametrize("limit", [0.25, 0.26, 1e9])
def test_a_child_as_fast_as_its_limit_is_trained(fitted, timed, limit):
    """The very child that was timed, and with the reward of one without a limit."""
    outcome = evaluate(Limits(latency=limit))
    assert outcome.error is None
    assert [id(child) for child in timed] == [id(child) for child in fitted]
    assert outcome.reward == evaluate(None).reward


def test_timing_a_child_does_not_change_its_training(fitted):
    """With the true measurement: the same reward and curve as without a limit."""
    timed, plain = evaluate(Limits(latency=1e9)), evaluate(None)
    assert (timed.reward, timed.curve) == (plain.reward, plain.curve)


@pytest.mark.parametrize(
    ("limit", "words"), [(0.2499, "249.9"), (0.002, "2"), (0.0000125, "0.0125")]
)
def test_a_child_that_is_too_slow_is_not_trained_and_says_why(fitted, timed, limit, words):
    """The reason is the limit in milliseconds, the same for every child, so that it is counted."""
    outcome = evaluate(Limits(latency=limit))
    assert fitted == []
    assert len(timed) == 1
    assert outcome.error == f"too costly, not trained: more than {words} ms per example"
    assert (outcome.reward, outcome.curve, outcome.value) == (None, None, 0.0)
    assert outcome.metrics == {"parameters": PARAMETERS}


def test_without_a_limit_on_latency_nothing_is_timed(fitted, timed):
    """A measurement takes time."""
    evaluate(Limits(parameters=PARAMETERS, flops=FLOPS))
    assert timed == []
    assert len(fitted) == 1


def test_what_breaks_a_counted_limit_is_not_even_built_to_be_timed(timed):
    """Counting comes first."""
    outcome = evaluate(Limits(parameters=1, latency=1e-9))
    assert outcome.error == "too costly, not trained: more than 1 parameters"
    assert timed == []


@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan])
def test_a_latency_that_nothing_could_keep_is_refused(value):
    """And one that is no limit at all."""
    message = f"limits: latency must be above 0 seconds and finite, got {value}"
    with pytest.raises(SettingError, match=message):
        Limits(latency=value)


def test_limits_belong_to_the_settings_only_where_there_are_any():
    """A search without limits has the settings that it had before there were limits."""
    assert "limits" not in TrainedEvaluator(Wine(), QUICK).settings
    assert "limits" not in TrainedEvaluator(Wine(), QUICK, Limits()).settings
    assert TrainedEvaluator(Wine(), QUICK, Limits(flops=5)).settings["limits"] == {"flops": 5}
    limits = Limits(latency=0.5)
    assert TrainedEvaluator(Wine(), QUICK, limits).settings["limits"] == {"latency": 0.5}


def test_other_limits_on_resume_are_refused(tmp_path):
    """What is a failure must not change in the middle."""
    space, store = MlpSpace(depth=1, widths=(4,), activations=("relu",)), str(tmp_path / "s.db")

    def run(limits):
        evaluator = TrainedEvaluator(Wine(), QUICK, limits)
        search(space, RandomSearch(space), evaluator, budget=Budget(1), store=store, name="s")

    run(Limits(parameters=1))
    with pytest.raises(SettingError, match="limits"):
        run(Limits(parameters=2))


@pytest.mark.parametrize("key", ["parameters", "flops"])
@pytest.mark.parametrize("value", [0, -1, -math.inf, math.nan])
def test_limits_that_nothing_could_keep_are_refused(key, value):
    """The message has the limit's name and what came."""
    with pytest.raises(
        SettingError, match=f"limits: {key} must be a whole number of at least 1, got {value}"
    ):
        Limits(**{key: value})


def test_a_number_of_parameters_is_whole():
    """1e4 is a float, and the message says so."""
    with pytest.raises(SettingError, match=r"parameters must be a whole number.*got 10000\.0"):
        Limits(parameters=1e4)
