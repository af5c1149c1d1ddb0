"""The choice of an ensemble, against brute force."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from reinas.fitting.selection import ROUNDS, select
from reinas.objectives.classification import Classification
from reinas.objectives.regression import Regression


def loss(objective, outputs, weights, y):
    """The loss of a weighted mean, in NumPy and float64."""
    outputs = np.asarray(outputs, np.float64)
    if isinstance(objective, Regression):
        mean = np.tensordot(weights, outputs, 1)
        return float(((mean - y) ** 2).mean())
    mean = np.tensordot(weights, softmax(outputs, axis=2), 1)
    return float(-np.log(mean[np.arange(len(y)), y]).mean())


def greedy(objective, outputs, y, most):
    """Caruana et al. 2004 with counts: every candidate is tried in each round, in NumPy."""
    count = len(outputs)
    chosen = np.zeros(count)
    best = (np.inf, chosen)
    for _ in range(ROUNDS):
        tried = []
        for n in range(count):
            more = chosen + np.eye(count)[n]
            if (more > 0).sum() <= most:
                tried.append((loss(objective, outputs, more / more.sum(), y), n, more))
        value, _, chosen = min(tried, key=lambda t: t[:2])
        if value < best[0]:
            best = (value, chosen / chosen.sum())
    return best


def candidates(count, seed, classes=3, examples=30):
    """Networks of different quality, and the truth."""
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=examples)
    logits = rng.standard_normal((count, examples, classes)) * rng.uniform(0.5, 2, (count, 1, 1))
    logits += np.eye(classes)[y] * rng.uniform(0.0, 2, (count, 1, 1))
    return logits.astype(np.float32), y


def chosen(logits, y, most, objective=None):
    tensors = [torch.from_numpy(each) for each in logits]
    return select(tensors, torch.from_numpy(y), objective or Classification(), most)


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_choice_is_the_best_of_greedy_rounds(count, most, seed):
    """The loss of the ensemble is that of the same algorithm in NumPy."""
    logits, y = candidates(count, seed)
    weights = chosen(logits, y, most)
    full = np.array([weights.get(n, 0.0) for n in range(count)])
    wanted, best = greedy(Classification(), logits, y, most)
    assert loss(Classification(), logits, full, y) == pytest.approx(wanted, rel=1e-5)
    assert np.count_nonzero(best) <= most


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_it_is_never_worse_than_the_best_network_alone(count, most, seed):
    """On the part where it is chosen; weights are above 0, of at most so many, with sum 1."""
    logits, y = candidates(count, seed)
    weights = chosen(logits, y, most)
    full = np.array([weights.get(n, 0.0) for n in range(count)])
    alone = min(loss(Classification(), logits, one, y) for one in np.eye(count))
    assert loss(Classification(), logits, full, y) <= alone * (1 + 1e-6)
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) > 0
    assert 1 <= len(weights) <= most


@pytest.mark.parametrize("seed", range(6))
def test_the_first_two_rounds_are_brute_force(seed, monkeypatch):
    """After two rounds: the best network, and of all partners (itself too) the best one."""
    monkeypatch.setattr("reinas.fitting.selection.ROUNDS", 2)
    logits, y = candidates(4, seed)
    first = min(range(4), key=lambda n: loss(Classification(), logits, np.eye(4)[n], y))
    mixes = [(np.eye(4)[first] + np.eye(4)[n]) / 2 for n in range(4)]
    wanted = min(mixes, key=lambda mix: loss(Classification(), logits, mix, y))
    weights = chosen(logits, y, 4)
    np.testing.assert_array_equal([weights.get(n, 0.0) for n in range(4)], wanted)


def test_one_at_most_is_the_best_alone():
    """Whatever the others could add."""
    logits, y = candidates(5, 3)
    losses = [-log_softmax(each.astype(float), axis=1)[np.arange(30), y].mean() for each in logits]
    assert chosen(logits, y, 1) == {int(np.argmin(losses)): 1.0}


def test_of_equal_networks_the_first_is_taken_alone():
    """Nothing is gained by a copy."""
    logits, y = candidates(1, 0)
    assert chosen(np.concatenate([logits] * 3), y, 3) == {0: 1.0}


def test_of_equal_ensembles_the_first_is_kept(monkeypatch):
    """Losses from a table: {0} and {0, 1} are equally good, and all others worse."""

    def tabled(_outputs, counts, _targets, _objective):
        return 1.0 if counts in ({0: 1}, {0: 1, 1: 1}) else 2.0

    monkeypatch.setattr("reinas.fitting.selection._loss", tabled)
    assert chosen(np.zeros((2, 3, 1), np.float32), np.zeros((3, 1)), 2) == {0: 1.0}


def test_errors_that_cancel_are_combined_by_hand():
    """Numbers 1 too high and 1 too low have the mean that is right; the third is 3 too high.

    First comes the first of the two that are equally good, then the other one.
    """
    y = np.arange(6, dtype=np.float32)[:, None]
    outputs = np.stack([y + 3, y + 1, y - 1])
    assert chosen(outputs, y, 3, Regression()) == {1: 0.5, 2: 0.5}


def test_weights_follow_the_best_mixture_by_hand():
    """Errors +1 and -3: three parts to one cancel, and no other mixture does."""
    y = np.arange(6, dtype=np.float32)[:, None]
    weights = chosen(np.stack([y + 1, y - 3]), y, 2, Regression())
    grid = [(k, n) for k, n in itertools.product(range(21), repeat=2) if 0 < k + n <= 20]
    losses = {(k / (k + n)): (k / (k + n) - 3 * n / (k + n)) ** 2 for k, n in grid}
    assert min(losses, key=losses.get) == 0.75
    assert weights == {0: 0.75, 1: 0.25}
