"""benchmarks/stopping.py: what share of the cost early stopping leaves, by hand."""

import numpy as np
import pytest
from benchmarks.stopping import EVALUATIONS, GRID, interval, regret, share

from reinas.compare.runs import Run


def run_of(rewards, costs):
    """A run with these rewards; pruned children have none."""
    rewards = np.array(rewards, float)
    nothing = np.full(len(rewards), np.nan)
    places = np.arange(len(rewards))
    return Run(
        rewards, np.nan_to_num(rewards, nan=9.0), nothing, nothing, places, 0.0, np.array(costs)
    )


def test_regret_counts_children_that_were_trained_whole():
    """A pruned child costs a third and is no result; before the first result there is no number."""
    found = regret(run_of([np.nan, 0.5, np.nan, 0.8], [1 / 3, 1, 1 / 3, 1]), 1.0)
    at = dict(zip(GRID.tolist(), found.tolist(), strict=True))
    assert np.isnan(at[1.25])
    assert at[1.5] == pytest.approx(0.5)
    assert at[2.5] == pytest.approx(0.5)
    assert at[2.75] == pytest.approx(0.2)
    assert at[float(EVALUATIONS)] == pytest.approx(0.2)


def stairs(*steps):
    """Regret 1 until the first cost, then lower at each; no number before a cost of 1."""
    values = np.ones(len(GRID))
    for number, cost in enumerate(steps):
        values[cost <= GRID] = 0.5 ** (number + 1)
    values[GRID < 1] = np.nan
    return values


def test_the_share_is_where_the_same_regret_is_reached():
    """Half of the cost, or never; whatever the seeds drawn, if all are alike."""
    plain = np.array([stairs(10, 40)] * 4)
    fast = np.array([stairs(5, 10, 20)] * 4)
    assert share(plain, fast, 25) == 5 / 25
    assert share(plain, fast, 50) == 10 / 50
    assert share(fast, plain, 25) == np.inf
    assert interval(plain, fast, 25) == (5 / 25, 5 / 25)


def test_a_seed_without_a_result_yet_counts_against_it():
    """The mean is no number before all seeds have a child that was trained whole."""
    late = stairs(5)
    late[GRID < 8] = np.nan
    assert share(np.array([stairs(10)] * 2), np.array([stairs(5), late]), 25) == 8 / 25
