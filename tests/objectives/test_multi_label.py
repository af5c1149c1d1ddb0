"""Labels that hold or do not, against scikit-learn."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch import nn

from reinas.errors import SettingError
from reinas.objectives.multi_label import MultiLabel
from reinas.tasks.scaling import Scaling

RNG = np.random.default_rng(0)
LOGITS = (2 * RNG.standard_normal((700, 4))).astype(np.float32)
TRUE = (RNG.random((700, 4)) < expit(LOGITS)).astype(np.float32)


def tensors():
    return torch.from_numpy(LOGITS), torch.from_numpy(TRUE)


def test_the_loss_is_the_mean_log_loss_of_the_labels():
    """Each label is a binary classification of its own."""
    wanted = np.mean([log_loss(TRUE[:, n], expit(LOGITS[:, n].astype(float))) for n in range(4)])
    assert float(MultiLabel().loss(*tensors())) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_combined_probabilities_are_the_weighted_mean(scale):
    """Of every label by itself, by NumPy in float64; also where float32 gives exactly 0 and 1."""
    rng = np.random.default_rng(1)
    logits = (scale * rng.standard_normal((3, 20, 4))).astype(np.float32)
    weights = np.array([0.5, 0.3, 0.2])
    found = MultiLabel().combine(torch.from_numpy(logits), torch.tensor(weights).float())
    mean = np.average(expit(logits.astype(np.float64)), axis=0, weights=weights)
    np.testing.assert_allclose(expit(found.double().numpy()), mean, rtol=1e-4, atol=1e-7)
    assert bool(found.isfinite().all())


def test_the_score_is_the_macro_f1():
    """A label is predicted where its logit is above 0."""
    assert MultiLabel().score(*tensors()) == pytest.approx(
        f1_score(TRUE, LOGITS > 0, average="macro")
    )


def test_a_label_that_never_occurs_and_is_never_predicted_counts_as_0():
    """As in scikit-learn: nothing is divided by 0."""
    outputs, targets = torch.tensor([[1.0, -1.0]]), torch.tensor([[1.0, 0.0]])
    assert MultiLabel().score(outputs, targets) == 0.5


def test_the_test_metrics_are_scikit_learns():
    """Exact match is its accuracy of whole rows, over more examples than fit in one chunk."""
    found = MultiLabel().test_metrics(nn.Identity(), *tensors(), Scaling.none())
    assert found["exact_match"] == pytest.approx(accuracy_score(TRUE, LOGITS > 0))
    assert found["label_accuracy"] == pytest.approx(np.mean((LOGITS > 0) == TRUE))
    assert found["f1"] == pytest.approx(f1_score(TRUE, LOGITS > 0, average="macro"))


def test_the_summary_is_one_line_about_all_three():
    """F1, rows, labels."""
    metrics = {"f1": 0.5, "exact_match": 0.25, "label_accuracy": 0.75}
    assert MultiLabel().summary(metrics) == (
        "macro F1 0.5000, exact match 0.2500, accuracy per label 0.7500"
    )


def test_predictions_are_lists_of_names():
    """A probability above 0.5 is a logit above 0; a row may have no label."""
    outputs = torch.tensor([[1.0, -1.0], [2.0, 3.0], [-1.0, -0.5]])
    assert MultiLabel().predictions(outputs, ["cat", "dog"]) == [["cat"], ["cat", "dog"], []]
    assert MultiLabel().predictions(outputs, ()) == [[0], [0, 1], []]


@pytest.mark.parametrize("y", [np.full((3, 2), 2), np.zeros((3, 3)), np.zeros(3)])
def test_targets_other_than_0_and_1_per_label_are_refused(y):
    """The message names the data and the shape."""
    with pytest.raises(SettingError, match=r"here: expected targets of 0 and 1 and shape \(2,\)"):
        MultiLabel().check_targets("here", y, 2)
