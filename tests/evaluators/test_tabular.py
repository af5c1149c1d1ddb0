"""Tables as evaluators: a small one by hand."""

import json
import pickle
from itertools import product

import numpy as np
import pytest
from scipy import stats

from reinas import Job
from reinas.errors import SettingError
from reinas.evaluators.tabular import TabularEvaluator
from reinas.spaces.product import ProductSpace
from reinas.tables.array_table import BenchmarkTable
from reinas.tables.base import Entry

NAN = float("nan")
SPACE = ProductSpace((("a", (10, 20)), ("b", ("x", "y", "z"))))
REWARDS = np.array(
    [
        [1.0, 2.0],  # 10 x
        [3.0, NAN],  # 10 y: one seed
        [NAN, NAN],  # 10 z: no row
        [4.0, 8.0],  # 20 x: the best
        [5.0, 6.0],  # 20 y
        [0.0, 1.0],  # 20 z
    ]
)


def table(rewards=REWARDS, **more):
    return BenchmarkTable(SPACE, rewards, {"name": "made"}, reward="val", **more)


def job(*answers, seed=0):
    return Job(0, SPACE.decode(answers), seed)


def test_rows_are_found_by_their_answers():
    """The last decision runs fastest; missing seeds are left out."""
    made = table()
    assert made.look((0, 0)) == Entry((1.0, 2.0))
    assert made.look((0, 1)) == Entry((3.0,))
    assert made.look((0, 2)) is None
    assert made.look((1, 0)) == Entry((4.0, 8.0))
    assert made.look((1, 2)) == Entry((0.0, 1.0))


def test_every_row_of_a_wider_grid_is_found():
    """Rewards 0, 1, 2, ... in the order of the product of 2 x 3 x 4 x 5 answers."""
    space = ProductSpace(tuple((f"c{n}", tuple(range(n))) for n in (2, 3, 4, 5)))
    made = BenchmarkTable(space, np.arange(120.0)[:, None], {}, reward="r")
    for place, answers in enumerate(product(*map(range, (2, 3, 4, 5)))):
        assert made.look(answers).rewards == (float(place),)


def test_the_reward_is_the_mean_of_the_seeds():
    """(4 + 8) / 2, and 3 alone."""
    evaluate = TabularEvaluator(table())
    assert evaluate.noise == "mean"
    assert evaluate(job(1, 0)).reward == 6
    assert evaluate(job(0, 1)).reward == 3


def test_the_best_is_the_best_mean():
    """6 is the mean of 4 and 8; of losses the least is best."""
    assert table().best == 6
    assert table(maximise=False).best == -0.5


def test_losses_are_held_negated():
    """Higher is better for every policy."""
    made = table(maximise=False)
    assert made.look((1, 0)).rewards == (-4.0, -8.0)
    assert TabularEvaluator(made)(job(1, 0)).reward == -6
    assert not made.maximise


def test_a_missing_row_is_a_failed_architecture():
    """The reason is in words."""
    outcome = TabularEvaluator(table())(job(0, 2))
    assert outcome.reward is None
    assert outcome.error == "the table has no row for it"


def test_cost_and_report_come_with_the_outcome():
    """The seconds, the mean, and the metric that the search does not see."""
    made = table(report="test", reported=np.arange(6) / 10, seconds=np.array([1, 2, 3, 4, 5, 6.0]))
    outcome = TabularEvaluator(made)(job(1, 1))
    assert (outcome.reward, outcome.seconds) == (5.5, 10.0)  # two trainings of 5 s
    assert outcome.metrics == {"mean": 5.5, "reported": 0.4}
    assert TabularEvaluator(made)(job(0, 1)).seconds == 2  # one of 2 s
    assert TabularEvaluator(made, "seeds")(job(1, 1)).seconds == 5


def test_without_them_there_is_no_cost_and_no_report():
    """Nothing is made up."""
    outcome = TabularEvaluator(table())(job(1, 1))
    assert outcome.seconds == 0
    assert outcome.metrics == {"mean": 5.5}


def test_drawn_rewards_follow_the_jobs_seed():
    """The same seed draws the same; the mean is in the metrics all the same."""
    evaluate = TabularEvaluator(table(), "seeds")
    for seed in range(20):
        one, two = evaluate(job(1, 0, seed=seed)), evaluate(job(1, 0, seed=seed))
        assert one.reward == two.reward
        assert one.reward in (4.0, 8.0)
        assert one.metrics == {"mean": 6.0}


def held_by_random_search(evaluate, count):
    """What it holds on average, over all possible draws; the earliest of equal rewards counts."""
    made = evaluate.table
    low = np.nanmin(made.means)
    draws = []  # (probability, reward, mean)
    for answers in SPACE.enumerate():
        entry = made.look(answers)
        rewards = [low] if entry is None else [entry.mean]
        if entry is not None and evaluate.noise == "seeds":
            rewards = list(entry.rewards)
        mean = low if entry is None else entry.mean
        draws += [(1 / SPACE.size / len(rewards), reward, mean) for reward in rewards]
    total = 0.0
    for run in product(draws, repeat=count):
        chance = np.prod([probability for probability, _, _ in run])
        total += chance * max(run, key=lambda draw: draw[1])[2]
    return total


@pytest.mark.parametrize("noise", ["mean", "seeds"])
@pytest.mark.parametrize("maximise", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_what_random_search_holds_is_its_expectation(noise, maximise, count):
    """By adding up all runs of up to four evaluations; a failure counts as the lowest mean."""
    made = table(maximise=maximise)
    expected = held_by_random_search(TabularEvaluator(made, noise), count)
    assert made.random_best(count, noise) == pytest.approx(expected)


def test_in_the_end_random_search_holds_the_best():
    """Where the best reward is the best mean's; with ties at the top, their mean."""
    assert table().random_best(10**6, "mean") == pytest.approx(6)
    tied = np.array([[1.0, 9.0], [9.0, 2.0], *[[0.0, 0.0]] * 4])
    assert table(tied).random_best(10**6, "seeds") == pytest.approx((5 + 5.5) / 2)


def test_seeds_are_drawn_evenly():
    """Each of two with probability a half; never one that is missing."""
    evaluate = TabularEvaluator(table(), "seeds")
    drawn = [evaluate(job(1, 0, seed=seed)).reward for seed in range(2000)]
    assert stats.binomtest(drawn.count(8.0), 2000, 0.5).pvalue > 1e-3
    assert {evaluate(job(0, 1, seed=seed)).reward for seed in range(50)} == {3.0}


def test_unknown_noise_is_refused():
    """The message has both words that there are."""
    with pytest.raises(SettingError, match="noise is mean or seeds, got 'loud'"):
        TabularEvaluator(table(), "loud")


def test_a_table_without_rewards_is_refused():
    """All architectures would fail."""
    with pytest.raises(SettingError, match="a table needs at least one reward, got none"):
        table(np.full((6, 2), NAN))


def test_settings_say_which_data_and_which_noise():
    """As JSON takes it; the digest only where there is one."""
    assert TabularEvaluator(table()).settings == {"table": {"name": "made"}, "noise": "mean"}
    settings = TabularEvaluator(table(fingerprint="ab12"), "seeds").settings
    assert settings == {"table": {"name": "made"}, "noise": "seeds", "data": "ab12"}
    json.dumps(settings)


def test_it_can_be_sent_to_another_process():
    """A pickled copy gives the same outcomes."""
    evaluate = TabularEvaluator(table(), "seeds")
    copy = pickle.loads(pickle.dumps(evaluate))
    for seed in range(5):
        assert copy(job(1, 0, seed=seed)) == evaluate(job(1, 0, seed=seed))
