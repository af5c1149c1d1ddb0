"""The database: one file, one version, one process a search."""

import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

import reinas
from helpers import small_search
from reinas import Curve, Epoch, Outcome, Store
from reinas.errors import BusyError, SettingError, StoreError, UnknownSearchError
from reinas.store import schema
from reinas.store.values import FinalRecord, Proposal

SETTINGS = {"space": {"name": "mlp", "depth": 2}, "seed": 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s.db"


def test_opening_a_store_makes_no_file(path):
    """The file appears when something is first written."""
    store = Store(path)
    assert store.names() == []
    assert store.summaries() == []
    assert not path.exists()
    store.put("s", SETTINGS, 8)
    assert path.exists()


def test_a_store_is_a_path_or_an_sqlite_address(path):
    """Both name the same file; anything else is refused."""
    Store(str(path)).put("s", SETTINGS, 8)
    assert Store(f"sqlite:///{path}").names() == ["s"]
    with pytest.raises(SettingError, match="expected a file, sqlite:///FILE or post"):
        Store("mysql://host/db")


def test_the_file_is_in_wal_mode(path):
    """Readers never wait for the search."""
    Store(path).put("s", SETTINGS, 8)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_trial_is_read_back_as_it_was_written(path):
    """Numbers to the last bit; curves, metrics and reasons whole."""
    log = Store(path).put("s", SETTINGS, 8)
    log.propose(
        0, [Proposal(0, (1, 0), (1, 0), "text", None), Proposal(1, (0, 1), (0, 1), "text", 0)]
    )
    assert [t.outcome for t in log.batch(0)] == [None, None]
    good = Outcome(0.1 + 0.2, 1.5, {"a": 1 / 3}, Curve((Epoch(1, 0.1, 0.2, 0.3),), None))
    bad = Outcome(None, 2.0, {}, Curve((), "why"), "it broke")
    log.record(0, good)
    log.record(1, bad)
    again = Store(path).get("s")
    assert [t.outcome for t in again.batch(0)] == [good, bad]
    assert [t.answers for t in again.batch(0)] == [(1, 0), (0, 1)]
    assert [t.repeat_of for t in again.batch(0)] == [None, 0]
    assert again.count() == (2, 2)
    assert again.texts([0, 1]) == {0: "text", 1: "text"}


def test_a_snapshot_replaces_the_one_before(path):
    """Only the latest state is kept: the file does not grow with the search."""
    log = Store(path).put("s", SETTINGS, 8)
    assert log.snapshot() is None
    for batch in range(3):
        log.propose(batch, [Proposal(batch, (0,), (0,), "text", None)])
        log.learned(batch, {"x": batch / 3}, {"w": np.arange(batch + 1.0), "b": np.array(np.nan)})
    batch, state = log.snapshot()
    assert batch == 2
    np.testing.assert_array_equal(state["w"], [0, 1, 2])
    assert np.isnan(state["b"])
    assert log.diagnostics() == [(0, {"x": 0.0}), (1, {"x": 1 / 3}), (2, {"x": 2 / 3})]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (1,)


def test_the_best_are_different_architectures_highest_reward_first(path):
    """Ties go to the earliest; repeats and failures are left out."""
    log = Store(path).put("s", SETTINGS, 8)
    keys = [(0,), (1,), (1,), (2,), (3,)]
    log.propose(0, [Proposal(k, a, a, "text", 1 if k == 2 else None) for k, a in enumerate(keys)])
    for number, reward in enumerate([0.5, 0.9, 0.9, 0.9, None]):
        error = "it broke" if reward is None else None
        log.record(number, Outcome(reward, error=error))
    assert [t.number for t in log.best(3)] == [1, 3, 0]
    assert [t.number for t in log.best()] == [1]


def test_an_architecture_is_found_again_by_the_trial_that_evaluated_it(path):
    """Only among earlier batches."""
    log = Store(path).put("s", SETTINGS, 8)
    log.propose(0, [Proposal(0, (0,), (0,), "text", None), Proposal(1, (0,), (0,), "text", 0)])
    log.propose(1, [Proposal(2, (5,), (5,), "text", None)])
    assert log.own_with([(0,), (5,), (9,)], before=1) == {(0,): 0}
    assert log.own_with([(0,), (5,), (9,)], before=2) == {(0,): 0, (5,): 2}


def test_a_final_network_is_written_once(path):
    """A second one is refused by the database itself."""
    log = Store(path).put("s", SETTINGS, 8)
    assert log.final() is None
    final = FinalRecord(3, {"epochs": 2}, {"accuracy": 0.9}, "2026-01-01", "accuracy 0.9")
    log.finish(final)
    assert Store(path).get("s").final() == final
    with pytest.raises(StoreError):
        log.finish(final)


def test_summaries_count_what_is_there(path):
    """One line a search: finished, failed, best."""
    log = small_search(str(path)).record
    (summary,) = Store(path).summaries()
    outcomes = [t.outcome for t in log.finished()]
    assert (summary.name, summary.space, summary.policy) == ("s", "mlp", "zoph-le")
    assert (summary.trials, summary.finished) == (40, 40)
    assert summary.failed == sum(o.error is not None for o in outcomes)
    assert summary.best == max(o.value for o in outcomes)


# ---- what can be wrong with a store ------------------------------------------------------------


def test_an_unknown_search_is_named_with_the_nearest(path):
    """Or with the fact that there are none."""
    with pytest.raises(UnknownSearchError, match="it holds none yet"):
        Store(path).get("first")
    Store(path).put("first", SETTINGS, 8)
    with pytest.raises(UnknownSearchError, match="did you mean 'first'"):
        Store(path).get("frist")


def test_settings_that_differ_are_listed(path):
    """Each with its old and its new value; equal ones are not mentioned."""
    store = Store(path)
    store.put("s", SETTINGS, 8)
    with pytest.raises(SettingError) as caught:
        store.put("s", {"space": {"name": "mlp", "depth": 3}, "seed": 1}, 8)
    assert "seed is 0, not 1; space.depth is 2, not 3" in str(caught.value)
    assert "name" not in str(caught.value).partition("(")[2].partition(")")[0]


def test_a_file_that_is_no_database_is_refused_and_left_alone(path):
    """Whatever it is, it stays as it was."""
    path.write_bytes(b"this is a letter to a friend, and not a database at all" * 40)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is not a database: choose another file"):
        Store(path)
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused(path):
    """It has tables, but not ours."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (cake TEXT)")
    with pytest.raises(StoreError, match="is a database, but not a store of reinas"):
        Store(path)


def test_a_store_of_another_version_is_refused(path):
    """With both versions in the message."""
    Store(path).put("s", SETTINGS, 8)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE reinas_version SET version = 99")
    with pytest.raises(StoreError, match=f"version 99.*reads version {schema.VERSION}"):
        Store(path)


def test_a_full_disk_is_said_and_nothing_is_lost(path):
    """The trial that did not fit is missing, everything before it is there."""
    store = Store(path)
    log = store.put("s", SETTINGS, 8)
    log.propose(0, [Proposal(k, (k,), (k,), "text", None) for k in range(8)])
    log.record(0, Outcome(0.5))
    with store.begin() as connection:
        pages = connection.scalar(sa.text("PRAGMA page_count"))
        connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
    curve = Curve(tuple(Epoch(k, 0.1, 0.2, 0.3) for k in range(5000)))
    with pytest.raises(StoreError, match="is on a full disk: make room, then resume"):
        log.record(1, Outcome(0.5, curve=curve))
    assert Store(path).get("s").count() == (8, 1)


def test_a_read_only_store_can_be_read_and_says_that_it_cannot_be_written(path):
    """Opened through SQLite's own read-only mode, which root has to respect as well."""
    Store(path).put("s", SETTINGS, 8)
    store = Store(path, read_only=True)
    assert store.names() == ["s"]
    with pytest.raises(StoreError, match="is read-only: make it and its folder writable"):
        store.get("s").set_budget(16)


@pytest.mark.parametrize("location", ["", "no/such/folder/s.db", "."])
def test_a_place_that_cannot_hold_a_file_is_refused(location, tmp_path, monkeypatch):
    """Before anything is tried."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="store: "):
        Store(location)


HOLDER = textwrap.dedent(
    """
    import sys, time
    from reinas import Store
    with Store(sys.argv[1]).lock("s"):
        print("held", flush=True)
        time.sleep(60)
    """
)


def test_a_search_belongs_to_one_process_and_is_free_when_that_dies(path):
    """A second process is refused; after kill -9 the search is free at once."""
    Store(path).put("s", SETTINGS, 8)
    arguments = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        busy = pytest.raises(BusyError, match="another process is working on search 's'")
        with busy, Store(path).lock("s"):
            pass
        with Store(path).lock("other"):
            pass
        process.kill()
        process.wait()
    with Store(path).lock("s"):
        pass


def test_many_processes_may_make_one_store_at_once(path):
    """Whoever comes first makes the tables; nobody is refused."""
    code = "import sys; from reinas import Store; Store(sys.argv[1]).put(sys.argv[2], {}, 1)"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path), f"s{k}"], stderr=subprocess.PIPE)
        for k in range(8)
    ]
    assert [(p.communicate()[1], p.returncode) for p in running] == [(b"", 0)] * 8
    assert sorted(Store(path).names()) == [f"s{k}" for k in range(8)]


def test_locks_leave_nothing_behind(path):
    """No lock file stays after a search that ended by itself."""
    with Store(path).lock("a name/with : signs" + "이" * 300):
        pass
    assert not list(Path(path).parent.iterdir())


@pytest.mark.parametrize("version", [2, 3])
def test_a_store_of_an_earlier_version_is_given_the_tables_that_it_lacks(tmp_path, version):
    """What it holds stays, and it takes what the tables are for."""
    place = tmp_path / "old.db"
    store = Store(place)
    store.put("s", {"seed": 1}, 3)
    with store.begin() as connection:
        for name in ("attempts", "updates", *(["runs"] if version == 2 else [])):
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql(f"UPDATE reinas_version SET version = {version}")
    store.close()
    log = Store(place).get("s")
    assert (log.settings, log.trials) == ({"seed": 1}, 3)
    assert (log.attempts(), log.updates()) == ([], [])
    assert Store(place).runs().get(["none"]) == {}


def test_of_many_differences_five_are_named():
    """And how many more there are."""
    home = reinas.MemoryStore()
    home.put("s", {"space": {"name": "mlp"}}, 8)
    more = {f"p{n}": n for n in range(9)}
    with pytest.raises(SettingError, match=r"p4 is not set, not 4; and 4 more\): choose"):
        home.put("s", {"space": {"name": "mlp", **more}}, 8)


def test_a_row_without_an_outcome_does_not_spoil_the_study(path):
    """SQLite has no NaN: a reward that was one reads as a failure."""
    log = Store(path).put("s", SETTINGS, 8)
    log.propose(0, [Proposal(n, (n, 0), (n, 0), "text", None) for n in range(2)])
    log.record(0, Outcome(0.5))
    log.record(1, Outcome(0.75))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE trials SET reward = NULL, seconds = NULL WHERE number = 1")
    again = Store(path).get("s")
    assert [t.state for t in again.all_trials()] == ["complete", "failed"]
    assert again.trial(1).outcome.error == "its record has no reward: it was not a number"
    assert again.trial(1).outcome.seconds == 0.0
    assert again.best()[0].number == 0


def test_a_path_that_ends_like_a_folder_is_refused(tmp_path):
    """Before a file of that name is made."""
    with pytest.raises(StoreError, match="expected a file"):
        Store(f"{tmp_path}/new/")
    assert not list(tmp_path.iterdir())
