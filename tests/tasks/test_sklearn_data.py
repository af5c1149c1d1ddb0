"""The data sets of scikit-learn and their fixed splits."""

import numpy as np
import pytest

from reinas import BreastCancer, Diabetes, Digits, Wine
from reinas.objectives.regression import Regression
from reinas.tasks.sklearn_data import _split
from sklearn import datasets

TASKS = [Digits(), Wine(), BreastCancer(), Diabetes()]
CLASSES = TASKS[:3]


def thirds(task):
    parts = task.parts()
    return parts.train, parts.valid, task.test()


def rows(part):
    """Every example with its target, as one row."""
    return np.c_[part.x.reshape(len(part.x), -1), part.y]


def original(task):
    data = getattr(datasets, f"load_{task.name}")()
    return np.c_[data.data.astype(np.float32), data.target.astype(np.float32)]


def in_order(table):
    return table[np.lexsort(table.T)]


@pytest.mark.parametrize("task", TASKS)
def test_the_three_parts_together_are_the_data_set(task):
    """Every example is in exactly one part: nothing is lost, nothing is in two."""
    together = np.concatenate([rows(part) for part in thirds(task)])
    assert np.array_equal(in_order(together), in_order(original(task)))


@pytest.mark.parametrize("task", TASKS)
def test_the_search_never_sees_the_test_part(task):
    """No row of the test part is among the rows of `parts()` (each row is there only once)."""
    train, valid, test = (set(map(tuple, rows(part).tolist())) for part in thirds(task))
    assert len(train) + len(valid) + len(test) == len(original(task))
    assert not test & (train | valid)
    assert not train & valid


@pytest.mark.parametrize("task", TASKS)
def test_the_shares_are_sixty_twenty_and_twenty_percent(task):
    """To within the rounding: each of two cuts rounds up."""
    n = len(original(task))
    for part, share in zip(thirds(task), (0.6, 0.2, 0.2), strict=True):
        assert abs(len(part) - share * n) < 2


@pytest.mark.parametrize("task", CLASSES)
def test_every_part_has_the_classes_in_equal_shares(task):
    """A class's number in a part differs by less than 2 from its share of the whole."""
    whole = original(task)[:, -1].astype(int)
    shares = np.bincount(whole) / len(whole)
    for part in thirds(task):
        counts = np.bincount(part.y, minlength=len(shares))
        assert (np.abs(counts - shares * len(part)) < 2).all()


@pytest.mark.parametrize("task", TASKS)
def test_the_split_is_the_same_at_every_call(task):
    """Also in another process: nothing but scikit-learn's random_state=0 decides."""
    before = thirds(task)
    _split.cache_clear()
    for one, two in zip(before, thirds(type(task)()), strict=True):
        assert np.array_equal(one.x, two.x)
        assert np.array_equal(one.y, two.y)


@pytest.mark.parametrize(
    ("task", "total"),
    [(TASKS[0], 337944), (TASKS[1], 3199), (TASKS[2], 34550), (TASKS[3], 19450)],
)
def test_the_split_is_the_recorded_one(task, total):
    """The sum of the test examples' places in the data set: results of old searches still hold."""
    data = original(task)
    places = [int(np.flatnonzero((data == row).all(1))[0]) for row in rows(task.test())]
    assert sum(places) == total


@pytest.mark.parametrize("task", TASKS)
def test_shapes_and_types_are_what_the_task_says(task):
    """x float32 [N, *inputs]; classes int64 [N] from 0 to outputs - 1, numbers float32 [N, 1]."""
    for part in thirds(task):
        assert part.x.shape == (len(part), *task.inputs)
        assert part.x.dtype == np.float32
        if task.objective == Regression():
            assert part.y.shape == (len(part), task.outputs)
            assert part.y.dtype == np.float32
        else:
            assert part.y.dtype == np.int64
            assert set(part.y.tolist()) == set(range(task.outputs))


def test_digits_are_the_images_row_by_row():
    """A picture keeps its orientation: the rows of scikit-learn's images."""
    images = {(im.astype(np.float32).tobytes()) for im in datasets.load_digits().images}
    assert all(x[0].tobytes() in images for x in Digits().test().x)


@pytest.mark.parametrize("task", TASKS)
def test_its_summary_says_how_many_examples_there_are(task):
    """The documentation's first number is the data set's size."""
    said = type(task).__doc__.split()[0].replace(",", "")
    assert int(said) == len(original(task))
