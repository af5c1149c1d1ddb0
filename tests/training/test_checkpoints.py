"""Checkpoints: whole or not at all, of one child, without code, within a limit."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reinas import Job, MlpSpace, Recipe, TrainedEvaluator, Wine
from reinas.errors import SettingError
from reinas.training.checkpoints import GIB, Checkpoints, read, write
from reinas.types import Place

STATE = {"weights": torch.arange(3.0), "epoch": 3, "rows": [[1, 0.5]], "why": None}


@pytest.fixture
def place(tmp_path):
    """A place in a folder that is there."""
    return Place(str(tmp_path / "0.pt"), "mine")


def test_what_is_written_is_read(place, tmp_path):
    """Tensors and plain values; nothing else is left in the folder."""
    write(place, STATE)
    found = read(place)
    assert torch.equal(found.pop("weights"), STATE["weights"])
    assert found == {k: v for k, v in STATE.items() if k != "weights"}
    assert [p.name for p in tmp_path.iterdir()] == ["0.pt"]


def test_no_file_is_no_checkpoint(place):
    """Without a warning."""
    assert read(place) is None


class Evil:
    """What a hostile file would run."""

    def __reduce__(self):
        return (print, ("run",))


def spoil_torn(path):
    path.write_bytes(path.read_bytes()[:-200])


def spoil_code(path):
    path.write_bytes(pickle.dumps(Evil(), protocol=2))


def spoil_version(path):
    torch.save({"format": 0, "identity": "mine", "state": {}}, path)


def spoil_identity(path):
    write(Place(str(path), "other"), STATE)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_torn, "is torn"),
        (spoil_code, "is torn"),
        (spoil_version, "has format 0, and this reinas reads 1"),
        (spoil_identity, "is of another training"),
    ],
)
def test_a_file_that_is_not_the_childs_is_one_warning(spoil, message, place, capsys):
    """And nothing of it is taken, nor run."""
    write(place, STATE)
    spoil(Path(place.path))
    with pytest.warns(UserWarning, match=f"{message}.*trained anew from its beginning") as caught:
        assert read(place) is None
    assert len(caught) == 1
    assert "run" not in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path):
    """As on a machine that has another disk."""
    with pytest.warns(UserWarning, match="cannot be written"):
        write(Place(str(tmp_path / "none" / "0.pt"), "mine"), STATE)


def test_a_writer_that_dies_leaves_the_old_file(place, monkeypatch):
    """The new one is only moved to its name when it is whole."""
    write(place, STATE)

    def torn(content, file):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(KeyboardInterrupt):
        write(place, {})
    monkeypatch.undo()
    assert read(place)["epoch"] == 3


def test_beyond_the_limit_the_lowest_scores_go_first(tmp_path):
    """Three files of 1,000 bytes, and room for two; a file of nobody goes anyway."""
    kept = Checkpoints(tmp_path / "c", "study", 2000 / GIB)
    for trial in (0, 1, 2, 7):
        Path(kept.place(trial).path).write_bytes(bytes(1000))
    kept.keep({0: 0.5, 1: 0.1, 2: 0.9})
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == ["0.pt", "2.pt"]
    kept.sweep(0)
    kept.sweep(2)
    kept.close()
    assert not (tmp_path / "c").exists()


def test_a_folder_of_its_own_is_removed():
    """For studies in memory."""
    kept = Checkpoints(None, "study")
    path = Path(kept.place(0).path)
    path.write_bytes(b"x")
    kept.close()
    assert not path.parent.exists()


def test_the_identity_tells_studies_and_trials_apart(tmp_path):
    """Same study and trial, same identity; else another."""
    one, other = Checkpoints(tmp_path, "a"), Checkpoints(tmp_path, "b")
    assert one.place(0) == Checkpoints(tmp_path, "a").place(0)
    assert len({one.place(0).identity, one.place(1).identity, other.place(0).identity}) == 3
    with pytest.raises(SettingError, match="disk_limit must be at least 0 GiB, got nan"):
        Checkpoints(tmp_path, "a", float("nan"))


RECIPES = {
    "plain": Recipe(optimizer="adam", learning_rate=0.01, epochs=7, batch_size=32),
    "patience": Recipe(optimizer="sgd", schedule="constant", epochs=7, patience=2, batch_size=32),
    "average": Recipe(optimizer="adamw", epochs=7, average=0.2, mixup=0.2, batch_size=32),
    "seldom": Recipe(optimizer="adam", epochs=7, validate_every=3, batch_size=32),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_child_in_pieces_is_the_uninterrupted_child(recipe, tmp_path):
    """Stopped after epochs 1, 2 and 5, with and without its checkpoint: equal to the last bit."""
    space = MlpSpace(depth=2)
    architecture = space.decode(space.sample(1, 3)[0])
    evaluator = TrainedEvaluator(Wine(), RECIPES[recipe])
    whole = evaluator(Job(0, architecture, 5))
    place = Place(str(tmp_path / "0.pt"), "mine")
    for until in (1, 2, 5, 7):
        piece = evaluator(Job(0, architecture, 5, until=until, checkpoint=place))
        anew = evaluator(Job(0, architecture, 5, until=until))
        assert replace(piece, seconds=0.0) == replace(anew, seconds=0.0)
        if piece.pruned is not None:
            number = piece.pruned.step
            assert piece.curve.epochs == whole.curve.epochs[: len(piece.curve.epochs)]
            assert number == piece.curve.epochs[-1].number >= until
    assert replace(piece, seconds=0.0) == replace(whole, seconds=0.0)
