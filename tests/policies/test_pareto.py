"""Several objectives: fronts by brute force, policies that find them, and their resuming."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reinas
from reinas import Budget, MlpSpace, Pareto, ParetoEvolution, RandomSearch
from reinas.config.objects import configure
from reinas.config.settings import parse_set
from reinas.errors import InvalidSettingError, SettingError
from reinas.evaluators.function import FunctionEvaluator
from reinas.fronts import front, goodness
from reinas.policies.pareto import Vectors, scalar_losses
from reinas.rewards import measuring
from reinas.spaces.product import ProductSpace
from reinas.testing import PolicyContract
from reinas.types import Curve, Epoch, Outcome, Pruned, Trial

SPACE = ProductSpace((("a", tuple(range(12))), ("b", tuple(range(12))), ("c", (0, 1, 2))))


def measured(architecture, trial):
    """Reward and parameters that pull apart; c is to be 1 for both."""
    a, b, c = (value for _, value in architecture.values)
    return Outcome(
        a - 0.05 * (b - 6) ** 2 - 3 * (c != 1),
        metrics={"parameters": float(np.exp(0.4 * a + 0.05 * (b - 6) ** 2 + (c != 1)))},
    )


def hypervolume(trials):
    """The area that the front dominates, above a fixed corner; by counting points of a grid."""
    points = np.array([goodness(t.outcome, ("reward", "parameters")) for t in trials])
    x, y = np.meshgrid(np.linspace(-2, 11, 80), np.linspace(-6, 0, 80))
    return float(((points[:, :1, None] > x) & (points[:, 1:, None] > y)).any(0).mean())


def found(policy, seed, trials=40):
    study = reinas.search(
        SPACE, policy, FunctionEvaluator(measured), budget=Budget(trials), seed=seed
    )
    return hypervolume(study.front("reward", "parameters"))


class TestPareto(PolicyContract):
    """The contract of policies."""

    def make(self, space):
        return Pareto(space, start=4)


class TestParetoEvolution(PolicyContract):
    """The contract of policies."""

    def make(self, space):
        return ParetoEvolution(space, population=4)


@pytest.mark.filterwarnings("ignore")
def test_both_find_more_of_the_front_than_random_search():
    """By the hypervolume after forty children, of evolution after a hundred, over seeds."""
    random = np.mean([found(RandomSearch(SPACE), seed, 40) for seed in range(3)])
    bayes = np.mean([found(Pareto(SPACE, seed=seed), seed, 40) for seed in range(3)])
    evolution = [found(ParetoEvolution(SPACE, population=10), s, 100) for s in range(3)]
    long = np.mean([found(RandomSearch(SPACE), seed, 100) for seed in range(3)])
    assert bayes > random + 0.05
    assert np.mean(evolution) > long


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6)), max_size=20))
def test_the_front_is_what_nothing_dominates(values):
    """Against every pair; of equal trials the first."""
    trials = [
        Trial(n, 0, (n,), Outcome(float(reward), metrics={"parameters": float(cost)}))
        for n, (reward, cost) in enumerate(values)
    ]
    expected = {
        n
        for n, (reward, cost) in enumerate(values)
        if not any(
            (r >= reward and c <= cost and (r, c) != (reward, cost))
            or ((r, c) == (reward, cost) and m < n)
            for m, (r, c) in enumerate(values)
        )
    }
    chosen = front(trials, ("reward", "parameters"))
    assert {t.number for t in chosen} == expected
    assert [t.reward for t in chosen] == sorted((t.reward for t in chosen), reverse=True)


def test_three_objectives_and_trials_without_them():
    """A trial that failed, was stopped or lacks a measure is on no front."""
    names = ("reward", "flops", "latency")
    good = Outcome(1.0, metrics={"flops": 10.0, "latency": 0.5})
    trials = [
        Trial(0, 0, (0,), good),
        Trial(1, 0, (1,), Outcome(2.0, metrics={"flops": 20.0, "latency": 0.5})),
        Trial(2, 0, (2,), Outcome(0.5, metrics={"flops": 5.0, "latency": 0.6})),
        Trial(3, 0, (3,), Outcome(0.5, metrics={"flops": 11.0, "latency": 0.5})),
        Trial(4, 0, (4,), Outcome(None, error="no")),
        Trial(5, 0, (5,), Outcome(9.0, metrics={"flops": 1.0})),
        Trial(6, 0, (0,), good, repeat_of=0),
    ]
    assert [t.number for t in front(trials, names)] == [1, 0, 2]


def test_a_pruned_child_is_as_bad_as_the_worst_that_is_known():
    """However good its score was when it was stopped: it has no cost to set against it."""
    known = Vectors(("reward", "parameters"))
    outcomes = [
        Outcome(0.5, metrics={"parameters": 100}),
        Outcome(0.7, metrics={"parameters": 1000}),
        Outcome(None, pruned=Pruned(3, 0.9)),
    ]
    known.add([Trial(n, 0, (0,), outcome) for n, outcome in enumerate(outcomes)])
    expected = [[0.5, -np.log(100)], [0.7, -np.log(1000)], [0.5, -np.log(1000)]]
    np.testing.assert_allclose(known.array(), expected)


def test_the_scalar_is_knowles_s():
    """max w l + 0.05 sum w l, with losses scaled to 0 to 1."""
    vectors = np.array([[0.0, 5.0], [10.0, 3.0], [5.0, 4.5]])
    weights = np.random.default_rng(7).dirichlet(np.ones(2))
    losses = np.array([[1, 0], [0, 1], [0.5, 0.25]]) * weights
    expected = losses.max(1) + 0.05 * losses.sum(1)
    np.testing.assert_allclose(scalar_losses(vectors, np.random.default_rng(7)), expected)
    assert not np.isnan(scalar_losses(np.ones((3, 2)), np.random.default_rng(0))).any()


def test_wrong_objectives_are_said():
    """One, twice the same, a text."""
    for wrong in (("reward",), ("reward", "reward"), "reward"):
        with pytest.raises(InvalidSettingError, match="two or more different names"):
            Pareto(SPACE, objectives=wrong)
    with pytest.raises(InvalidSettingError, match="at least 2"):
        ParetoEvolution(SPACE, population=1)
    with pytest.raises(SettingError, match="are for bayes, pareto"):
        configure(parse_set(["space=mlp", "policy.name=random", "policy.objectives=reward,flops"]))


def test_an_objective_that_nothing_measures_is_refused_before_anything_trains(reinas):
    """With what there is, or the nearest."""
    given = ("search", "--task", "digits", "--trials", "1", "--objectives")
    status, _, said = reinas(*given, "accuracy,beauty")
    assert status == 2
    known = "accuracy, cubed, flops, latency, loss, parameters, reward"
    assert f"--objectives 'beauty' is not known: there are {known}" in said
    assert "did you mean 'accuracy'?" in reinas(*given, "acuracy,parameters")[2]


def test_costs_are_measured_where_they_are_objectives():
    """The reward stays what it is, and the settings make the same again."""
    config = configure(
        parse_set(["space=mlp", "task=wine", 'policy.objectives="accuracy,latency,flops"'])
    )
    assert config.policy == {"name": "pareto", "objectives": ["reward", "latency", "flops"]}
    assert config.task.reward_function.needs == {"flops", "latency"}
    curve = Curve((Epoch(1, 1.0, 0.5, 0.75),))
    assert config.task.reward_of(curve, {}) == 0.75
    again = type(config.task)(reward=config.task.settings["reward"])
    assert again.reward_function == measuring("accuracy", ("latency", "flops"))
    with pytest.raises(InvalidSettingError, match="'speed' is not known"):
        measuring("accuracy", ("speed",))


def test_from_the_command_line_to_a_finished_trial(reinas, tmp_path):
    """Searched, shown, finished by number; a data frame says which trials are on the front."""
    given = ("search", "mlp", "--task", "wine", "--trials", "12", "--epochs", "2", "--workers", "1")
    status, _, err = reinas(*given, "--objectives", "accuracy,parameters", "--name", "two")
    assert status == 0, err
    status, out, _ = reinas("show", "two", "--html", "page.html")
    assert "The Pareto front" in out
    assert "Pareto front" in (tmp_path / "page.html").read_text()
    record = package().Store("reinas.db").get("two")
    numbers = [t.number for t in front(record.all_trials(), ("reward", "parameters"))]
    smallest = numbers[-1]
    status, out, _ = reinas("finish", "two", "--trial", smallest, "--no-grid", "--epochs", "1")
    assert status == 0
    assert f"trial {smallest}" in out
    status, _, err = reinas("finish", "two", "--trial", 0 if smallest else 1)
    assert "is finished already, with trial" in err


def package():
    return reinas


def test_a_trial_that_cannot_be_finished_is_said(reinas):
    """None of that number."""
    given = ("search", "mlp", "--task", "wine", "--trials", "1", "--epochs", "1", "--workers", "1")
    assert reinas(*given, "--name", "one")[0] == 0
    status, _, err = reinas("finish", "one", "--trial", "7")
    assert status == 2
    assert "--trial must be from 0 to 0 here, got 7" in err


def test_the_front_of_a_study_has_architectures():
    """By the policy's own objectives; others by name."""
    space = MlpSpace(depth=1, widths=(4, 8, 16))
    task = reinas.Wine()
    study = reinas.search(
        space,
        Pareto(space, start=2),
        reinas.TrainedEvaluator(task),
        budget=Budget(5),
    )
    assert study.front()
    assert all(trial.architecture is not None for trial in study.front("reward", "loss"))
    frame = study.dataframe()
    assert set(frame[frame["front"]]["number"]) == {trial.number for trial in study.front()}
