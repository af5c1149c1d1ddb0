"""The estimators: scikit-learn's own suite, and what people do with models."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_blobs
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import reinas
from reinas import MlpSpace
from reinas.errors import ReinasError, SettingError
from reinas.sklearn import NASClassifier, NASRegressor

QUICK = {"trials": 1, "epochs": 30, "random_state": 0}
SMALL = MlpSpace(depth=1, widths=(16,), activations=("relu",))


@parametrize_with_checks([NASClassifier(**QUICK), NASRegressor(**QUICK)])
def test_scikit_learns_suite(estimator, check):
    """Without a single expected failure."""
    check(estimator)


def people(count=200):
    """A data frame with categories, missing values, and a column that never varies."""
    rng = np.random.default_rng(0)
    age, city = rng.normal(40, 10, count), rng.choice(["Bonn", "Paris", "Seoul"], count)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(count) < 0.1, np.nan, age),
            "city": pd.Series(city).where(rng.random(count) > 0.1),
            "kind": pd.Categorical(rng.choice(["a", "b"], count)),
            "member": rng.random(count) < 0.5,
            "nothing": 1,
        }
    )
    return frame, age + 20 * (city == "Seoul") + 5 * frame["member"]


def test_a_data_frame_with_categories_and_missing_values():
    """Learned, predicted, and read by the saved network as rows of a file."""
    frame, y = people()
    model = NASRegressor(trials=2, epochs=60, random_state=0).fit(frame, y)
    assert model.score(frame, y) > 0.5
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.n_features_in_ == 5
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    rows = [row | {"member": float(row["member"])} for row in rows]
    np.testing.assert_allclose(model.network_.predict(rows), model.predict(frame), rtol=1e-4)
    new = frame.head(3).assign(city="Rome")
    assert np.isfinite(model.predict(new)).all()


def test_columns_that_are_neither_numbers_nor_categories_are_named():
    """Dates, say."""
    frame = pd.DataFrame({"when": pd.date_range("2020-01-01", periods=20), "x": range(20)})
    with pytest.raises(SettingError, match="column 'when' holds datetime64"):
        NASRegressor(**QUICK).fit(frame, np.arange(20.0))


def test_a_missing_class_is_named_by_its_row():
    """Not taken for a number."""
    x = np.arange(12.0)[:, None]
    for missing in (None, np.nan):
        y = np.array([*"abab", missing, *"abababa"], object)
        with pytest.raises(ValueError, match="Input y contains NaN: the class of row 4 is missing"):
            NASClassifier(trials=1, epochs=1).fit(x, y)


def test_missing_numbers_of_an_array_are_filled_in():
    """In training, and where only new data have them."""
    x, y = load_breast_cancer(return_X_y=True)
    x = x[:200, :5].copy()
    model = NASClassifier(**QUICK).fit(x, y[:200])
    gone = x.copy()
    gone[:, 2] = np.nan
    assert np.isfinite(model.predict_proba(gone)).all()
    x[::7, 1] = np.nan
    assert NASClassifier(**QUICK).fit(x, y[:200]).score(x, y[:200]) > 0.8


@pytest.mark.parametrize("shape", ["NHW", "NHWC", "series"])
def test_images_and_series(shape):
    """[N, height, width], channels last, and [N, channels, time]."""
    x, y = load_digits(return_X_y=True)
    keep = y < 2
    x, y = x[keep][:120].reshape(-1, 8, 8), y[keep][:120]
    x = x[..., None] if shape == "NHWC" else x
    layout = "series" if shape == "series" else "auto"
    model = NASClassifier(trials=1, epochs=8, layout=layout, random_state=0).fit(x, y)
    assert model.score(x, y) > 0.9
    inputs = [8, 8] if shape == "series" else [1, 8, 8]
    assert model.network_.description["task"]["inputs"] == inputs


def test_classes_of_any_kind_keep_their_names():
    """Text, with probabilities in the order of `classes_`, also in the saved network."""
    x, y = make_blobs(150, centers=3, random_state=1)
    names = np.array(["red", "green", "blue"])[y]
    model = NASClassifier(**QUICK).fit(x, names)
    assert model.classes_.tolist() == ["blue", "green", "red"]
    assert model.network_.classes == ("blue", "green", "red")
    shares = model.predict_proba(x)
    np.testing.assert_allclose(shares.sum(1), 1)
    assert (model.classes_[shares.argmax(1)] == model.predict(x)).all()


def test_the_same_random_state_gives_the_same_network():
    """In this process, and trained two at a time in others."""
    x, y = make_blobs(120, centers=2, random_state=2, cluster_std=3)
    given = {"trials": 3, "epochs": 5, "space": SMALL, "random_state": 7}
    one, two = (NASClassifier(**given, n_jobs=jobs).fit(x, y) for jobs in (None, 2))
    assert np.array_equal(one.predict_proba(x), two.predict_proba(x))
    other = NASClassifier(**given | {"random_state": 8}).fit(x, y)
    assert not np.array_equal(one.predict_proba(x), other.predict_proba(x))


def test_a_budget_of_minutes_is_kept():
    """Found, trained and joined by `reinas.fit`."""
    import time

    x, y = load_breast_cancer(return_X_y=True)
    begun = time.monotonic()
    model = NASClassifier(minutes=0.25, trials=None, random_state=0).fit(x, y)
    assert time.monotonic() - begun < 25
    assert model.score(x, y) > 0.9
    assert len(model.history_) > 1


def test_it_is_a_step_of_a_pipeline_and_of_a_grid():
    """Cloned, cross-validated, searched over."""
    x, y = load_diabetes(return_X_y=True)
    quick = NASRegressor(trials=1, epochs=40, space=SMALL, random_state=0)
    model = make_pipeline(StandardScaler(), quick)
    assert cross_val_score(model, x, y, cv=3).mean() > 0.2
    grid = GridSearchCV(clone(model), {"nasregressor__epochs": [1, 40]}, cv=2).fit(x, y)
    assert grid.best_params_ == {"nasregressor__epochs": 40}


def test_it_is_pickled_without_its_study():
    """The same predictions elsewhere."""
    x, y = make_blobs(100, centers=2, random_state=3)
    model = NASClassifier(**QUICK).fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(x), model.predict_proba(x))
    assert not hasattr(again, "study_")
    assert again.architecture_ == model.architecture_


def test_what_was_found_can_be_looked_at(capsys):
    """The study, the history, the architecture, a progress bar."""
    x, y = make_blobs(100, centers=2, random_state=4)
    model = NASClassifier(trials=3, epochs=3, space=SMALL, random_state=0, verbose=1).fit(x, y)
    assert isinstance(model.network_, torch.nn.Module)
    assert len(model.history_) == len(model.study_.trials) == 3
    assert model.architecture_ == model.study_.best_architecture
    assert "3/3" in capsys.readouterr().err


def test_a_metric_and_class_weights_are_searched_by():
    """By the classes' own names, which are numbers here."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(400, 2))
    y = np.where(x[:, 0] + rng.normal(size=400) > 2, 7, 3)
    model = NASClassifier(**QUICK | {"metric": "roc_auc", "class_weight": {7: 10.0}}).fit(x, y)
    assert model.network_.objective.weights == (1.0, 10.0)
    assert model.history_[0]["roc_auc"] > 0.6
    assert roc_auc_score(y, model.predict_proba(x)[:, 1]) > 0.7
    plain = NASClassifier(**QUICK).fit(x, y)
    assert (model.predict(x) == 7).sum() > (plain.predict(x) == 7).sum()


