"""Samplers for Optuna: its own suites, and studies that exist."""

import importlib
import runpy
import sys
import types
import unittest.mock
from pathlib import Path

import pytest
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

import optuna
from reinas.optuna import BayesSampler, ControllerSampler
from reinas.optuna.levels import LEVELS, nearest, values_of

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


class TestBayesSampler(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    """Optuna's own tests of samplers, whole."""

    @pytest.fixture
    def sampler(self):
        return BayesSampler


def objective(trial):
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    x = trial.suggest_float("x", -5, 5)
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    n = trial.suggest_int("n", 1, 9)
    if kind == "b":
        x += trial.suggest_float("only b", 0, 1)
    return x**2 + (n - 4) ** 2 + abs(rate - 1e-3) * 100 + (kind != "a")


def test_it_finds_what_random_search_does_not():
    """The mean over seeds, after forty trials."""

    def best(sampler):
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=40)
        return study.best_value

    ours = [best(BayesSampler(seed)) for seed in range(6)]
    random = [best(optuna.samplers.RandomSampler(seed)) for seed in range(6)]
    assert sum(ours) < 0.6 * sum(random)


def test_an_existing_study_goes_on(tmp_path):
    """Begun with another sampler, in a database, with pruned trials and NaN, two at a time."""
    storage = f"sqlite:///{tmp_path / 'o.db'}"

    def run(trial):
        if trial.number % 7 == 3:
            trial.report(1.0, 1)
            raise optuna.TrialPruned
        return objective(trial) if trial.number % 7 != 5 else float("nan")

    first = optuna.create_study(storage=storage, study_name="s")
    first.optimize(run, n_trials=20)
    study = optuna.load_study(storage=storage, study_name="s", sampler=BayesSampler(1))
    study.optimize(run, n_trials=20, n_jobs=2)
    assert len(study.trials) == 40
    assert min(t.value for t in study.trials[20:] if t.value is not None) < 8


def test_the_same_seed_gives_the_same_trials():
    """Trial by trial."""

    def params():
        study = optuna.create_study(direction="maximize", sampler=BayesSampler(3))
        study.optimize(objective, n_trials=15)
        return [trial.params for trial in study.trials]

    assert params() == params()


def test_what_runs_is_not_proposed_again():
    """Asked five times without an answer, on a space of sixteen."""
    study = optuna.create_study(sampler=BayesSampler(0, start=2))
    fixed = {n: optuna.distributions.CategoricalDistribution([0, 1, 2, 3]) for n in "ab"}
    for _ in range(6):
        trial = study.ask(fixed)
        study.tell(trial, float(trial.params["a"] + trial.params["b"]))
    asked = [tuple(study.ask(fixed).params.items()) for _ in range(5)]
    assert len(set(asked)) == 5


def test_the_controller_learns_categories():
    """Its last trials are better than its first; numbers are refused in words."""

    def run(trial):
        return sum(trial.suggest_categorical(f"c{n}", "abcd") == "c" for n in range(4))

    study = optuna.create_study(
        direction="maximize", sampler=ControllerSampler(0, learning_rate=0.03)
    )
    study.optimize(run, n_trials=240)
    values = [trial.value for trial in study.trials]
    assert sum(values[-40:]) > sum(values[:40]) + 40
    study = optuna.create_study(sampler=ControllerSampler(0))
    with pytest.raises(ValueError, match="takes categorical parameters, but 'x' is a number"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)


FLOAT, INT = optuna.distributions.FloatDistribution, optuna.distributions.IntDistribution


@pytest.mark.parametrize(
    "distribution",
    [
        FLOAT(0, 1),
        FLOAT(-3, 3, step=0.1),
        FLOAT(1e-8, 1e8, log=True),
        FLOAT(0.5, 0.5 + 1e-16),
        INT(0, 100),
        INT(5, 7),
        INT(0, 98, step=7),
        INT(1, 100_000, log=True),
        optuna.distributions.CategoricalDistribution([None, True, 3, "x"]),
    ],
)
def test_levels_are_values_of_the_parameter(distribution):
    """Each contained, each nearest to itself, the ends among them."""
    values = values_of(distribution)
    assert 1 <= len(values) <= max(LEVELS, 4)
    assert all(distribution._contains(distribution.to_internal_repr(value)) for value in values)
    assert [nearest(distribution, value) for value in values] == list(range(len(values)))
    if hasattr(distribution, "low"):
        assert values[0] == distribution.low


def test_the_folder_for_optunahub_is_whole():
    """What its registry asks for, with the example run as it is."""
    home = ROOT / "packaging" / "optunahub" / "samplers" / "reinas"
    names = {place.name for place in home.iterdir()} - {"__pycache__"}
    assert names == {"__init__.py", "example.py", "LICENSE", "README.md", "requirements.txt"}
    front = (home / "README.md").read_text().split("---")[1]
    keys = [line.partition(":")[0] for line in front.strip().splitlines()]
    assert keys == ["author", "title", "description", "tags", "optuna_versions", "license"]
    hub = types.SimpleNamespace(
        load_module=lambda package: importlib.import_module("reinas.optuna")
    )
    with unittest.mock.patch.dict(sys.modules, {"optunahub": hub}):
        found = runpy.run_path(str(home / "example.py"))
        study = optuna.create_study(sampler=BayesSampler(seed=0))
        study.optimize(found["objective"], n_trials=40)
    assert study.best_value < 0.5
    assert study.best_params["kind"] == "square"
