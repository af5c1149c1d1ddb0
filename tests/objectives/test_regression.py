"""Numbers, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error, r2_score, root_mean_squared_error
from torch import nn

from reinas.errors import SettingError
from reinas.objectives.regression import Regression
from reinas.objectives.shared import CHUNK


@pytest.mark.parametrize("targets", [1, 3])
def test_measures_of_numbers_are_scikit_learns(targets):
    """Mean squared error and R squared (several targets: weighted by their variance)."""
    rng = np.random.default_rng(1)
    n = CHUNK + 9
    y = (5 + rng.standard_normal((n, targets)) * [1, 10, 0.1][:targets]).astype(np.float32)
    out = (y + rng.standard_normal((n, targets))).astype(np.float32)
    loss, score = Regression().measure(nn.Identity(), torch.from_numpy(out), torch.from_numpy(y))
    assert loss == pytest.approx(mean_squared_error(y, out), rel=1e-5)
    assert score == pytest.approx(r2_score(y, out, multioutput="variance_weighted"), rel=1e-4)


def test_targets_that_do_not_vary_have_no_r_squared():
    """Then the score is 0, as scikit-learn has it, and no number is divided by 0."""
    out, y = torch.randn(5, 1), torch.full((5, 1), 2.0)
    assert Regression().measure(nn.Identity(), out, y)[1] == 0.0 == r2_score(y, out)


def test_the_rmse_of_the_test_is_in_the_targets_own_unit():
    """Although the network is trained on standardised targets."""
    rng = np.random.default_rng(2)
    y = (50 + 20 * rng.standard_normal((40, 1))).astype(np.float32)
    out = (y + rng.standard_normal((40, 1))).astype(np.float32)
    objective = Regression()
    scaling = objective.scale_targets(y)
    encoded = torch.from_numpy(objective.encode_targets(y, scaling))
    found = objective.test_metrics(nn.Identity(), torch.from_numpy(scaling(out)), encoded, scaling)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(y, out), rel=1e-4)
    assert found["r2"] == pytest.approx(r2_score(y, out), rel=1e-4)


def test_targets_are_standardised_per_column():
    """Mean 0 and deviation 1 each."""
    y = np.random.default_rng(0).normal([3, -100], [0.1, 50], (500, 2)).astype(np.float32)
    encoded = Regression().encode_targets(y, Regression().scale_targets(y))
    np.testing.assert_allclose(encoded.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(encoded.std(0), 1, rtol=1e-4)


def test_the_summary_has_both_measures():
    """One line for people."""
    assert Regression().summary({"rmse": 54.321, "r2": 0.45678}) == "RMSE 54.32, R² 0.4568"


def test_predictions_of_one_target_are_plain_numbers():
    """Of several, lists."""
    assert Regression().predictions(torch.tensor([[1.0], [2.0]]), ()) == [1.0, 2.0]
    assert Regression().predictions(torch.tensor([[1.0, 2.0]]), ()) == [[1.0, 2.0]]


@pytest.mark.parametrize("y", [np.zeros((3, 2)), np.zeros((3, 1), np.float32)])
def test_targets_of_another_type_or_shape_are_refused(y):
    """Both are named."""
    with pytest.raises(SettingError, match=r"here: expected .* type float32 and shape \(2,\)"):
        Regression().check_targets("here", y, 2)
