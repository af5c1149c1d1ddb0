"""Tasks over arrays and data sets at hand."""

import json
import pickle

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils.data import Dataset, TensorDataset

import reinas
from reinas import ArrayTask, Classification, DatasetTask, MultiLabel, Objective, Regression
from reinas.errors import ReinasError, SettingError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4)).astype(np.float32)
CLASSES = np.array(["cat", "dog", "eel"])[np.arange(60) % 3]
LABELS = (X[:, :2] > 0).astype(int)
RECIPE = reinas.Recipe(optimizer="adam", learning_rate=0.05, epochs=3, batch_size=16)


ARCHITECTURE = reinas.MlpSpace(depth=1).decode((0, 0, 0))


class Huber(Objective):
    """An objective of one's own."""

    def loss(self, outputs, targets):
        return functional.huber_loss(outputs.squeeze(-1), targets)

    def score(self, outputs, targets):
        return -float(self.loss(outputs, targets))


@pytest.mark.parametrize(
    ("y", "objective", "outputs"),
    [
        (CLASSES, Classification(), 3),
        (np.eye(3)[np.arange(60) % 3], Classification(), 3),
        (LABELS, MultiLabel(), 2),
        (X[:, 0] * 1.5, Regression(), 1),
        (X[:, :2] * 1.5, Regression(), 2),
    ],
)
def test_the_objective_is_recognised(y, objective, outputs):
    """As `Arrays` does it."""
    task = ArrayTask(X, y)
    assert (task.objective, task.outputs, task.inputs) == (objective, outputs, (4,))
    reinas.TrainedEvaluator(task).check(ARCHITECTURE)


def test_the_parts_are_three_and_disjoint():
    """60, 20 and 20 percent of the rows."""
    task = ArrayTask(X, CLASSES)
    parts = (task.parts().train, task.parts().valid, task.test())
    assert [len(part) for part in parts] == [36, 12, 12]
    assert {row for part in parts for row in part.x[:, 0].tolist()} == set(X[:, 0].tolist())


def test_parts_of_ones_own_are_encoded_like_the_training_part():
    """By the names of the classes, whatever the outputs are called in predictions."""
    pair = (X[:3], np.array(["eel", "cat", "eel"]))
    task = ArrayTask(X, CLASSES, valid=pair, test=pair, classes=("C", "D", "E"))
    assert len(task.parts().train) == 60
    assert task.parts().valid.y.tolist() == task.test().y.tolist() == [2, 0, 2]
    assert task.labels == {"classes": ["C", "D", "E"]}


def test_equal_data_make_equal_tasks():
    """By content: a copy in a worker process has the same fingerprint and is the same key."""
    task = ArrayTask(X, CLASSES)
    copy = pickle.loads(pickle.dumps(task))
    assert copy == task == ArrayTask(X.copy(), CLASSES)
    assert hash(copy) == hash(task)
    other = ArrayTask(X + 1, CLASSES)
    assert other != task
    assert other.fingerprint != task.fingerprint
    assert ArrayTask(X, CLASSES, reward="cubed") != task
    assert json.loads(json.dumps(dict(task.settings)))["objective"] == {"name": "classification"}


class Sealed(Dataset):
    """A data set that must not be read."""

    def __len__(self):
        return 5

    def __getitem__(self, n):
        raise AssertionError("read")


def test_a_data_set_of_torch_is_read_into_arrays():
    """The same task as its arrays; the test part is not read before it is measured."""
    data = TensorDataset(torch.from_numpy(X), torch.arange(60) % 3)
    task = DatasetTask(data, test=Sealed())
    wanted = ArrayTask(X, np.arange(60) % 3, test=(X, CLASSES))
    assert np.array_equal(task.parts().train.x, wanted.parts().train.x)
    assert np.array_equal(task.parts().valid.y, wanted.parts().valid.y)
    with pytest.raises(AssertionError, match="read"):
        task.test()


def test_a_multi_label_task_goes_from_search_to_names(tmp_path):
    """Series [N, channels, time]; predictions are lists of the labels' names."""
    x = RNG.standard_normal((60, 2, 3)).astype(np.float32)
    task = ArrayTask(x, (x.mean(2) > 0).astype(int), classes=("a", "b"), recipe=RECIPE)
    space = reinas.MlpSpace(depth=1, widths=(4, 8))
    store = reinas.MemoryStore()
    reinas.search(
        space,
        reinas.RandomSearch(space),
        reinas.TrainedEvaluator(task),
        budget=reinas.Budget(2),
        store=store,
        name="s",
    )
    done = reinas.finish(store, "s", space, task, folder=tmp_path, grid=None)
    assert done.final.summary.startswith("macro F1")
    network = reinas.load(tmp_path)
    raw = torch.from_numpy(task.test().x)
    wanted = [
        [name for name, logit in zip("ab", row, strict=True) if logit > 0]
        for row in network(raw).tolist()
    ]
    assert network.predict(raw) == wanted
    with pytest.raises(SettingError, match=r"tensor of shape \[B, 2, 3\]"):
        network(raw[:, :1])


