"""Children that were stopped early and are proposed again: they go on where they were."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from helpers import Watching
from mortal_store import Died, Mortal
from reinas import (
    AbstractPolicy,
    Asha,
    BayesianSearch,
    Budget,
    Hyperband,
    Processes,
    RandomSearch,
    Recipe,
    Study,
    TrainedEvaluator,
    Wine,
    search,
)
from study.stepped import SPACE, Stepped, story

QUICK = Recipe(optimizer="adam", learning_rate=0.01, schedule="cosine", epochs=9, batch_size=32)


class Again(AbstractPolicy):
    """Nine architectures at random, then the same nine again and again."""

    settings = {"name": "again"}  # noqa: RUF012
    batch_size = 9

    def continue_stopped(self):
        return True

    def propose(self, count, *, length, seed):
        return SPACE.sample(9, 7)[:count]

    def update(self, trials):
        return {}

    def state(self):
        return {}

    def restore(self, state):
        pass


def again(store=None, trials=27, evaluator=None, **more):
    """Three batches of the same architectures."""
    return search(
        SPACE,
        Again(),
        evaluator or TrainedEvaluator(Wine(), QUICK),
        budget=Budget(trials),
        store=store,
        name="s",
        seed=2,
        stopping=Asha(),
        **more,
    )


def whole():
    """Each architecture trained without a rule, with the same seeds."""
    return search(
        SPACE, Again(), TrainedEvaluator(Wine(), QUICK), budget=Budget(9), name="s", seed=2
    )


def children(study):
    """The trials of each architecture that were evaluated, in order."""
    found = {}
    for trial in study.trials:
        if trial.repeat_of is None:
            found.setdefault(trial.answers, []).append(trial)
    return list(found.values())


def test_a_child_that_goes_on_is_the_uninterrupted_one(tmp_path):
    """Curves, reports, rewards and metrics to the last bit, however many trials it took."""
    study = again(str(tmp_path / "s.db"))
    full = {trial.answers: trial.outcome for trial in whole().trials}
    numbers = [len(chain) for chain in children(study)]
    assert max(numbers) >= 2
    gone_on = 0
    for chain in children(study):
        for trial in chain:
            mine, other = trial.outcome, full[trial.answers]
            assert mine.curve.epochs == other.curve.epochs[: len(mine.curve.epochs)]
            assert mine.reports == other.reports[: len(mine.reports)]
            if trial.state == "complete":
                assert replace(mine, seconds=0.0) == replace(other, seconds=0.0)
                gone_on += len(chain) > 1
        steps = [t.outcome.pruned.step for t in chain if t.state == "pruned"]
        assert steps == sorted(set(steps))  # each trial came further than the one before
    assert gone_on
    assert not (tmp_path / "s.db.checkpoints").exists()  # swept at the end


def test_what_is_trained_whole_is_repeated():
    """Its outcome is taken over, and so is that of a trial that goes on in the same batch."""
    study = again()
    for trial in study.trials:
        if trial.repeat_of is not None:
            assert study.trials[trial.repeat_of].state == "complete"


def test_without_room_for_checkpoints_children_are_trained_anew_to_the_same_numbers(tmp_path):
    """The disk limit costs time only."""
    none = again(str(tmp_path / "s.db"), disk_limit=0.0)
    assert story(none.record) == story(again().record)


def test_a_search_that_ends_between_keeps_the_checkpoints(tmp_path):
    """Extended, it goes on from them."""
    path = str(tmp_path / "s.db")
    seen = []

    class Looking(TrainedEvaluator):
        def __call__(self, job):
            seen.append((job.until, Path(job.checkpoint.path).exists()))
            return super().__call__(job)

    looking = Looking(Wine(), QUICK)

    def interrupted(trial):
        if trial.number == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(path, evaluator=looking, observer=Watching(interrupted))
    seen.clear()
    study = again(path, evaluator=looking)
    assert seen
    assert all(there for until, there in seen if until > 1)
    assert story(study.record) == story(again().record)


def test_worker_processes_give_the_same(tmp_path):
    """Serial or parallel."""
    assert story(again(executor=Processes(2)).record) == story(again().record)


# ---- Bayesian search -------------------------------------------------------------------------


def bayes(store=None, trials=60, rule=None, **more):
    return search(
        SPACE,
        BayesianSearch(SPACE, start=8, seed=1),
        Stepped(),
        budget=Budget(trials),
        batch_size=4,
        store=store,
        name="s",
        seed=5,
        stopping=rule or Asha(),
        **more,
    )


@pytest.mark.parametrize("rule", [Asha(), Hyperband(eta=2)])
def test_bayesian_search_goes_on_with_some(rule):
    """Each proposal is new, or was stopped at an earlier step; seconds are counted once."""
    study = bayes(rule=rule)
    chains = children(study)
    assert sum(len(chain) > 1 for chain in chains) >= 2
    for chain in chains:
        for earlier, later in pairwise(chain):
            assert earlier.state == "pruned"
            reached = 9 if later.outcome.pruned is None else later.outcome.pruned.step
            assert later.state == "failed" or reached > earlier.outcome.pruned.step
            assert later.outcome.reports[: len(earlier.outcome.reports)] == earlier.outcome.reports


def test_dying_again_and_again_changes_nothing(tmp_path):
    """A search that dies every few transactions gets to the same end."""
    path = tmp_path / "s.db"
    rng = np.random.default_rng(0)
    for lives in range(200):
        try:
            found = bayes(Mortal(path, int(rng.integers(20, 90)), before=False), trials=40)
        except Died:
            continue
        assert lives > 3
        assert story(found.record) == story(bayes(trials=40).record)
        return
    pytest.fail("200 lives were not enough")


def test_policies_that_do_not_ask_for_it_repeat_what_was_stopped():
    """As before: the outcome of the stopped trial is taken over."""
    study = search(
        SPACE,
        RandomSearch(SPACE),
        Stepped(),
        budget=Budget(100),
        batch_size=10,
        seed=1,
        stopping=Asha(),
    )
    repeats = [t for t in study.trials if t.repeat_of is not None]
    assert any(t.state == "pruned" for t in repeats)
    assert all(len(chain) == 1 for chain in children(study))


def test_ask_and_tell_does_not_go_on():
    """The training is somebody else's, who has no checkpoint."""
    study = Study(
        SPACE, BayesianSearch(SPACE, start=8), budget=Budget(40), batch_size=4, stopping=Asha()
    )
    while trials := study.ask():
        for trial in trials:
            study.report(trial, 1, -float(trial.number))
            if study.should_stop(trial, 3):
                study.prune(trial)
            else:
                study.tell(trial, reward=-float(trial.number))
    assert len({trial.answers for trial in study.trials}) == 40
