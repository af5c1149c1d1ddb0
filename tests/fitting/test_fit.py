"""`reinas.fit`: from data to a saved network, in time, and on after a kill."""

import json
import time

import numpy as np
import pytest
import torch

import reinas
from reinas import (
    ArrayTask,
    Budget,
    Digits,
    FitObserver,
    Job,
    Limits,
    Plan,
    Recipe,
    Serial,
    Store,
    TrainedEvaluator,
    fit,
    load,
)
from reinas.errors import ReinasError, SettingError
from reinas.fitting.probe import chosen
from reinas.spaces.mlp import MlpSpace

SHORT = 0.2  # minutes


class Phases(FitObserver):
    """Notes what happens, and may break off."""

    def __init__(self, end=None):
        self.phases, self.trials, self._end = [], [], end

    def on_phase(self, phase, until):
        self.phases.append(phase)
        if phase == self._end:
            raise KeyboardInterrupt

    def on_trial(self, trial):
        self.trials.append(trial)


def table(count=400):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 6)).astype(np.float32)
    return ArrayTask(x, (x[:, 0] * x[:, 1] > 0).astype(int), name="table")


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """What a process imports when it first trains takes seconds, which are not the subject here."""
    space = MlpSpace(depth=1)
    evaluator = TrainedEvaluator(Digits(), Recipe(epochs=1))
    evaluator(Job(0, space.decode(space.sample(1, 0)[0]), 0))
    Digits().test()


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A fit of images, as short as may be."""
    folder = tmp_path_factory.mktemp("fit")
    store = Store(folder / "fit.db")
    watch = Phases()
    begun = time.time()
    fitted = fit(
        Digits(),
        minutes=SHORT,
        store=store,
        name="digits",
        folder=folder / "network",
        executor=Serial(),
        observer=watch,
    )
    return fitted, store, watch, time.time() - begun


def test_a_fit_finds_a_network_that_tells_digits_apart(digits):
    """Far above a guess (0.1) within twelve seconds; measured on the test part, once."""
    fitted, store, _, _ = digits
    assert fitted.metrics["accuracy"] > 0.8
    final = store.get("digits").final()
    assert final.metrics == dict(fitted.metrics)
    assert final.trial == fitted.members[0].trial.number


def test_the_saved_network_is_the_one_that_was_tested(digits):
    """Loaded from its folder and run on the raw test part, the accuracy is the one reported."""
    fitted, _, _, _ = digits
    network = load(fitted.folder)
    test = Digits().test()
    with torch.no_grad():
        right = network(torch.from_numpy(test.x)).argmax(1) == torch.from_numpy(test.y)
    assert float(right.float().mean()) == pytest.approx(fitted.metrics["accuracy"], abs=0.004)


def test_a_fit_ends_in_time_and_leaves_nothing_behind(digits):
    """The phases come in their order; checkpoints are swept; the study has no open trials."""
    fitted, store, watch, took = digits
    assert watch.phases[0] == "explore"
    assert watch.phases[-2:] == ["train", "test"]
    assert took < 60 * SHORT + 5  # a wide limit: it ends at all
    assert not list(fitted.folder.parent.glob("*.fit"))
    record = store.get("digits")
    assert record.count()[0] == record.count()[1] == record.trials
    assert {t.state for t in fitted.study.trials} <= {"complete", "failed"}


def test_a_finished_fit_is_not_tested_again(digits):
    """The test part was seen."""
    _, store, _, _ = digits
    with pytest.raises(SettingError, match="finished, and its test part was measured once"):
        fit(Digits(), minutes=SHORT, store=store, name="digits", executor=Serial())


def test_an_interrupted_fit_goes_on_with_the_time_that_was_left(tmp_path):
    """The second session has the same candidates, and spends only what the first one left."""
    store = Store(tmp_path / "fit.db")
    given = {
        "minutes": SHORT,
        "store": store,
        "name": "x",
        "folder": tmp_path / "x",
        "executor": Serial(),
    }
    with pytest.raises(KeyboardInterrupt):
        fit(Digits(), **given, observer=Phases(end="train"))
    before = [t.answers for t in store.get("x").all_trials()]
    kept = json.loads(next(tmp_path.glob("*.fit/clock.json")).read_text())
    assert 0 < kept["spent"] <= 60 * SHORT
    watch, begun = Phases(), time.time()
    fitted = fit(Digits(), **given, observer=watch)
    assert time.time() - begun < 60 * SHORT - kept["spent"] + 5
    assert "explore" in watch.phases
    assert [t.answers for t in fitted.study.trials][: len(before)] == before
    assert fitted.metrics["accuracy"] > 0.5


def interrupted(tmp_path):
    """A fit of digits that was broken off: its folder of checkpoints, and what it was given."""
    store = Store(tmp_path / "fit.db")
    given = {"minutes": SHORT, "store": store, "name": "x", "executor": Serial()}
    with pytest.raises(KeyboardInterrupt):
        fit(Digits(), **given, folder=tmp_path / "x", observer=Phases(end="train"))
    return next(tmp_path.glob("*.fit")), given


def test_a_fit_does_not_go_on_with_other_data_and_loses_no_time_over_it(tmp_path):
    """One sentence, before the clock runs; a damaged file of the probe is measured anew."""
    work, given = interrupted(tmp_path)
    before = (work / "clock.json").read_text()
    with pytest.raises(SettingError, match="'x' was begun with other data: choose another name"):
        fit(table(), **given, folder=tmp_path / "y")
    with pytest.raises(SettingError, match=r"other settings \(limits.parameters\)"):
        fit(Digits(), **given, folder=tmp_path / "y", limits=Limits(parameters=10**6))
    assert (work / "clock.json").read_text() == before
    assert not (tmp_path / "y").exists()
    (work / "pacing.json").write_text("", encoding="utf-8")
    (work / "fit.json").write_text("[", encoding="utf-8")
    fitted = fit(Digits(), **given, folder=tmp_path / "x")
    assert fitted.metrics["accuracy"] > 0.5


def test_limits_that_nothing_keeps_are_named_and_nothing_is_left(tmp_path):
    """More minutes would not help, and there is nothing to go on from."""
    with pytest.raises(ReinasError, match=r"networks tried exceed a limit \(more than 3 param"):
        fit(
            table(),
            minutes=SHORT,
            store=Store(tmp_path / "fit.db"),
            name="x",
            limits=Limits(parameters=3),
            folder=tmp_path / "x",
            executor=Serial(),
        )
    assert not list(tmp_path.glob("*.fit"))
    assert not (tmp_path / "x").exists()


def test_tables_are_fitted_with_several_networks_trained_whole(tmp_path):
    """The product's sign of two columns among six: no linear model is above 0.6."""
    plan = Plan(
        MlpSpace(depth=2, widths=(16, 32)),
        Recipe("adam", 0.01, epochs=30, batch_size=64, schedule="cosine", patience=10),
        by_recipe=True,
        members=3,
    )
    fitted = fit(table(), minutes=SHORT, plan=plan, folder=tmp_path / "t", executor=Serial())
    assert fitted.metrics["accuracy"] > 0.75
    assert 1 <= len(fitted.members) <= 3
    assert sum(m.weight for m in fitted.members) == pytest.approx(1)
    x = table().test().x
    again = load(tmp_path / "t")
    with torch.no_grad():
        assert torch.equal(again(torch.from_numpy(x)), fitted.network(torch.from_numpy(x)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"minutes": 0.01}, "minutes must be at least 0.17"),
        ({"minutes": float("nan")}, "minutes must be at least"),
        ({"ensemble": 0}, "ensemble must be at least 1"),
        ({"placement": reinas.Placement("cuda:7")}, "is not on this machine"),
        ({"begun": time.time() - 3600}, "minutes are too few here"),
    ],
)
def test_what_cannot_be_is_one_sentence(given, words, tmp_path):
    """Nothing is left behind in the store."""
    store = Store(tmp_path / "fit.db")
    with pytest.raises(SettingError, match=words):
        fit(
            table(),
            **{"minutes": SHORT, "store": store, "executor": Serial(), **given},
            folder=tmp_path / "x",
        )
    assert store.names() == []
    assert not list(tmp_path.glob("*.fit"))
    assert not (tmp_path / "x").exists()


def test_the_largest_start_that_passes_the_data_often_enough_is_chosen():
    """25 passes in 100 seconds: 4 seconds per pass at most."""
    assert chosen([1.0, 3.9, 4.1, 9.0], 100.0, 25.0) == 1
    assert chosen([5.0, 6.0], 100.0, 25.0) == 0
    assert chosen([0.1, 0.2], 100.0, 25.0) == 1


def test_a_study_of_other_settings_is_not_gone_on_with(tmp_path):
    """The message names what differs."""
    store = Store(tmp_path / "fit.db")
    reinas.Study(MlpSpace(), store=store, name="x", budget=Budget(3))
    with pytest.raises(SettingError, match="'x' is not a fit"):
        fit(Digits(), minutes=SHORT, store=store, name="x", executor=Serial())