def test_an_own_objective_gets_the_targets_as_they_are():
    """Only float64 becomes float32."""
    task = ArrayTask(X, X[:, 0].astype(float), objective=Huber(), recipe=RECIPE)
    assert task.parts().train.y.dtype == np.float32
    job = reinas.Job(0, ARCHITECTURE, 1)
    found = reinas.TrainedEvaluator(task)(job)
    assert found.reward == -min(epoch.loss for epoch in found.curve.epochs)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"y": CLASSES[:5]}, "x has 60 examples"),
        ({"x": X[:, 0]}, r"expected x of numbers \[N, \*inputs\]"),
        ({"classes": ("a",)}, "classes should be 3 names"),
        ({"valid": (X[:, :2], CLASSES)}, r"validation part: expected the shape \(4,\)"),
        ({"valid": 0.7, "test": 0.5}, "task.valid and task.test"),
        ({"objective": reinas.LanguageModelling()}, "use Text"),
        ({"whitening": "some"}, "whitening is one of"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments, words):
    """When the task is made."""
    with pytest.raises(ReinasError, match=words):
        ArrayTask(**{"x": X, "y": CLASSES, **arguments})


class Ranks(Objective):
    """Ordered classes 0, 1, 2 by their two thresholds: as many outputs as ranks above the first."""

    def loss(self, outputs, targets):
        above = targets[:, None] > torch.arange(2)
        return functional.binary_cross_entropy_with_logits(outputs, above.float())

    def score(self, outputs, targets):
        return float(((outputs > 0).sum(1) == targets).float().mean())

    def count_outputs(self, y, classes):
        return int(y.max())

    def predictions(self, outputs, classes):
        return (outputs > 0).sum(1).tolist()


def test_an_own_objective_says_how_many_outputs_it_needs():
    """Ordinal regression of whole numbers [N]: one logit per threshold."""
    y = (X[:, 0] > -0.5).astype(int) + (X[:, 0] > 0.5)
    task = ArrayTask(X, y, objective=Ranks(), recipe=RECIPE)
    assert (task.outputs, task.parts().train.y.dtype) == (2, np.int64)
    found = reinas.TrainedEvaluator(task)(reinas.Job(0, ARCHITECTURE, 1))
    assert 0 <= found.reward <= 1


def test_no_share_is_a_share_of_a_fifth():
    """For both parts."""
    assert ArrayTask(X, CLASSES) == ArrayTask(X, CLASSES, valid=0.2, test=0.2)
    data = TensorDataset(torch.from_numpy(X), torch.arange(60) % 3)
    assert DatasetTask(data) == ArrayTask(X, np.arange(60) % 3)


def test_people_are_told_what_was_recognised():
    """Before time is spent on it."""
    assert ArrayTask(X[:, :, None], CLASSES).notes == (
        "data: Classification, inputs 4 x 1",
        "36 examples to train on, 12 to validate on",
    )


@pytest.mark.parametrize("kind", ["object", "category", "string"])
def test_words_of_a_data_frame_are_classes(kind):
    """Whatever type pandas gives the column; as the same words in an array."""
    pandas = pytest.importorskip("pandas")
    x = np.arange(120, dtype=np.float32).reshape(60, 2)
    words = ["no", "yes", "perhaps"] * 20
    task = ArrayTask(x, pandas.Series(words, dtype=kind))
    assert task == ArrayTask(x, np.array(words))
    assert task.labels["classes"] == ["no", "perhaps", "yes"]


def test_numbers_among_objects_are_numbers_and_a_missing_word_is_told():
    """None is not a class of its own."""
    x = np.arange(120, dtype=np.float32).reshape(60, 2)
    numbers = np.array([0, 1] * 30, dtype=object)
    assert ArrayTask(x, numbers) == ArrayTask(x, numbers.astype(int))
    words = np.array(["no", "yes", None] * 20, dtype=object)
    with pytest.raises(SettingError, match="expected words only, got also NoneType"):
        ArrayTask(x, words)
