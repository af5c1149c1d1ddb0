"""A short run of the fuzzer over each reader, and what longer ones have found."""

import io
import zipfile

import numpy as np
import pytest
from benchmarks.fuzz.__main__ import Fuzzer
from benchmarks.fuzz.kinds import READERS

from helpers import small_search
from reinas import Arrays, Store
from reinas.errors import FileError, StoreError


def array(value):
    data = io.BytesIO()
    np.save(data, value)
    return data.getvalue()


X, Y = array(np.zeros((40, 4), np.float32)), array(np.arange(40) % 2)
CUT = (
    X[:10]
    + b"{'descr': '<f4', 'fortran_order': False, 'shape': (40, 4".ljust(117)
    + b"\n"
    + X[128:]
)


@pytest.mark.parametrize("kind", READERS)
def test_odd_files_get_one_sentence(kind, tmp_path):
    """Or are read; nothing else, without a warning, within a second."""
    fuzzer = Fuzzer(kind, tmp_path)
    fuzzer.limit = 60.0  # the machine of a test may be busy
    for seed in range(80):
        fuzzer.case(seed)
    assert fuzzer.tally.failures == []
    assert fuzzer.tally.read > 0
    assert fuzzer.tally.refused > 0 or kind == "page"


def test_the_fuzzer_finds_what_it_looks_for(tmp_path, monkeypatch):
    """An exception, a warning and a sentence without words."""
    import warnings

    fuzzer = Fuzzer("text", tmp_path)
    for fault in (ZeroDivisionError("x"), UserWarning("x"), FileError(" ")):
        said = {"fault": fault}

        def read(given, said=said):
            if isinstance(said["fault"], Warning):
                warnings.warn(said["fault"], stacklevel=1)
            raise said["fault"]

        monkeypatch.setattr(fuzzer._reader, "read", read)
        assert fuzzer.case(0)
    assert len(fuzzer.tally.failures) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trials SET pruned = '5'",
        "UPDATE trials SET curve = '[1]'",
        "UPDATE trials SET reports = '7'",
        "UPDATE trials SET answers = 'null'",
        "UPDATE trials SET reward = 'x'",
        "UPDATE trials SET error = '0'",
        "UPDATE trials SET metrics = x'ff'",
        "UPDATE snapshots SET state = x'1000000000000000'",
        "UPDATE batches SET diagnostics = x'ff'",
    ],
)
def test_a_damaged_row_is_a_sentence(tmp_path, statement):
    """Values of other types than they were."""
    small_search(tmp_path / "s.db", trials=16)
    store = Store(tmp_path / "s.db")
    with store.begin(writing=True) as connection:
        connection.exec_driver_sql(statement)
    record = store.get("s")
    with pytest.raises(StoreError, match="damaged"):
        (record.all_trials(), record.snapshot(), record.diagnostics())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE searches SET trials = 'x'",
        "UPDATE searches SET trials = x'ff'",
        """UPDATE searches SET settings = '{"policy": 5}'""",
        """UPDATE searches SET settings = '{"evaluator": "x"}'""",
        "UPDATE searches SET created = CAST(x'ff' AS TEXT)",
    ],
)
def test_a_damaged_search_is_a_sentence(reinas, statement):
    """In `list`, `show`, `store check` and `resume`."""
    assert reinas("search", "toy", "--trials", 4, "--name", "s")[0] == 0
    with Store("reinas.db").begin(writing=True) as connection:
        connection.exec_driver_sql(statement)
    for command in (["list"], ["show", "s"], ["store", "check"], ["resume", "s"]):
        status, out, err = reinas(*command)
        assert (status != 0, "Traceback" in out + err) == (True, False), command
        assert "damaged" in out + err


@pytest.mark.parametrize("name", ["x", "x_test"])
def test_a_header_that_ends_too_early_is_a_sentence(tmp_path, name):
    """NumPy tokenises it, and tokenize has an error of its own."""
    parts = {f"{name}.npy": CUT, "y.npy": Y, "y_test.npy": Y} | (
        {} if name == "x" else {"x.npy": X}
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for member, data in parts.items():
            archive.writestr(member, data)
    with pytest.raises(FileError, match=f"{name} cannot be read as a plain array"):
        Arrays(str(tmp_path / "a.npz")).load()


def test_an_archive_that_no_memory_holds_is_refused_unread(tmp_path, monkeypatch):
    """By the sizes that it declares."""
    np.savez(tmp_path / "a.npz", x=np.zeros((40, 4), np.float32), y=np.arange(40) % 2)
    monkeypatch.setattr("reinas.tasks.arrays.machine_memory", lambda: 1e-9)
    with pytest.raises(FileError, match="GiB of memory, and this machine has"):
        Arrays(str(tmp_path / "a.npz")).load()
