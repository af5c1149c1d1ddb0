"""A store with a few small studies, made once."""

import pytest

import reinas
from reinas.compare.comparison import run_all
from reinas.compare.runs import RunSpec
from reinas.evaluators.function import FunctionEvaluator
from reinas.evaluators.trained import TrainedEvaluator
from reinas.tasks.recipes import Recipe

SPACE = reinas.MlpSpace(depth=2, widths=(4, 8))
LINKED = reinas.ConvSpace(depth=3, filters=(2, 3))
OBJECTIVES = ("reward", "parameters")
ODD = "<script>alert('x')</script> & \"co\""
"""A name that a careless page would run."""


def reward(architecture, job):
    """Deterministic; some architectures fail."""
    text = str(architecture)
    if text.count("sigmoid") == 2:
        raise ValueError("<img src=x onerror=alert(1)> is no network")
    return (sum(map(ord, text)) % 101) / 100


def costly(architecture, job):
    """A reward, and what it costs."""
    parameters = sum(layer.width for layer in architecture.layers)
    return reinas.Outcome(reward(architecture, job), metrics={"parameters": float(parameters)})


def searched(store, space, policy, name, trials=40, seed=0, batch_size=None, reward=reward):
    reinas.search(
        space,
        policy,
        FunctionEvaluator(reward),
        budget=reinas.Budget(trials=trials),
        store=store,
        name=name,
        seed=seed,
        batch_size=batch_size,
    )


def filled(path):
    """Studies of every kind of policy that the page shows."""
    store = reinas.Store(path)
    searched(store, SPACE, reinas.zoph_le(SPACE, learning_rate=0.02, seed=1), "controller")
    searched(store, SPACE, reinas.independent(SPACE), ODD)
    searched(store, SPACE, reinas.BayesianSearch(SPACE, start=5), "bayes", trials=20)
    searched(store, LINKED, reinas.zoph_le(LINKED, seed=2), "linked", trials=16)
    searched(store, SPACE, reinas.RandomSearch(SPACE), "random", trials=8)
    policy = reinas.Pareto(SPACE, objectives=OBJECTIVES)
    searched(store, SPACE, policy, "front", trials=16, reward=costly)
    trained = TrainedEvaluator(reinas.Digits(), Recipe(epochs=2))
    reinas.search(
        LINKED,
        reinas.RandomSearch(LINKED),
        trained,
        budget=reinas.Budget(trials=6),
        store=store,
        name="trained",
        batch_size=3,
    )
    table = {"name": "landscape", "decisions": 4, "options": 3, "interactions": 1}
    for policy in ({"name": "random"}, {"name": "local"}):
        run_all([RunSpec(table, None, "mean", policy, None, 20, True, s) for s in (0, 1)], store, 0)
    for seed in (0, 1):
        policy = reinas.Evolution(SPACE, population=5, sample=2)
        searched(store, SPACE, policy, f"evolution-{seed}", trials=20, seed=seed)
    return store


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """The store with the studies, for reading."""
    return filled(tmp_path_factory.mktemp("web") / "s.db")
