"""Searches with early stopping: whoever is first and however they end, the same decisions."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import Hashed, Watching
from mortal_store import Died, Mortal
from reinas import (
    Asha,
    Budget,
    Processes,
    Pruned,
    RandomSearch,
    Recipe,
    Study,
    TrainedEvaluator,
    Wine,
    search,
    zoph_le,
)
from reinas.errors import SettingError
from reinas.seeds import derive
from study.stepped import RULES, SPACE, Stepped, story


def stepped_search(store, *, stopping=None, trials=40, evaluator=None, on_trial=None, **more):
    """Five batches of eight."""
    return search(
        SPACE,
        zoph_le(SPACE, learning_rate=0.05, seed=3),
        evaluator or Stepped(),
        budget=Budget(trials),
        store=store,
        name="s",
        seed=5,
        stopping=stopping or Asha(),
        observer=Watching(on_trial),
        **more,
    )


@pytest.fixture(scope="module")
def undisturbed():
    return {name: story(stepped_search(None, stopping=r).record) for name, r in RULES.items()}


def test_decisions_are_those_of_a_simulation(undisturbed):
    """Batch by batch, rung by rung, in arrays: nothing of the library but scores and seeds."""
    trials = undisturbed["asha"][0]
    known = {1: {}, 3: {}}
    evaluator = Stepped()
    study = stepped_search(None, trials=40)
    jobs = {t.number: study.job(t) for t in study.trials}
    expected = {}
    for batch in range(5):
        alive = [t[0] for t in trials if t[1] == batch and t[3] is None]
        for rung in (1, 3):
            there = []
            for n in alive:
                fate = derive(jobs[n].seed, str(jobs[n].architecture)) % 9
                if fate == 0 and rung == 3:
                    expected[n] = "failed"
                else:
                    known[rung][n] = evaluator.score(jobs[n], rung)
                    there.append(n)
            places = max(1, len(known[rung]) // 3)
            order = sorted(known[rung], key=lambda n: -known[rung][n])[:places]
            for n in there:
                if n not in order:
                    expected[n] = (rung, known[rung][n])
            alive = [n for n in there if n in order]
        for n in alive:
            expected[n] = "complete"
    for number, _, _, repeat_of, reward, error, pruned, _ in trials:
        if repeat_of is None:
            found = "failed" if error else "complete" if reward is not None else None
            assert (found or (pruned.step, pruned.score)) == expected[number]
    assert {1, 3} <= {e[0] for e in expected.values() if isinstance(e, tuple)}
    assert {"failed", "complete"} <= {e for e in expected.values() if isinstance(e, str)}


def test_worker_processes_give_the_trials_of_one_process(undisturbed):
    """Serial or parallel, the trials and the decisions are the same."""
    found = stepped_search(None, executor=Processes(2), evaluator=Stepped())
    assert story(found.record) == undisturbed["asha"]


@pytest.mark.parametrize(("rule", "every"), [("asha", 11), ("hyperband", 31), ("median", 31)])
def test_dying_at_any_transaction_changes_nothing(rule, every, tmp_path):
    """Whatever transaction is the last, a resumed search has the undisturbed one's trials."""
    few = {"stopping": RULES[rule], "trials": 16}
    expected = story(stepped_search(None, **few).record)
    for before in (True, False):
        for n in range(40, 600, every):
            path = tmp_path / f"{before}{n}.db"
            try:
                stepped_search(Mortal(path, n, before=before), **few)
            except Died:
                pass
            else:
                break
            assert story(stepped_search(str(path), **few).record) == expected, (before, n)
        assert 100 < n < 590


def test_dying_again_and_again_changes_nothing(undisturbed, tmp_path):
    """A search that dies every few transactions still gets to the same end."""
    path = tmp_path / "s.db"
    rng = np.random.default_rng(0)
    for _ in range(200):
        try:
            found = stepped_search(
                Mortal(path, int(rng.integers(20, 90)), before=bool(rng.integers(2)))
            )
        except Died:
            continue
        assert story(found.record) == undisturbed["asha"]
        return
    pytest.fail("200 lives were not enough")


# ---- trained children ------------------------------------------------------------------------


QUICK = Recipe(optimizer="adam", learning_rate=0.01, schedule="cosine", epochs=9, batch_size=32)


def trained(store, *, stopping=Asha(), recipe=QUICK, **more):  # noqa: B008 - a frozen value
    return search(
        SPACE,
        RandomSearch(SPACE),
        TrainedEvaluator(Wine(), recipe),
        budget=Budget(9),
        batch_size=9,
        store=store,
        name="a/b",
        seed=2,
        stopping=stopping,
        **more,
    )


