"""Trainings as files: what comes back, and what damaged or foreign files do (nothing)."""

import contextlib
import os
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas.errors import FileError
from reinas.training.checkpoint_file import FORMAT, read_checkpoint, write_checkpoint

STATE = {
    "child": {"weight": torch.arange(6.0).view(2, 3), "count": torch.tensor(7)},
    "rows": [[1, 0.1 + 0.2, float("inf"), 0.5]],
    "text": "ü",
    "none": None,
    "clock": [1.5, 0],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a checkpoint."""
    path = tmp_path_factory.mktemp("whole") / "c.pt"
    write_checkpoint(path, "mine", STATE)
    return path.read_bytes()


def test_what_is_read_is_what_was_written(tmp_path):
    """Tensors with their types, numbers to the last bit; nothing else is left in the folder."""
    write_checkpoint(tmp_path / "c.pt", "mine", STATE)
    found = read_checkpoint(tmp_path / "c.pt", "mine")
    assert found.keys() == STATE.keys()
    for key, value in STATE["child"].items():
        assert found["child"][key].dtype == value.dtype
        assert torch.equal(found["child"][key], value)
    assert [found[k] for k in ("rows", "text", "none", "clock")] == [
        STATE[k] for k in ("rows", "text", "none", "clock")
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_a_later_checkpoint_replaces_the_first(tmp_path):
    """Under the same name."""
    for number in (1, 2):
        write_checkpoint(tmp_path / "c.pt", "mine", {"number": number})
    assert read_checkpoint(tmp_path / "c.pt", "mine") == {"number": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_a_torn_file_is_refused_at_every_length(tmp_path, whole):
    """At the first 32 lengths, the last 32, and each 41st between: one sentence with its name."""
    path = tmp_path / "c.pt"
    lengths = {*range(0, len(whole), 41), *range(32), *range(len(whole) - 32, len(whole))}
    for length in lengths:
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match=r"the checkpoint .*c.pt is torn: it is not a whole"):
            read_checkpoint(path, "mine")


@given(st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused(tmp_path_factory, data):
    """A FileError, no other error and no warning."""
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"any\.pt"):
        read_checkpoint(path, "mine")


def test_a_flipped_bit_gives_a_state_or_a_file_error(tmp_path, whole):
    """What the state says may be another thing, but nothing else is raised."""
    path = tmp_path / "c.pt"
    for place in range(0, len(whole), 23):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with contextlib.suppress(FileError):
            assert isinstance(read_checkpoint(path, "mine"), dict)


class Executed:
    """Would make a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("plain", [False, True])
def test_a_file_that_would_execute_code_is_refused_and_executes_none(tmp_path, plain):
    """Written by torch or by pickle alone."""
    path, made = tmp_path / "c.pt", tmp_path / "made"
    content = {"format": FORMAT, "identity": "mine", "state": {"x": Executed(made)}}
    if plain:
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    with pytest.raises(FileError, match=r"c\.pt"):
        read_checkpoint(path, "mine")
    assert not made.exists()


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    """By its identity."""
    write_checkpoint(tmp_path / "c.pt", "mine", STATE)
    with pytest.raises(FileError, match=r"the checkpoint .*c\.pt is of another training"):
        read_checkpoint(tmp_path / "c.pt", "yours")


@pytest.mark.parametrize(("content", "version"), [({"format": 99}, 99), ({}, None), ([1], None)])
def test_another_format_is_refused(tmp_path, content, version):
    """The message has both versions."""
    torch.save(content, tmp_path / "c.pt")
    with pytest.raises(FileError, match=f"has format {version}, and this reinas reads {FORMAT}"):
        read_checkpoint(tmp_path / "c.pt", "mine")


@pytest.mark.parametrize("content", [{}, {"state": 3}])
def test_a_file_without_a_state_is_refused(tmp_path, content):
    """Such a file was not written by reinas."""
    torch.save({"format": FORMAT, "identity": "mine", **content}, tmp_path / "c.pt")
    with pytest.raises(FileError, match=r"c\.pt is torn"):
        read_checkpoint(tmp_path / "c.pt", "mine")


def test_a_missing_file_and_a_folder_cannot_be_read(tmp_path):
    """The message has the system's reason."""
    with pytest.raises(FileError, match=r"none\.pt cannot be read: No such file or directory"):
        read_checkpoint(tmp_path / "none.pt", "mine")
    with pytest.raises(FileError, match=r"cannot be read: Is a directory"):
        read_checkpoint(tmp_path, "mine")


@pytest.mark.parametrize("place", ["none/c.pt", "file/c.pt", "folder"])
def test_what_cannot_be_written_says_so_and_leaves_nothing_behind(tmp_path, place):
    """No folder, a file instead of a folder, a folder instead of a file."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match=f"the checkpoint .*{place} cannot be written: "):
        write_checkpoint(tmp_path / place, "mine", STATE)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("full")])
def test_a_disk_that_fills_up_leaves_the_earlier_checkpoint(tmp_path, monkeypatch, error):
    """Half a draft is written, then the error comes; the draft is removed."""
    path = tmp_path / "c.pt"
    write_checkpoint(path, "mine", {"number": 1})

    def half(content, draft):
        draft.write_bytes(b"PK\x03\x04")
        raise error

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(FileError, match=r"cannot be written: (No space left on device|full)$"):
        write_checkpoint(path, "mine", {"number": 2})
    monkeypatch.undo()
    assert read_checkpoint(path, "mine") == {"number": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]
