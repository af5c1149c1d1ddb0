"""Checked, copied, made smaller; on read-only media and on file systems of networks."""

import gc
import json
import signal
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest

from helpers import small_search, story
from reinas import Outcome, Store
from reinas.errors import StoreError
from reinas.store import checking, copying, opened_to_read
from reinas.store.values import FinalRecord, Proposal
from reinas.system import network_file_system

SETTINGS = {"space": {"name": "mlp", "depth": 2}, "seed": 0}


@pytest.fixture
def store(tmp_path):
    """Two searches, one of them half-way, and a run of a comparison."""
    path = tmp_path / "s.db"
    small_search(path, trials=24)
    small_search(path, trials=16, name="two")
    store = Store(path)
    store.get("two").set_budget(24)
    store.get("s").finish(FinalRecord(3, {"a": 1}, {"b": 2.0}, "2026-01-01", "b 2.0"))
    store.runs().put("key", {"x": np.arange(3.0)})
    return store


def damage(store, statement):
    with sqlite3.connect(store.path) as connection:
        connection.execute(statement)
    connection.close()


# ---- check ---------------------------------------------------------------------------------------


def test_a_good_store_has_no_problems(store, tmp_path):
    """Nor has one that is not there yet."""
    told = []
    assert checking.problems(store, told.append) == []
    assert told == ["s", "two"]
    assert checking.problems(Store(tmp_path / "none.db")) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM trials WHERE number = 5", "'s' lacks trial 5"),
        ("UPDATE trials SET answers = 'x' WHERE number = 5", "trial 5 of 's' cannot be read"),
        ("UPDATE trials SET answers = '[9, 9]' WHERE number = 5", "trial 5 of 's' are none of its"),
        ("UPDATE trials SET error = 'x', reward = 1", "an Outcome has exactly one of"),
        ("UPDATE trials SET batch = 0 WHERE number = 20", "trial 20 of 's' is in batch 0"),
        ("UPDATE trials SET repeat_of = 9 WHERE number = 5", "repeats 9, no earlier trial"),
        ("UPDATE trials SET repeat_of = 0, reward = 7 WHERE number = 5", "but not its reward"),
        ("UPDATE snapshots SET state = x'00'", "the policy's state of 's' cannot be read"),
        ("UPDATE batches SET diagnostics = '{'", "the policy's diagnostics of 's' cannot be read"),
        ("UPDATE searches SET settings = 'null' WHERE id = 1", "the settings of 's' are none"),
        ("UPDATE finals SET trial = 99", "the final network of 's' cannot be read"),
        ("UPDATE trials SET reward = 'abc' WHERE number = 0", "trial 0 of 's' cannot be read"),
        ("UPDATE trials SET reward = 1e999 WHERE reward > 0", "has the reward inf"),
        ("UPDATE searches SET settings = '{}'", "do not say which space"),
        ("UPDATE searches SET trials = -4", "the budget of 's' is -4 trials"),
        ("INSERT INTO batches (search, number) VALUES (1, 9)", "the batch 9 of 's' has no trials"),
        ("INSERT INTO reports VALUES (1, 99, 1, 0.5, 1)", "is of trial 99, which is not there"),
        ("INSERT INTO updates VALUES (1, 0, 99, 0, 0, 0)", "is of batch 99, which is not there"),
        ("UPDATE runs SET state = x'00'", "a comparison's run of"),
        ("INSERT INTO batches (search, number) VALUES (9, 9)", "of batches is of no search"),
    ],
)
def test_what_is_damaged_is_said(store, reinas, statement, said):
    """Each by its place; everything else is looked at all the same."""
    damage(store, statement)
    status, out, err = reinas("store", "check", "--store", store.path)
    assert status == 1
    assert said in out
    assert "Traceback" not in err


def test_a_file_with_broken_pages_is_said(reinas, tmp_path):
    """By SQLite's own check, or because it cannot be opened."""
    path = tmp_path / "s.db"
    closed_search(path)
    data = bytearray(path.read_bytes())
    for place in range(2 * 4096, len(data), 4096):
        data[place : place + 64] = b"\xff" * 64
    path.write_bytes(bytes(data))
    status, out, err = reinas("store", "check", "--store", path)
    assert status in (1, 2)
    assert "damaged" in out + err
    assert "Traceback" not in err


