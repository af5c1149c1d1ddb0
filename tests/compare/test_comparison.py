"""Many runs: kept, continued, and the same on any number of cores."""

import json
import sqlite3

import pytest

from compare.made import same
from reinas import Store
from reinas.compare import comparison
from reinas.compare.comparison import run_all
from reinas.compare.runs import RunSpec
from reinas.errors import ExecutorError, SettingError
from reinas.store.runs import run_key

TABLE = {"name": "landscape", "decisions": 4, "options": 3, "interactions": 1}
POLICIES = ({"name": "random"}, {"name": "evolution", "population": 5, "sample": 3})


def plans(seeds=3, **changes):
    settings = {
        "table": TABLE,
        "fingerprint": None,
        "noise": "mean",
        "batch_size": None,
        "evaluations": 30,
        "reuse": "reuse",
        **changes,
    }
    return [
        RunSpec(policy=policy, seed=seed, **settings)
        for seed in range(seeds)
        for policy in POLICIES
    ]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs.db")


@pytest.fixture
def counted(monkeypatch):
    """The plans that are really run."""
    ran = []
    really = comparison.run

    def run(plan):
        ran.append(plan)
        return really(plan)

    monkeypatch.setattr(comparison, "run", run)
    return ran


def all_same(one, two):
    return len(one) == len(two) and all(same(a, b) for a, b in zip(one, two, strict=True))


def test_runs_are_returned_in_the_order_of_their_specifications(store):
    """Whichever of them were stored before."""
    runs = run_all(plans(), store, 0)
    assert all_same(run_all(plans()[::-1], store, 0), runs[::-1])
    assert not same(runs[0], runs[2])


def test_stored_runs_are_not_run_again(store, counted):
    """Three seeds take six runs; two more seeds take only four more."""
    first = run_all(plans(3), store, 0)
    assert len(counted) == 6
    again = run_all(plans(3), Store(store.location), 0)
    assert len(counted) == 6
    assert all_same(first, again)
    more = run_all(plans(5), store, 0)
    assert len(counted) == 10
    assert all_same(more[:6], first)


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluations": 31},
        {"noise": "seeds"},
        {"batch_size": 4},
        {"reuse": "train"},
        {"table": {**TABLE, "seed": 1}},
    ],
)
def test_each_setting_is_part_of_a_runs_key(store, counted, changes):
    """A run with another setting is not taken from the store."""
    run_all(plans(1), store, 0)
    run_all(plans(1, **changes), store, 0)
    assert len(counted) == 4


def test_runs_on_data_that_have_changed_are_refused(store, counted):
    """A plan made for data that are not there any more is refused, not looked up in the cache."""
    run_all(plans(1), store, 0)
    with pytest.raises(SettingError, match="has changed meanwhile"):
        run_all(plans(1, fingerprint="other"), store, 0)
    assert len(counted) == 3


def test_a_stopped_comparison_continues(store, counted, tmp_path):
    """Stopped after the third of six: three are run then, and all are as undisturbed ones."""
    done = []

    def stop():
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(plans(), store, 0, stop)
    assert len(counted) == 3
    continued = run_all(plans(), store, 0)
    assert len(counted) == 6
    assert all_same(continued, run_all(plans(), Store(tmp_path / "other.db"), 0))


def test_every_run_is_reported_once(store):
    """Stored ones included."""
    done = []
    run_all(plans(2), store, 0, lambda: done.append(1))
    assert len(done) == 4
    run_all(plans(3), store, 0, lambda: done.append(1))
    assert len(done) == 10


def test_a_run_that_is_listed_twice_is_executed_once(store, counted):
    """Both places get its result."""
    one = plans(1)
    runs = run_all([*one, *one], store, 0)
    assert len(counted) == 2
    assert all_same(runs[:2], runs[2:])


def test_two_worker_processes_give_the_same_runs_as_none(store, tmp_path):
    """With another store, so that all runs are executed."""
    alone = run_all(plans(), store, 0)
    together = run_all(plans(), Store(tmp_path / "two.db"), 2)
    assert all_same(alone, together)


def test_a_key_is_equal_for_equal_settings():
    """Whatever the order of the keys; it is JSON."""
    assert run_key({"a": 1, "b": [2]}) == run_key({"b": [2], "a": 1})
    assert run_key({"a": 1}) != run_key({"a": 2})
    assert json.loads(run_key(plans(1)[0].settings)) == plans(1)[0].settings


def test_runs_are_kept_without_pickle(store, tmp_path):
    """The bytes begin as safetensors does: a length, then JSON."""
    run_all(plans(1), store, 0)
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        assert "runs" in tables
        states = [row[0] for row in connection.execute("SELECT state FROM runs")]
    assert len(states) == 2
    for state in states:
        size = int.from_bytes(state[:8], "little")
        assert "rewards" in json.loads(state[8 : 8 + size])


def test_a_thousand_stored_runs_can_be_read_at_once(store):
    """This is more than one SQL query takes."""
    runs = store.runs()
    for number in (0, 700, 1299):
        runs.put(f"key {number}", run_all(plans(1)[:1], store, 0)[0].state())
    found = runs.get(f"key {n}" for n in range(1300))
    assert sorted(found) == ["key 0", "key 1299", "key 700"]


def test_a_stored_run_is_never_overwritten(store):
    """Two processes may finish the same run."""
    one, two = run_all(plans(1), store, 0)
    runs = store.runs()
    runs.put("key", one.state())
    runs.put("key", two.state())
    assert (runs.get(["key"])["key"]["rewards"] == one.rewards).all()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no memory for that")])
def test_a_run_that_fails_names_its_policy_and_seed(store, monkeypatch, error):
    """As with a controller that does not fit into memory."""

    def run(plan):
        raise error

    monkeypatch.setattr(comparison, "run", run)
    with pytest.raises(ExecutorError, match=r"policy random, seed 0: .*[Mm]emory"):
        run_all(plans(1), store, 0)
