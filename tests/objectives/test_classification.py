"""Classes, against scikit-learn and a formula written by hand."""

import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score, log_loss
from torch import nn

from reinas import Recipe
from reinas.errors import SettingError
from reinas.objectives.classification import Classification
from reinas.objectives.shared import CHUNK
from reinas.tasks.scaling import Scaling


def test_measures_of_classes_are_scikit_learns():
    """Mean cross-entropy and accuracy, over more examples than fit in one chunk."""
    rng = np.random.default_rng(0)
    n = 2 * CHUNK + 77
    logits = (3 * rng.standard_normal((n, 4))).astype(np.float32)
    y = rng.integers(4, size=n)
    loss, score = Classification().measure(
        nn.Identity(), torch.from_numpy(logits), torch.from_numpy(y)
    )
    chances = softmax(logits.astype(np.float64), axis=1)
    assert loss == pytest.approx(log_loss(y, chances), rel=1e-5)
    assert score == pytest.approx(accuracy_score(y, logits.argmax(1)), rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_label_smoothing_spreads_a_share_over_all_classes(smoothing):
    """-sum q log p with q = (1 - s) at the class + s / K everywhere (Szegedy et al. 2016)."""
    rng = np.random.default_rng(0)
    logits = (3 * rng.standard_normal((50, 4))).astype(np.float32)
    y = rng.integers(4, size=50)
    q = (1 - smoothing) * np.eye(4)[y] + smoothing / 4
    wanted = -(q * log_softmax(logits.astype(np.float64), axis=1)).sum(1).mean()
    recipe = Recipe(label_smoothing=smoothing)
    tensors = torch.from_numpy(logits), torch.from_numpy(y)
    assert float(Classification().training_loss(*tensors, recipe)) == pytest.approx(wanted)


def test_what_is_measured_is_not_smoothed():
    """A validation loss is that of the classes as they are, whatever the training did."""
    logits, y = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    loss, _ = Classification().measure(nn.Identity(), logits, y)
    assert loss == pytest.approx(math.log(1 + math.exp(-2)))


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_combined_probabilities_are_the_weighted_mean(scale):
    """By NumPy in float64, also where float32 would have no probability left above 0."""
    rng = np.random.default_rng(1)
    logits = (scale * rng.standard_normal((3, 20, 4))).astype(np.float32)
    weights = np.array([0.5, 0.3, 0.2])
    found = Classification().combine(torch.from_numpy(logits), torch.tensor(weights).float())
    mean = np.average(softmax(logits.astype(np.float64), axis=2), axis=0, weights=weights)
    np.testing.assert_allclose(softmax(found.double().numpy(), axis=1), mean, rtol=1e-4, atol=1e-7)
    assert bool(found.isfinite().all())


def test_one_network_alone_keeps_its_probabilities():
    """And so its loss and its score."""
    logits, y = torch.randn(1, 30, 3, generator=torch.Generator().manual_seed(0)), torch.arange(30)
    found = Classification().combine(logits, torch.ones(1))
    torch.testing.assert_close(found.softmax(1), logits[0].softmax(1))
    assert Classification().score(found, y % 3) == Classification().score(logits[0], y % 3)


def test_the_interval_of_the_test_is_wilsons():
    """9 of 12 right: the formula of Wilson (1927), with the normal quantile 1.959964."""
    logits = torch.eye(3)[[0] * 9 + [1] * 3]
    y = torch.zeros(12, dtype=torch.int64)
    found = Classification().test_metrics(nn.Identity(), logits, y, Scaling.none())
    z, n, p = 1.959964, 12, 0.75
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert found["accuracy"] == p
    assert found["low"] == pytest.approx(middle - half, rel=1e-6)
    assert found["high"] == pytest.approx(middle + half, rel=1e-6)


def test_the_summary_has_the_interval():
    """One line for people."""
    metrics = {"accuracy": 0.97222, "low": 0.95, "high": 0.98}
    words = "accuracy 0.9722 (95 % interval 0.9500 to 0.9800)"
    assert Classification().summary(metrics) == words


@pytest.mark.parametrize(
    ("inputs", "reward"), [((1, 8, 8), "cubed"), ((4, 50), "accuracy"), ((13,), "accuracy")]
)
def test_accuracy_is_cubed_for_images_only(inputs, reward):
    """As in section 4.1; not for series and tables."""
    assert Classification().reward(inputs) == reward


def test_predictions_are_names_or_numbers():
    """The class with the greatest logit."""
    logits = torch.tensor([[0.1, 2.0], [3.0, -1.0]])
    assert Classification().predictions(logits, ("cat", "dog")) == ["dog", "cat"]
    assert Classification().predictions(logits, ()) == [1, 0]


@pytest.mark.parametrize("y", [np.zeros(3, np.int32), np.zeros((3, 1), np.int64), np.zeros(3)])
def test_targets_other_than_class_numbers_are_refused(y):
    """Type and shape are named."""
    with pytest.raises(SettingError, match=r"here: expected targets of type int64 and shape \(\)"):
        Classification().check_targets("here", y, 2)