def test_the_result_is_one_document(store, reinas):
    """For programs."""
    document = json.loads(reinas("store", "check", "--store", store.path, "--json")[1])
    assert document["searches"] == 2
    assert document["problems"] == []
    assert document["bytes"] >= store.path.stat().st_size


# ---- backup --------------------------------------------------------------------------------------


def everything(store):
    trials = {name: story(store.get(name)) for name in store.names()}
    return trials, store.get("s").final(), store.runs().since(""), store.get("two").trials


def test_a_copy_has_everything(store, tmp_path):
    """And the search goes on from it to the same end."""
    told = []
    copied = copying.copy(
        store, tmp_path / "copy.db", lambda done, total: told.append((done, total))
    )
    copy = Store(tmp_path / "copy.db")
    assert copied == (2, 1)
    assert told[-1][0] == told[-1][1] > 40
    assert everything(copy) == everything(store)
    assert checking.problems(copy) == []
    for place in (store.path, copy.path):
        small_search(place, trials=24, name="two")
    assert everything(copy) == everything(store)


@pytest.mark.xdist_group("postgresql")
def test_from_a_file_to_a_server_and_back(store, tmp_path, address):
    """Numbers go on where they were."""
    copying.copy(store, address)
    server = Store(address)
    assert everything(server) == everything(store)
    server.put("three", SETTINGS, 8)
    small_search(address, trials=24, name="two")
    copying.copy(server, tmp_path / "back.db")
    assert everything(Store(tmp_path / "back.db")) == everything(server)
    assert checking.problems(server) == []
    server.compact()
    assert server.database.size() > 100_000


def test_checkpoints_go_with_a_file(store, tmp_path):
    """A child that pauses goes on from the copy, too."""
    place = store.checkpoints("two")
    place.mkdir(parents=True)
    (place / "3").write_bytes(b"x")
    copying.copy(store, tmp_path / "copy.db")
    assert (Store(tmp_path / "copy.db").checkpoints("two") / "3").read_bytes() == b"x"


def test_a_place_with_something_in_it_is_refused(store, reinas):
    """Nothing is overwritten."""
    before = store.path.read_bytes()
    status, _, err = reinas("store", "backup", "--store", store.path, "--to", store.path)
    assert status == 2
    assert "is a store with something in it: choose another place" in err
    assert store.path.read_bytes() == before


def test_a_damaged_store_is_named_not_its_copy(store, reinas, tmp_path):
    """And nothing is left at the place."""
    damage(store, "UPDATE trials SET metrics = '{' WHERE number = 1")
    status, _, err = reinas("store", "backup", "--store", store.path, "--to", "copy.db")
    assert status == 2
    assert f"{store.path} is damaged" in err
    assert list(tmp_path.glob("copy.db*")) == []