@pytest.mark.parametrize("name", ["net.onnx", "net.pt2", "folder"])
def test_the_network_is_taken_away(name, tmp_path):
    """As a file for other runtimes, or as reinas's own folder."""
    x, y = make_blobs(100, centers=2, random_state=6)
    model = NASClassifier(**QUICK | {"space": SMALL}).fit(x, y)
    path = model.export(tmp_path / name)
    assert path.exists()
    if name == "folder":
        read = torch.from_numpy(x).float()
        assert reinas.load(path).predict(read) == [str(n) for n in model.predict(x)]


def test_wrong_budgets_are_said():
    """Both, none, nothing."""
    x, y = make_blobs(30, centers=2)
    with pytest.raises(SettingError, match="give one of both"):
        NASClassifier(minutes=1, trials=3).fit(x, y)
    with pytest.raises(SettingError, match="give one of both"):
        NASClassifier(trials=None).fit(x, y)
    with pytest.raises(SettingError, match="must be at least 1"):
        NASClassifier(trials=0).fit(x, y)


def test_no_network_at_all_is_said():
    """With the reasons of the failures."""
    x, y = make_blobs(60, centers=2)
    space = reinas.ConvSpace(depth=2)
    with pytest.raises(ReinasError, match=r"no network could be trained|needs images"):
        NASClassifier(**QUICK | {"space": space}).fit(x, y)


def test_rare_classes_are_trained_on():
    """A class of one example cannot be split."""
    x, y = make_blobs(60, centers=2, random_state=8)
    x, y = np.vstack([x, [[50, 50]]]), np.append(y, 9)
    model = NASClassifier(**QUICK).fit(x, y)
    assert model.predict_proba(x).shape == (61, 3)


def test_empty_frames_and_wrong_lengths_are_said():
    """As scikit-learn says them."""
    frame, y = people(20)
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        NASRegressor(**QUICK).fit(frame.head(0), y.head(0))
    with pytest.raises(ValueError, match="X has 20 examples, but y has 19"):
        NASRegressor(**QUICK).fit(frame, y.head(19))
