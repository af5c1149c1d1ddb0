"""What the page shows of comparisons, against the module that `compare` itself uses."""

import json

import numpy as np
import pytest

import reinas
from reinas.compare import curves
from reinas.compare.comparison import run_all
from reinas.compare.runs import Run, RunSpec
from reinas.compare.statistics import intervals
from reinas.errors import SettingError
from reinas.store.runs import run_key
from reinas.web.comparison_view import Comparisons

EVALUATIONS = 30
POLICIES = (
    {"name": "random"},
    {"name": "evolution", "population": 5, "sample": 3},
    {"name": "evolution", "population": 8, "sample": 3},
)


def specs(seeds):
    table = {"name": "landscape", "decisions": 4, "options": 3, "interactions": 1}
    return [
        RunSpec(table, None, "mean", policy, None, EVALUATIONS, True, seed)
        for seed in range(seeds)
        for policy in POLICIES
    ]


@pytest.fixture
def store(tmp_path):
    return reinas.Store(tmp_path / "runs.db")


def test_lines_are_those_of_the_comparison(store):
    """Mean and interval over seeds, the same as in the tables of `compare`."""
    runs = run_all(specs(4), store, 0)
    comparisons = Comparisons(store)
    (one,) = comparisons.overview()
    assert (one["policies"], one["runs"], one["evaluations"]) == (3, 12, EVALUATIONS)
    found = comparisons.one(one["id"])
    assert found["points"] == list(range(1, EVALUATIONS + 1))
    labels = ["random", "evolution (population=5)", "evolution (population=8)"]
    lines = {line["label"]: line for line in found["lines"]}
    assert sorted(lines) == sorted(labels)
    for place, label in enumerate(labels):
        own = runs[place :: len(POLICIES)]
        mean, low, high = intervals(curves.best_so_far(own))
        for key, values in (("mean", mean), ("low", low), ("high", high)):
            np.testing.assert_allclose(lines[label][key], values)
        assert lines[label]["seeds"] == 4
        assert lines[label]["distinct"] == np.mean(curves.distinct(own, EVALUATIONS))


def test_only_what_is_new_is_read(store, monkeypatch):
    """Runs that finish while somebody looks are added to those that are known."""
    run_all(specs(1), store, 0)
    comparisons = Comparisons(store)
    (one,) = comparisons.overview()
    assert one["runs"] == 3
    run_all(specs(3), store, 0)
    read, really = [], Run.of_state
    monkeypatch.setattr(Run, "of_state", staticmethod(lambda s: (read.append(s), really(s))[1]))
    (again,) = comparisons.overview()
    assert (again["id"], again["runs"]) == (one["id"], 9)
    assert len(read) == 6
    assert comparisons.overview() == [again]
    assert len(read) == 6


def test_failures_count_as_the_lowest_reward(store):
    """Also before the first success, as in the tables; where all fail, as 0."""
    rows = {0: [None, 0.4, None, 0.9], 1: [0.3, None, 0.2, 0.5], 2: [None] * 4}
    runs = []
    for seed, rewards in rows.items():
        values = np.array([np.nan if r is None else r for r in rewards], float)
        run = Run(values, values, values * np.nan, np.ones(4), np.arange(4), 0.1)
        key = {
            "table": {"name": "t"},
            "evaluations": 4,
            "policy": {"name": "p"},
            "seed": seed,
        }
        store.runs().put(run_key(key), run.state())
        runs.append(run)
    comparisons = Comparisons(store)
    (one,) = comparisons.overview()
    (line,) = comparisons.one(one["id"])["lines"]
    np.testing.assert_allclose(line["mean"], curves.best_so_far(runs).mean(0))


def test_other_tables_and_other_numbers_of_evaluations_are_other_comparisons(store):
    """The newest first; one that is not there is said."""
    values = np.array([0.1, 0.2])
    run = Run(values, values, values, values, np.arange(2), 0.1)
    for table, evaluations in (("a", 2), ("b", 2), ("a", 1)):
        key = {"table": {"name": table}, "evaluations": evaluations, "policy": {"name": "p"}}
        store.runs().put(run_key({**key, "seed": 0}), run.state())
    comparisons = Comparisons(store)
    assert len(comparisons.overview()) == 3
    (line,) = comparisons.one(comparisons.overview()[0]["id"])["lines"]
    assert np.isnan(line["low"]).all()  # of one seed there is no interval
    json.dumps(comparisons.overview(), allow_nan=False)
    with pytest.raises(SettingError, match="there is no comparison 'x'"):
        comparisons.one("x")