def test_good_children_have_the_outcome_of_an_uninterrupted_training(tmp_path):
    """The survivors' reward, metrics, curve and reports are those without stopping, bit for bit."""
    stopped = trained(str(tmp_path / "s.db"))
    whole = trained(None, stopping=None)
    states = [t.state for t in stopped.trials]
    assert states.count("complete") == 1
    assert states.count("pruned") == 8
    for one, other in zip(stopped.trials, whole.trials, strict=True):
        mine, full = one.outcome, other.outcome
        assert mine.curve.epochs == full.curve.epochs[: len(mine.curve.epochs)]
        assert mine.reports == full.reports[: len(mine.reports)]
        if one.state == "complete":
            assert replace(mine, seconds=0.0) == replace(full, seconds=0.0)
        else:
            assert mine.pruned == Pruned(*mine.reports[-1])
            assert mine.seconds > 0
    assert not (tmp_path / "s.db.checkpoints").exists()  # swept


def test_children_whose_checkpoints_take_too_much_disk_are_trained_anew(tmp_path):
    """No checkpoint is kept, and the trials are the same."""
    none = trained(str(tmp_path / "s.db"), disk_limit=0.0)
    assert story(none.record) == story(trained(None).record)


def test_a_torn_checkpoint_is_a_warning(tmp_path):
    """A search that finds its checkpoints damaged trains anew, to the same trials."""

    class Damaging(TrainedEvaluator):
        def __call__(self, job):
            found = super().__call__(job)
            path = Path(job.checkpoint.path)
            if job.until == 1 and path.exists():
                path.write_bytes(path.read_bytes()[:1000])
            return found

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = search(
            SPACE,
            RandomSearch(SPACE),
            Damaging(Wine(), QUICK),
            budget=Budget(9),
            batch_size=9,
            seed=2,
            stopping=Asha(),
            name="a/b",
        )
    assert len(caught) == 3  # the survivors of the first rung
    assert "is torn" in str(caught[0].message)
    assert "trained anew from its beginning, to the same numbers" in str(caught[0].message)
    assert story(found.record) == story(trained(None).record)


def test_children_that_are_validated_seldom_are_judged_where_they_are(tmp_path):
    """With a validation every fourth epoch rung 1 and rung 3 are both decided after epoch 4."""
    seldom = replace(QUICK, validate_every=4)
    found = trained(None, recipe=seldom)
    assert {t.outcome.pruned.step for t in found.trials if t.state == "pruned"} == {4}
    assert [t.state for t in found.trials].count("complete") == 3


# ---- what is refused, and ask and tell -------------------------------------------------------


def test_an_evaluator_that_cannot_stop_is_refused(tmp_path):
    """With what to do, and before anything is written."""
    path = tmp_path / "s.db"
    with pytest.raises(SettingError, match=r"stopping needs an evaluator .* Hashed has no number"):
        stepped_search(str(path), evaluator=Hashed())
    assert not path.exists()


def test_another_rule_is_another_search(tmp_path):
    """The rule changes results, so it is among the settings."""
    path = str(tmp_path / "s.db")
    stepped_search(path, trials=8)
    with pytest.raises(SettingError, match=r"stopping.eta is 3, not 2"):
        stepped_search(path, trials=8, stopping=Asha(eta=2))


def test_a_limit_below_nothing_is_refused(tmp_path):
    """Before anything is written."""
    path = tmp_path / "s.db"
    with pytest.raises(SettingError, match="disk_limit must be at least 0 GiB, got -1"):
        stepped_search(str(path), disk_limit=-1.0)
    assert not path.exists()


def test_ask_and_tell_asks_whether_to_stop():
    """Four children after the first of three steps: a third goes on, at least the best so far."""
    study = Study(SPACE, RandomSearch(SPACE), budget=Budget(4), batch_size=4, stopping=Asha())
    scores, decisions = (0.5, 0.4, 0.6, 0.3), []
    for trial, score in zip(study.ask(), scores, strict=True):
        assert not study.should_stop(trial, 3)  # nothing was reported
        study.report(trial, 1, score)
        decisions.append(study.should_stop(trial, 3))
        study.report(trial, 2, score)
        assert not study.should_stop(trial, 3)  # not a rung
        study.report(trial, 3, score)
        assert not study.should_stop(trial, 3)  # the end
    assert decisions == [False, True, False, True]
