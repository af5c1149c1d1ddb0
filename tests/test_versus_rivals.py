"""The rivals that need only what the tests have anyway, on a few small examples."""

import importlib
import time

import numpy as np
import pytest
from benchmarks.rivals.contract import Work, accuracy_or_r2
from sklearn.metrics import accuracy_score, r2_score

PARTS = ("train", "valid", "test")


def work(kind, minutes=0.02, **makers):
    """A run of a second on random examples."""
    sizes = {"train": 288, "valid": 48, "test": 48}
    data = {f"{a}_{part}": makers[a](sizes[part]) for part in PARTS for a in ("x", "y")}
    return Work(kind, data, minutes, 0, 1, time.monotonic())


def answer(name, run):
    return importlib.import_module(f"benchmarks.rivals.{name}").rival(run)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_scores_are_scikit_learns(rng):
    """Accuracy and R² are those of scikit-learn."""
    classes, guessed = rng.integers(0, 3, (2, 50))
    numbers, told = rng.normal(size=(2, 50, 1)).astype(np.float32)
    assert accuracy_or_r2(guessed, classes) == accuracy_score(classes, guessed)
    assert accuracy_or_r2(told, numbers) == pytest.approx(r2_score(numbers, told), abs=1e-6)


@pytest.mark.parametrize("name", ["hand_resnet", "optuna_cnn"])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_images(name, channels, rng):
    """Grey and colour images give an accuracy between 0 and 1."""
    if name == "optuna_cnn":
        pytest.importorskip("optuna")
    run = work(
        "images",
        x=lambda n: rng.integers(0, 256, (n, 8, 8, *channels), np.uint8),
        y=lambda n: np.arange(n) % 3,
    )
    assert 0 <= answer(name, run).test <= 1


@pytest.mark.parametrize("name", ["optuna_cnn", "hist_gb", "sklearn_mlp"])
def test_tables(name, rng):
    """A rival that has only a second still gives an R², which is at most 1."""
    if name == "optuna_cnn":
        pytest.importorskip("optuna")
    run = work(
        "table",
        x=lambda n: rng.normal(size=(n, 3)).astype(np.float32),
        y=lambda n: rng.normal(size=(n, 1)).astype(np.float32),
    )
    assert -100 < answer(name, run).test <= 1


def test_text(rng):
    """One token, repeated: the perplexity is at least 1, and no worse than without learning."""
    pytest.importorskip("optuna")
    run = work("text", x=lambda n: np.ones(9 * n, int), y=lambda n: np.ones(9 * n, int))
    assert 1 <= answer("lstm", run).test < 2.1
