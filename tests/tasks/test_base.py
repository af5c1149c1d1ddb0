"""Parts, standardisation and the contract of a task."""

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from reinas import AbstractTask, BreastCancer, Diabetes, Digits, Recipe, Toy, Wine
from reinas.errors import SettingError
from reinas.objectives.base import Objective
from reinas.objectives.regression import Regression
from reinas.registry import make
from reinas.tasks.base import Part, Parts
from reinas.tasks.scaling import Scaling
from reinas.training.tensors import search_tensors, tensors

TABLES = [Wine(), BreastCancer(), Diabetes()]


@dataclass(frozen=True)
class Made(AbstractTask):
    """Two targets; the validation part is nothing like the training part."""

    reward: str = "closeness"
    name: ClassVar[str] = "made"
    objective: ClassVar[Objective] = Regression()
    inputs: ClassVar[tuple[int, ...]] = (3,)
    outputs: ClassVar[int] = 2
    recipe: ClassVar[Recipe] = Recipe()

    def _part(self, n, level):
        rng = np.random.default_rng(n)
        x = (level + rng.standard_normal((n, 3)) * [1, 100, 0]).astype(np.float32)
        return Part(x, (level + rng.standard_normal((n, 2)) * [1, 50]).astype(np.float32))

    def parts(self):
        return Parts(self._part(30, 5.0), self._part(20, 500.0))

    def test(self):
        return self._part(10, -500.0)


def test_parts_are_added_one_after_the_other():
    """Examples and targets stay together, the first part's first."""
    one = Part(np.array([[1.0], [2.0]], np.float32), np.array([1, 2]))
    two = Part(np.array([[3.0]], np.float32), np.array([3]))
    both = one + two
    assert len(both) == 3
    assert both.x.tolist() == [[1.0], [2.0], [3.0]]
    assert both.y.tolist() == [1, 2, 3]


def test_standardisation_uses_the_training_parts_statistics_only():
    """Inputs by column, targets too: both parts minus the training mean, over its deviation."""
    task = Made()
    parts = task.parts()
    train, valid = search_tensors(task)
    for found, part in ((train, parts.train), (valid, parts.valid)):
        x, y = parts.train.x.astype(float), parts.train.y.astype(float)
        wanted = (part.x[:, :2] - x[:, :2].mean(0)) / x[:, :2].std(0)
        np.testing.assert_allclose(found.x[:, :2], wanted, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found.y, (part.y - y.mean(0)) / y.std(0), rtol=1e-3, atol=1e-4)
    assert abs(float(valid.x[:, 0].mean())) > 100  # not standardised by its own statistics


def test_a_constant_column_is_only_centred():
    """No NaN and no infinity, in the part where it is constant and in one where it is not."""
    train, valid = search_tensors(Made())
    assert (train.x[:, 2] == 0).all()
    np.testing.assert_allclose(valid.x[:, 2], 495.0)


@pytest.mark.parametrize("value", [0.1, 1e-30, 3e20, 1 / 3])
@pytest.mark.parametrize("n", [3, 7, 999])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_constant_column_has_deviation_one_whatever_its_value(value, n, kind):
    """Rounding in the mean must not look like a spread: 0.1 + 0.1 + ... is not n times 0.1."""
    scaling = Scaling.of(np.full((n, 1), value, kind), (0,))
    assert scaling.std.tolist() == [1.0]


@pytest.mark.parametrize("task", TABLES)
def test_tables_are_standardised_by_column(task):
    """Against scikit-learn's formula in double precision, on both parts."""
    parts = task.parts()
    train, valid = search_tensors(task)
    mean, std = parts.train.x.mean(0, dtype=float), parts.train.x.std(0, dtype=float)
    np.testing.assert_allclose(train.x, (parts.train.x - mean) / std, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(valid.x, (parts.valid.x - mean) / std, rtol=1e-3, atol=1e-3)


def test_images_are_standardised_by_channel():
    """One mean and one deviation over examples, rows and columns; no pixel is divided by zero."""
    parts = Digits().parts()
    train, _ = search_tensors(Digits())
    x = parts.train.x.astype(float)
    np.testing.assert_allclose(train.x, (x - x.mean()) / x.std(), rtol=1e-4, atol=1e-5)
    two = np.concatenate([x, 10 * x + 3], axis=1)
    scaling = Scaling.of(two, (0, 2, 3))
    assert scaling.mean.shape == scaling.std.shape == (2, 1, 1)
    np.testing.assert_allclose(scaling.mean.ravel(), [x.mean(), 10 * x.mean() + 3], rtol=1e-5)


def test_targets_of_regression_are_standardised_and_classes_are_not():
    """Diabetes' targets get mean 0 and deviation 1; wine's classes stay whole numbers."""
    train, valid = search_tensors(Diabetes())
    y = Diabetes().parts().train.y.astype(float)
    np.testing.assert_allclose(train.y, (y - y.mean()) / y.std(), rtol=1e-3, atol=1e-4)
    held = Diabetes().parts().valid.y
    np.testing.assert_allclose(valid.y, (held - y.mean()) / y.std(), rtol=1e-3, atol=1e-4)
    train, _ = search_tensors(Wine())
    assert train.y.tolist() == Wine().parts().train.y.tolist()


def test_a_task_can_ask_for_raw_numbers():
    """The toy's inputs and targets are those of the review."""
    train, valid = search_tensors(Toy())
    part = Toy().parts().train
    assert np.array_equal(train.x, part.x)
    assert np.array_equal(train.y, part.y)
    assert np.array_equal(valid.x, part.x)


def test_scaling_leaves_the_data_alone():
    """The task's own arrays keep their numbers."""
    part = Wine().parts().train
    before = part.x.copy()
    tensors(part, *Wine().scalings(part), Wine().objective)
    assert np.array_equal(part.x, before)


@pytest.mark.parametrize("task", [*TABLES, Digits(), Toy()])
def test_settings_are_enough_to_make_the_task_again(task):
    """As JSON gives them back."""
    assert make("task", json.loads(json.dumps(dict(task.settings)))) == task


@pytest.mark.parametrize("kind", [Wine, BreastCancer, Diabetes, Digits, Toy])
def test_an_unknown_reward_names_the_nearest(kind):
    """When the task is made, not when its first child has been trained."""
    with pytest.raises(SettingError, match=r"task.reward 'acuracy'.*did you mean 'accuracy'\?"):
        kind(reward="acuracy")


def test_the_score_is_named_after_the_objective():
    """Accuracy for classes, R squared for numbers."""
    assert Wine().objective.score_name == Digits().objective.score_name == "accuracy"
    assert Diabetes().objective.score_name == Toy().objective.score_name == "r2"
