"""Pools: spaces that are not the product of their options."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy import stats

from reinas import Outcome, ProductSpace, Trial
from reinas.errors import AnswersError, SettingError
from reinas.evaluators.tabular import TabularEvaluator
from reinas.executors.serial import Serial
from reinas.registry import make
from reinas.spaces.pool import Pool
from reinas.spaces.product import PoolSpace
from reinas.study.budget import Budget
from reinas.study.schedules import Synchronous
from reinas.study.study import Study
from reinas.tables.array_table import BenchmarkTable

COLUMNS = (("a", (1, 2, 3, 4)), ("b", ("x", "y", "z")), ("c", (0, 1)))
ROWS = tuple(row for row in product(range(4), range(3), range(2)) if sum(row) % 3 == 0)
SPACE = PoolSpace(COLUMNS, ROWS)


def test_only_the_rows_are_in_the_space():
    """Counted, listed and checked."""
    assert SPACE.size == len(ROWS) == 8
    assert list(SPACE.enumerate()) == sorted(ROWS)
    SPACE.check(ROWS[3])
    with pytest.raises(AnswersError, match=r"no architecture with the answers \(0, 0, 1\)"):
        SPACE.check((0, 0, 1))


def test_samples_are_uniform_over_the_rows():
    """Whatever they are uniform over elsewhere."""
    for over in ("architectures", "decisions"):
        drawn = Counter(SPACE.sample(4000, 1, over=over))
        assert set(drawn) == set(ROWS)
        assert stats.chisquare(list(drawn.values())).pvalue > 1e-6


def test_answers_are_snapped_to_the_row_that_differs_least():
    """By brute force: fewest different answers, then the least distance in number, then order."""
    for answers in product(range(4), range(3), range(2)):

        def apart(row, answers=answers):
            differences = [abs(x - y) for x, y in zip(row, answers, strict=True)]
            return sum(d > 0 for d in differences), sum(differences), row

        assert SPACE.snapped(answers) == min(ROWS, key=apart)


def test_without_a_pool_answers_stay_what_they_are():
    """Every combination is an architecture."""
    space = ProductSpace(COLUMNS)
    assert space.pool is None
    assert space.snapped((0, 0, 1)) == (0, 0, 1)


@pytest.mark.parametrize("rows", [(), ((0, 0),), ((0, 0, 9),)])
def test_rows_that_are_no_answers_are_refused(rows):
    """None at all, one column too few, a value that there is not."""
    with pytest.raises((SettingError, AnswersError)):
        PoolSpace(COLUMNS, rows)


def test_a_pool_knows_each_row_once():
    """Repeats do not count; it is in order."""
    pool = Pool([(1, 0), (0, 1), (1, 0)])
    assert pool.rows == ((0, 1), (1, 0))
    assert len(pool) == 2
    assert (1, 0) in pool
    assert (1, 1) not in pool


def pool_table(seed=0):
    """300 of 4,096 architectures, with rewards that follow their answers."""
    rng = np.random.default_rng(seed)
    columns = tuple((f"d{n}", tuple(f"{n}{k}" for k in range(4))) for n in range(6))
    every = list(product(range(4), repeat=6))
    chosen = rng.choice(len(every), 300, replace=False)
    rewards = np.full((len(every), 1), np.nan)
    weights = rng.normal(size=(6, 4))
    for place in chosen:
        rewards[place] = sum(weights[n, a] for n, a in enumerate(every[place]))
    space = PoolSpace(columns, tuple(every[place] for place in chosen))
    return BenchmarkTable(space, rewards, {"name": "made"}, reward="r")


@pytest.mark.parametrize(
    "name", ["random", "evolution", "local", "tpe", "zoph-le", "independent", "ppo", "bayes"]
)
def test_every_policy_finds_rows_only(name):
    """Nothing fails, and nothing outside the pool is evaluated."""
    table = pool_table()
    policy = make("policy", {"name": name}, space=table.space)
    study = Study(table.space, policy, seed=1, budget=Budget(40))
    Synchronous().run(study, TabularEvaluator(table), Serial())
    trials = study.record.finished()
    assert len(trials) == 40
    assert all(trial.answers in table.space.pool for trial in trials)
    assert all(trial.state == "complete" for trial in trials)


def test_bayes_takes_its_candidates_from_the_pool():
    """It evaluates nothing twice and finds the best of 300 in 60, which a draw does in a fifth."""
    found = []
    for seed in range(5):
        table = pool_table(seed)
        policy = make("policy", {"name": "bayes", "seed": seed}, space=table.space)
        study = Study(table.space, policy, seed=seed, budget=Budget(60))
        Synchronous().run(study, TabularEvaluator(table), Serial())
        trials = study.record.finished()
        assert len({trial.answers for trial in trials}) == 60
        found.append(max(trial.reward for trial in trials) >= table.best - 1e-9)
    assert sum(found) >= 4


def test_the_expectation_of_random_search_is_over_the_rows():
    """One draw is worth the rows' mean."""
    table = pool_table()
    assert table.random_best(1, "mean") == pytest.approx(np.nanmean(table.means))


def test_a_policy_that_is_told_of_a_pool_row_learns_of_that():
    """Local search never has a neighbour outside the pool."""
    table = pool_table()
    policy = make("policy", {"name": "local", "starts": 2}, space=table.space)
    rows = table.space.sample(2, 0)
    policy.update([Trial(k, 0, a, Outcome(float(k))) for k, a in enumerate(rows)])
    proposed = policy.propose(10, length=6, seed=0)
    assert all(answers in table.space.pool for answers in proposed)