def test_ctrl_c_ends_a_copy_at_once(store, tmp_path):
    """In the middle of the transaction, which is then as if it had not been."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            copying.copy(
                store, tmp_path / "copy.db", lambda *rows: signal.raise_signal(signal.SIGINT)
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(tmp_path.glob("copy.db*")) == []


def test_a_copy_that_broke_off_can_be_made_again(store, tmp_path):
    """It is one transaction, so the place is empty until all of it is there."""

    def break_off(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(store, tmp_path / "copy.db", break_off)
    assert not (tmp_path / "copy.db").exists()
    assert copying.copy(store, tmp_path / "copy.db") == (2, 1)


# ---- compact -------------------------------------------------------------------------------------


def test_space_is_given_back(store, reinas):
    """Of what was deleted, and of the log."""
    record = store.get("s")
    record.propose(9, [Proposal(99, (0,), (0,), "x" * 10**6, None)])
    record.record(99, Outcome(0.5))
    damage(store, "DELETE FROM trials WHERE number = 99")
    before = store.database.size()
    assert before > 10**6
    status, out, _ = reinas("store", "compact", "--store", store.path)
    assert (status, "MiB before" in out) == (0, True)
    assert store.database.size() < before - 10**6
    assert store.get("s").count() == (24, 24)


def test_a_store_that_cannot_be_compacted_is_a_sentence(store, reinas):
    """Held by somebody else, or damaged."""
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reinas.store.sqlite.PATIENCE", 0.1)
        status, _, err = reinas("store", "compact", "--store", store.path)
    other.close()
    assert status == 2
    assert "is locked by another program" in err


@pytest.mark.parametrize("command", ["check", "compact", "backup"])
def test_a_store_that_is_not_there_is_said(reinas, command):
    """No file is made."""
    status, _, err = reinas("store", command, *(["--to", "x.db"] if command == "backup" else []))
    assert status == 2
    assert "reinas.db has no searches: there is nothing to look after" in err


# ---- media ---------------------------------------------------------------------------------------


def closed_search(path):
    """Nobody has the file open any more, so it has no log beside it."""
    store = Store(path)
    small_search(store, trials=8)
    store.close()


@pytest.fixture
def read_only_media(tmp_path):
    """Makes a folder's file system read-only."""
    place = tmp_path / "media"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")

    def protect():
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        return place

    yield place, protect
    subprocess.run(["umount", "-l", place], check=True)


def test_a_store_on_read_only_media_can_be_shown(reinas, read_only_media):
    """SQLite's log would need a lock; a change is refused with the reason."""
    place, protect = read_only_media
    where = ("--store", place / "s.db")
    assert reinas("search", "toy", "--trials", 8, "--name", "s", *where)[0] == 0
    gc.collect()  # a file that is open for writing keeps its file system from being protected
    protect()
    assert json.loads(reinas("list", "--json", *where)[1])[0]["finished"] == 8
    assert reinas("show", "s", *where)[0] == 0
    assert reinas("store", "check", *where)[0] == 0
    status, _, err = reinas("resume", "s", "--trials", 16, *where)
    assert status == 2
    assert "cannot be locked for writing (Read-only file system)" in err
    with pytest.raises(StoreError, match="is read-only: make it and its folder writable"):
        Store(place / "s.db").get("s").set_budget(99)


def test_a_reader_of_a_still_file_notices_that_somebody_writes(tmp_path, monkeypatch):
    """A file that was opened without locks is opened anew when a log appears beside it."""
    path = tmp_path / "s.db"
    closed_search(path)
    reader = Store(path, read_only=True)
    monkeypatch.setattr("reinas.store.sqlite.os.access", lambda place, mode: place == path)
    reader.close()
    assert reader.get("s").trials == 8
    assert reader.database._immutable
    monkeypatch.undo()
    writer = Store(path)
    writer.get("s").set_budget(9)
    assert reader.get("s").trials == 9
    assert not reader.database._immutable


def test_a_reader_brings_an_earlier_version_up_to_date_first(store):
    """So that `list` and `show` work after an update."""
    damage(store, "UPDATE reinas_version SET version = 4")
    assert opened_to_read(store.path).names() == ["s", "two"]


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/vdb /home/me/local\\040disk ext4 rw 0 0
proc /proc proc rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/s.db", None),
        ("/home/s.db", "nfs4"),
        ("/home/me/local disk/s.db", None),
        ("/homes/s", None),
    ],
)
def test_file_systems_of_networks_are_recognised(tmp_path, monkeypatch, path, kind):
    """By the nearest mount."""
    (tmp_path / "mounts").write_text(MOUNTS)
    monkeypatch.setattr("reinas.system.MOUNTS", tmp_path / "mounts")
    assert network_file_system(Path(path)) == kind


def test_there_a_store_has_no_log_in_shared_memory_and_says_so(reinas, tmp_path, monkeypatch):
    """Write-ahead logging would damage it."""
    monkeypatch.setattr("reinas.store.sqlite.network_file_system", lambda path: "nfs4")
    status, _, err = reinas("search", "toy", "--trials", "4", "--name", "s")
    assert status == 0
    assert "is on a network file system (nfs4)" in err
    with sqlite3.connect(tmp_path / "reinas.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
