"""Comparisons on trained children: small networks for wine, two epochs each."""

import numpy as np
import pytest

from compare.made import same
from helpers import Watching
from reinas import MlpSpace, Recipe, Serial, Store, TrainedEvaluator, Wine
from reinas.compare.comparison import PolicySpec
from reinas.compare.trained import run_searches

SPACE = MlpSpace(depth=2, widths=(4, 8), activations=("relu",))
QUICK = Recipe(optimizer="adam", learning_rate=0.01, schedule="constant", epochs=2, batch_size=64)
CONTENDERS = (
    PolicySpec("random", {"name": "random"}),
    PolicySpec("small", {"name": "evolution", "population": 3, "sample": 2}),
)


def searches(store, *, seeds=(0, 1), evaluations=6, specs=CONTENDERS, batch_size=2, **more):
    return run_searches(
        "wine",
        SPACE,
        TrainedEvaluator(Wine(), QUICK),
        specs,
        seeds,
        evaluations=evaluations,
        batch_size=batch_size,
        reuse=True,
        store=store,
        executor=Serial(),
        **more,
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Two policies, two seeds, six children each, and their store."""
    store = Store(tmp_path_factory.mktemp("trained") / "s.db")
    return searches(store), store


def untimed(run):
    """Training takes its time, which differs."""
    return {key: value for key, value in run.state().items() if "seconds" not in key}


def alike(one, two):
    a, b = untimed(one), untimed(two)
    return all(np.array_equal(a[key], b[key], equal_nan=True) for key in a)


def test_every_policy_has_a_run_for_each_seed(undisturbed):
    """Six rewards of accuracy each, by label; time was spent on children and on thinking."""
    runs, _ = undisturbed
    assert list(runs) == ["random", "small"]
    for run in (*runs["random"], *runs["small"]):
        assert run.rewards.shape == (6,)
        assert ((run.rewards >= 0) & (run.rewards <= 1)).all()
        assert run.seconds.sum() > 0
        assert run.own_seconds > 0
    assert [len(runs[label]) for label in runs] == [2, 2]


def test_each_run_is_a_search_in_the_store(undisturbed):
    """Called by the comparison's name, the policy's label and the seed, with the same rewards."""
    runs, store = undisturbed
    assert sorted(store.names()) == [f"wine/{p}/{s}" for p in ("random", "small") for s in (0, 1)]
    for label, seeds in runs.items():
        for seed, run in enumerate(seeds):
            trials = store.get(f"wine/{label}/{seed}").finished()
            assert [trial.outcome.reward for trial in trials] == run.rewards.tolist()


def test_a_repeat_has_the_place_and_the_reward_of_its_first(undisturbed):
    """Six networks in six draws: there are repeats, and they cost nothing."""
    runs, _ = undisturbed
    for run in (*runs["random"], *runs["small"]):
        for number, place in enumerate(run.places):
            assert run.rewards[place] == run.rewards[number]
            assert place == number or run.seconds[number] == 0


def test_nothing_is_trained_twice(undisturbed):
    """The same comparison again is read from the store, to the last bit."""
    runs, store = undisturbed
    trained = []
    again = searches(store, observer=Watching(trained.append))
    assert not trained
    for label in runs:
        assert all(same(a, b) for a, b in zip(runs[label], again[label], strict=True))


@pytest.mark.parametrize("after", [1, 8, 20])
def test_a_comparison_that_was_stopped_goes_on(undisturbed, tmp_path, after):
    """Stopped in the middle of a search: the runs are those of an undisturbed one."""
    runs, _ = undisturbed
    store, done = Store(tmp_path / "s.db"), []

    def stop(trial):
        done.append(trial)
        if len(done) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searches(store, observer=Watching(stop))
    continued = searches(store)
    for label in runs:
        assert all(alike(a, b) for a, b in zip(runs[label], continued[label], strict=True))


def test_more_evaluations_extend_the_searches(undisturbed, tmp_path):
    """Of four, then six: as six from the beginning, since both are whole batches."""
    runs, _ = undisturbed
    store = Store(tmp_path / "s.db")
    short = searches(store, evaluations=4)
    long = searches(store, evaluations=6)
    for label in runs:
        for one, two, whole in zip(short[label], long[label], runs[label], strict=True):
            assert one.rewards.tolist() == two.rewards[:4].tolist()
            assert alike(two, whole)
