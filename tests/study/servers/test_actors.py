"""Figure 3 on a real Ray: equal to the synchronous search where it must be, whatever is killed."""

import itertools
import time
from collections import Counter

import numpy as np
import pytest

from helpers import SPACE, Hashed, small_search, story
from ray_here import Killer, ray_here
from reinas import (
    Asha,
    Asynchronous,
    Budget,
    Cluster,
    ConvSpace,
    MlpSpace,
    RandomSearch,
    Recipe,
    Synchronous,
    TrainedEvaluator,
    Wine,
    independent,
    search,
    zoph_le,
)
from reinas.errors import SettingError

__all__ = ["ray_here"]
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.usefixtures("ray_here")]
PERCEPTRONS = MlpSpace(depth=3, widths=(4, 8, 16, 32))
LINKED = ConvSpace(depth=8, filters=(8, 16))


class Slow(Hashed):
    """Takes its time, so that something can be killed in the middle."""

    def __call__(self, job):
        time.sleep(0.2)
        return Hashed.__call__(self, job)


def same_state(one, other):
    """Whether two snapshots are equal to the last bit."""
    (batch, a), (last, b) = one, other
    return (
        batch == last
        and a.keys() == b.keys()
        and all(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k], equal_nan=True) for k in a)
    )


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("policy", [zoph_le, independent])
def test_one_replica_is_the_synchronous_search(policy, shards):
    """Number for number: trials, diagnostics, and the weights and moments to the last bit."""

    def run(**more):
        made = policy(LINKED, learning_rate=0.02)
        return search(
            LINKED, made, Hashed(), budget=Budget(28), batch_size=8, seed=4, **more
        ).record

    alone, served = run(), run(executor=Cluster(), schedule=Asynchronous(1, shards))
    assert story(alone) == story(served)
    assert same_state(alone.snapshot(), served.snapshot())
    assert alone.settings == served.settings
    assert [(u.number, u.batch, u.staleness) for u in served.updates()] == [
        (n, n, 0) for n in range(4)
    ]


QUICK = Recipe(optimizer="adam", learning_rate=0.01, schedule="cosine", epochs=9, batch_size=32)


def stopping_early(trials, **more):
    """The record of a search that gives up perceptrons early."""
    return search(
        PERCEPTRONS,
        zoph_le(PERCEPTRONS, learning_rate=0.02),
        TrainedEvaluator(Wine(), QUICK),
        budget=Budget(trials),
        stopping=Asha(),
        name="s",
        **more,
    ).record


@pytest.mark.parametrize("schedule", [Synchronous(), Asynchronous(1, 2)])
def test_children_that_are_stopped_early_go_on_from_their_checkpoints(schedule, tmp_path):
    """Number for number the search without a cluster, with one replica as without any."""
    few = {"trials": 12, "batch_size": 6}
    alone = stopping_early(**few)
    served = stopping_early(
        **few, executor=Cluster(), schedule=schedule, store=str(tmp_path / "s.db")
    )
    assert story(alone) == story(served)
    states = [trial.state for trial in served.finished()]
    assert {"pruned", "complete"} <= set(states)
    pieces = Counter(attempt.trial for attempt in served.attempts())
    assert max(pieces.values()) == 3  # rungs 1, 3, 9
    assert not (tmp_path / "s.db.checkpoints").exists()  # swept


def test_replicas_that_stop_children_early_judge_all_of_them(tmp_path):
    """Several at a time; nothing is left beside the store."""
    served = stopping_early(
        trials=24,
        batch_size=4,
        executor=Cluster(),
        schedule=Asynchronous(3, 2),
        store=str(tmp_path / "s.db"),
    )
    states = Counter(trial.state for trial in served.finished())
    assert states["pruned"] > states["complete"] >= 1
    assert states["pruned"] + states["complete"] == 24
    assert sorted(u.batch for u in served.updates()) == list(range(6))
    assert not (tmp_path / "s.db.checkpoints").exists()


def whole(log, trials, *, batches):
    """Every trial finished or failed with a reason, once; every batch learned from, once."""
    finished = log.finished()
    assert [t.number for t in finished] == list(range(trials))
    assert all((t.outcome.reward is None) == bool(t.outcome.error) for t in finished)
    updates = log.updates()
    assert [u.number for u in updates] == list(range(batches))
    assert sorted(u.batch for u in updates) == list(range(batches))
    assert all(u.staleness >= 0 for u in updates)
    assert log.open_batches() == []


