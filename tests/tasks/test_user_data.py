"""What tasks over people's own data share: the split, classes and their names."""

import os

import numpy as np
import pytest

from reinas.errors import SettingError
from reinas.objectives.classification import Classification
from reinas.objectives.regression import Regression
from reinas.tasks.base import Part
from reinas.tasks.recipes import Recipe
from reinas.tasks.user_data import (
    Data,
    FileTask,
    absolute_path,
    check_examples,
    check_shares,
    split,
)


class Counted(FileTask):
    """Counts how often it is read; `shift` changes the data."""

    name = "counted"
    reward = "auto"
    recipe = Recipe()

    def __init__(self, shift=0.0, classes=("a", "b")):
        self.shift, self.classes, self.reads = shift, classes, 0

    def load(self):
        """12 examples, of two classes or with two targets."""
        self.reads += 1
        x = np.arange(36, dtype=np.float32).reshape(12, 3) + self.shift
        y = np.arange(12) % 2 if self.classes else x[:, :2]
        return Data(Part(x[:8], y[:8]), Part(x[8:], y[8:]), classes=self.classes)

    def test(self):
        """None here."""
        raise NotImplementedError


def test_data_are_read_once():
    """Shape, parts, notes and fingerprint together read the data one time."""
    task = Counted()
    assert (task.inputs, task.outputs, task.objective) == ((3,), 2, Classification())
    assert len(task.parts().train) == 8
    assert task.notes
    assert task.fingerprint
    assert task.reads == 1


def test_without_classes_it_is_regression():
    """One output a target and the loss of numbers."""
    task = Counted(classes=())
    assert (task.outputs, task.objective, task.labels) == (2, Regression(), {})


def test_notes_say_how_many_examples_there_are():
    """8 to train on and 4 to validate on."""
    assert "8 examples to train on, 4 to validate on" in Counted().notes[-1]


def test_labels_are_the_names_of_the_classes():
    """In the order of the outputs."""
    assert Counted().labels == {"classes": ["a", "b"]}


def test_the_fingerprint_follows_the_data():
    """The same for equal data, another for other examples."""
    assert Counted().fingerprint == Counted().fingerprint
    assert Counted().fingerprint != Counted(shift=1.0).fingerprint


@pytest.mark.parametrize("held", [0.2, 0.5, 7, 30])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_split_is_disjoint_and_whole(held, seed):
    """Every place is in exactly one part, and the second has the size asked for."""
    y = np.arange(60) % 3
    rest, part = split("here", y, "abc", held, seed)
    assert sorted([*rest, *part]) == list(range(60))
    assert len(part) == (held if held >= 1 else held * 60)


@pytest.mark.parametrize("held", [0.1, 0.25, 20])
def test_a_split_keeps_the_shares_of_classes(held):
    """A class's number differs by less than 2 from its share."""
    y = np.repeat([0, 1, 2], [70, 20, 10])
    for part in split("here", y, "abc", held, 3):
        counts = np.bincount(y[part], minlength=3)
        assert (np.abs(counts - len(part) * np.array([0.7, 0.2, 0.1])) < 2).all()


def test_a_split_depends_on_its_seed_alone():
    """The same twice; another seed gives another one."""
    y = np.arange(50) % 2
    one, two, other = (split("here", y, "ab", 0.2, seed)[1].tolist() for seed in (4, 4, 5))
    assert one == two
    assert one != other


def test_numbers_are_split_without_classes():
    """Regression targets: no share to keep, every target may be unique."""
    rest, part = split("here", np.random.default_rng(0).random((20, 2)), (), 0.2, 0)
    assert (len(rest), len(part)) == (16, 4)


@pytest.mark.parametrize(
    ("y", "held", "said"),
    [
        (np.arange(9) % 2, 0.2, "here: 9 examples are too few"),
        (np.array([0] * 11 + [1]), 0.2, r"here: class 'b' has 1 example"),
        (np.array([0] * 11), 0.2, r"here: class 'b' has 0 example"),
        (np.arange(12) % 2, 12, "here: 12 examples of 2 classes cannot be split so that 12"),
        (np.arange(12) % 2, 5000, "here: 12 examples of 2 classes cannot be split so that 5000"),
    ],
)
def test_what_cannot_be_split_says_why(y, held, said):
    """Too few examples, a class too rare, or more to hold back than there are."""
    with pytest.raises(SettingError, match=said):
        split("here", y, "ab", held, 0)


@pytest.mark.parametrize("count", [4, 5, 6])
@pytest.mark.parametrize("classes", [2, 5, 10])
def test_small_classes_can_be_split_twice(count, classes):
    """As tasks do it: test, then validation; every part has examples of every class."""
    y = np.repeat(np.arange(classes), count)
    y = np.concatenate([y, y]) if len(y) < 15 else y
    names = [str(n) for n in range(classes)]
    rest, test = split("here", y, names, 0.2, 0)
    train, valid = split("here", y[rest], names, 0.25, 0)
    for part in (y[test], y[rest][train], y[rest][valid]):
        assert set(part.tolist()) == set(range(classes))


@pytest.mark.parametrize(
    ("valid", "test"), [(0, 0.2), (0.2, 0), (0.5, 0.5), (-0.1, 0.2), (1.5, 0.1), (float("nan"), 1)]
)
def test_shares_must_leave_something_to_train_on(valid, test):
    """Both above 0, below 1."""
    with pytest.raises(SettingError, match=r"task\.(valid|test)_share"):
        check_shares(valid, test)


def test_a_number_of_examples_must_be_enough_to_split():
    """9 are too few, 10 and None are not."""
    check_examples(10)
    check_examples(None)
    with pytest.raises(SettingError, match=r"task\.examples must be at least 10, got 9"):
        check_examples(9)


def test_a_path_is_found_from_everywhere(monkeypatch, tmp_path):
    """~ is the home, relative paths become absolute; none at all says how to give one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert absolute_path("~/a.csv", "task.path", "made:A") == os.path.join(str(tmp_path), "a.csv")
    assert absolute_path("a.csv", "task.path", "made:A") == os.path.join(os.getcwd(), "a.csv")
    with pytest.raises(SettingError, match=r"task.path is missing.*as in made:A"):
        absolute_path("", "task.path", "made:A")