def test_many_replicas_learn_from_each_batch_once():
    """Gradients come late, and none is lost or applied twice."""
    servers = Asynchronous(3, 2, 2)
    log = small_search(None, executor=Cluster(), schedule=servers, trials=64, batch_size=4).record
    whole(log, 64, batches=16)
    assert {u.replica for u in log.updates()} <= {0, 1, 2}
    versions = [u.applied_to for u in log.updates()]
    assert versions == [n // 2 for n in range(16)]
    assert log.settings["schedule"] == {"replicas": 3, "accumulate": 2}


@pytest.mark.parametrize(("word", "seed"), [("Made", 0), ("Shard", 1)])
def test_one_replica_goes_the_same_way_though_servers_are_killed(word, seed):
    """What a killed replica or shard knew comes from the store."""
    killer = Killer(seed, word, every=16)
    served = small_search(
        None,
        evaluator=Slow(),
        executor=Cluster(),
        schedule=Asynchronous(1, 2),
        trials=56,
        on_trial=killer,
    ).record
    assert killer.killed
    assert story(served) == story(small_search(None, trials=56).record)


@pytest.mark.parametrize("seed", range(10))
def test_a_search_under_random_kills_finishes(seed):
    """Workers, replicas and shards die at random; nothing is lost and nothing is done twice."""
    killer = Killer(seed, "child", "child", "Made", "Shard", every=5)
    log = small_search(
        None,
        evaluator=Slow(),
        executor=Cluster(retries=8),
        schedule=Asynchronous(2),
        trials=20,
        batch_size=4,
        on_trial=killer,
    ).record
    assert killer.killed
    whole(log, 20, batches=5)
    lost = [e for e in log.attempts() if e.lost]
    assert all(e.lost == "its worker died" for e in lost)
    # their own reasons alone: with so many retries no child is given up
    reasons = {t.outcome.error for t in log.finished() if t.outcome.error}
    assert not any("given up" in reason for reason in reasons)


def test_a_search_that_breaks_off_goes_on_to_the_same_end(tmp_path):
    """Broken off after every dozen trials, it ends where the synchronous search does."""

    class EnoughError(Exception):
        pass

    def search_on():
        left = itertools.count(12, -1)

        def count(trial):
            if next(left) == 0:
                raise EnoughError

        place = str(tmp_path / "s.db")
        return small_search(place, executor=Cluster(), schedule=Asynchronous(1, 2), on_trial=count)

    for _ in range(2):
        with pytest.raises(EnoughError):
            search_on()
    assert story(search_on().record) == story(small_search(None).record)


def test_it_stops_when_the_time_is_over():
    """What is finished is kept, and it says why it stopped."""
    begun = time.monotonic()
    found = small_search(
        None,
        evaluator=Slow(),
        executor=Cluster(),
        schedule=Asynchronous(2),
        trials=1000,
        reuse=False,
        seconds=6.0,
    )
    assert 6 <= time.monotonic() - begun < 25
    assert found.stopped == "its 6 seconds are over"
    assert found.record.count()[1] < 1000


def test_a_reward_that_is_good_enough_stops_it():
    """The trial that has it is the last thing that counts."""
    found = small_search(
        None, executor=Cluster(), schedule=Asynchronous(2), trials=400, reward=0.9, batch_size=4
    )
    assert found.best_trial.reward >= 0.9
    assert found.stopped.startswith(f"trial {found.record.best()[0].number} has a reward of")
    assert found.record.count()[1] < 400


@pytest.mark.parametrize(
    ("policy", "executor", "servers", "words"),
    [
        (zoph_le, None, Asynchronous(2), "the asynchronous schedule needs the executor ray"),
        (
            RandomSearch,
            Cluster,
            Asynchronous(2),
            "zoph-le and independent; got random",
        ),
        (
            independent,
            Cluster,
            Asynchronous(1, 1000),
            r"shards must be at most \d+ for this policy",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(policy, executor, servers, words):
    """Before anything begins."""
    made = executor() if executor else None
    with pytest.raises(SettingError, match=words):
        search(SPACE, policy(SPACE), Hashed(), executor=made, schedule=servers)


@pytest.mark.parametrize("key", ["replicas", "shards", "accumulate"])
def test_numbers_of_servers_are_positive(key):
    """None of them may be zero."""
    with pytest.raises(SettingError, match=f"{key} must be at least 1"):
        Asynchronous(**{key: 0})
