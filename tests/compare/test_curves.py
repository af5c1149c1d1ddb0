"""Curves of runs that were made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from compare.made import made
from reinas.compare import curves
from reinas.compare.comparison import Comparison, PolicySpec, Problem, check
from reinas.compare.runs import Run
from reinas.compare.summary import document, own_milliseconds, summarise
from reinas.errors import SettingError

NAN = float("nan")
PLAIN = made([0.3, 0.1, 0.5, 0.5, 0.4], reported=[30, 10, 50, 51, 40], seconds=[1, 2, 3, 0, 5])
FAILED = made([None, 0.2, None, 0.7])
LOSSES = made([None, -3.0, -5.0, None, -1.0])
# drawn rewards: the luckiest is not the best
NOISY = made([1.0, 3.0, 2.0, 2.5], means=[1.5, 1.2, 2.2, 2.4])


def test_the_incumbent_is_the_best_so_far_and_the_earliest_of_equals():
    """The first stays the incumbent until the third; the fourth only equals it."""
    assert curves.incumbents(PLAIN).tolist() == [0, 0, 2, 2, 2]
    assert curves.best_so_far([PLAIN]).tolist() == [[0.3, 0.3, 0.5, 0.5, 0.5]]


def test_a_failure_is_never_preferred_to_a_reward():
    """Until the first reward, the incumbent counts as the lowest reward of all runs."""
    assert curves.incumbents(FAILED).tolist() == [0, 1, 1, 3]
    assert curves.best_so_far([FAILED]).tolist() == [[0.2, 0.2, 0.2, 0.7]]


def test_with_negated_losses_a_failure_counts_as_the_lowest_reward():
    """-5 is the lowest."""
    assert curves.rewards_with_failures(LOSSES, curves.lowest_reward([LOSSES])).tolist() == [
        -5,
        -3,
        -5,
        -5,
        -1,
    ]
    assert curves.best_so_far([LOSSES]).tolist() == [[-5, -3, -3, -3, -1]]


def test_a_run_of_failures_only_has_reward_zero():
    """And no reported metric."""
    run = made([None, None])
    assert curves.best_so_far([run]).tolist() == [[0, 0]]
    assert np.isnan(curves.reported([run])).all()


def test_the_incumbent_is_chosen_by_its_noisy_reward_and_judged_by_its_mean():
    """The lucky second stays the incumbent, though its mean is 1.2."""
    assert curves.incumbents(NOISY).tolist() == [0, 1, 1, 1]
    assert curves.best_so_far([NOISY]).tolist() == [[1.5, 1.2, 1.2, 1.2]]


def test_the_reported_metric_is_that_of_the_incumbent():
    """It is not the best of the metric: 50, although 51 came later."""
    assert curves.reported([PLAIN]).tolist() == [[30, 30, 50, 50, 50]]


def test_the_last_samples_are_those_before_the_checkpoint():
    """Means of windows; a window longer than the run is the run."""
    assert curves.last_mean([PLAIN], 5, 2) == pytest.approx([0.45])
    assert curves.last_mean([PLAIN], 3, 2) == pytest.approx([0.3])
    assert curves.last_mean([PLAIN], 2, 25) == pytest.approx([0.2])
    assert curves.last_mean([FAILED], 4, 4) == pytest.approx([(0.2 + 0.2 + 0.2 + 0.7) / 4])


def test_different_architectures_and_seconds_are_counted_up_to_the_checkpoint():
    """A repeat has the place of its first."""
    run = made([1, 2, 1, 3, 2], places=[0, 1, 0, 3, 1], seconds=[1, 2, 0, 4, 0])
    assert [curves.distinct([run], at).item() for at in (1, 3, 4, 5)] == [1, 2, 3, 3]
    assert [curves.seconds_spent([run], at).item() for at in (1, 3, 4, 5)] == [1, 3, 7, 7]


def test_the_mean_of_the_best_is_over_distinct_architectures():
    """A repeat counts once (figure 6); NaN while there are too few."""
    run = made([1, 5, 5, 3, 4], places=[0, 1, 1, 3, 4])
    np.testing.assert_allclose(curves.mean_of_best(run, 1, range(1, 6)), [1, 5, 5, 5, 5])
    np.testing.assert_allclose(curves.mean_of_best(run, 2, range(1, 6)), [NAN, 3, 3, 4, 4.5])
    np.testing.assert_allclose(curves.mean_of_best(run, 4, [4, 5]), [NAN, 13 / 4])


def comparison(**runs):
    specs = tuple(PolicySpec(name, {"name": name}) for name in runs)
    seeds = tuple(range(len(next(iter(runs.values())))))
    count = len(next(iter(runs.values()))[0].rewards)
    problem = Problem("made", {}, "val", report="test")
    return Comparison(problem, specs, seeds, count, (2, count), runs, (0.9,) * len(seeds))


def example():
    return comparison(
        local=[
            made([0.1, 0.5, 0.9], reported=[1, 5, 9], own_seconds=0.3),
            made([0.2, 0.1, 0.6], reported=[2, 1, 6], own_seconds=0.6),
        ],
        random=[
            made([0.3, 0.1, 0.2], reported=[3, 1, 2], seconds=[1, 2, 3]),
            made([0.4, 0.8, 0.9], reported=[4, 8, 9], seconds=[1, 2, 5]),
        ],
    )


def test_a_summary_by_hand():
    """Two policies, two seeds, two checkpoints."""
    rows = summarise(example())
    local = rows["local"][3]
    assert local.reward.mean == pytest.approx((0.9 + 0.6) / 2)
    assert local.regret.mean == pytest.approx((0.0 + 0.3) / 2)
    assert local.hit.mean == 0.5
    assert local.reported.mean == pytest.approx((9 + 6) / 2)
    assert local.last.mean == pytest.approx((0.5 + 0.3) / 2)
    assert local.difference.mean == pytest.approx((0.6 - 0.3) / 2)
    assert rows["local"][2].difference.mean == pytest.approx(((0.5 - 0.3) + (0.2 - 0.8)) / 2)
    random = rows["random"][3]
    assert (random.difference, random.p, random.p_corrected) == (None, None, None)
    assert random.seconds == pytest.approx((6 + 8) / 2)
    assert random.distinct == 3
    assert (rows["random"][2].hit.mean, random.hit.mean) == (0, 0.5)


def test_where_random_searchs_expectation_is_known_it_is_the_baseline():
    """Random search's own runs are compared with it, too."""
    rows = summarise(replace(example(), random_best=(0.5, 0.65)))
    assert rows["local"][3].difference.mean == pytest.approx((0.9 + 0.6) / 2 - 0.65)
    assert rows["random"][2].difference.mean == pytest.approx((0.3 + 0.8) / 2 - 0.5)
    assert rows["random"][3].p == pytest.approx(stats.ttest_1samp([0.3, 0.9], 0.65).pvalue)


def test_the_baseline_is_random_search():
    """At any position; without random search it is the first policy."""
    assert example().baseline == "random"
    run = [made([0.1, 0.2])]
    assert comparison(local=run, tpe=run).baseline == "local"


def test_p_values_are_corrected_for_all_comparisons():
    """One policy at two checkpoints: the smaller of two p-values counts twice."""
    rows = summarise(example())["local"]
    p = sorted((rows[2].p, rows[3].p))
    corrected = sorted((rows[2].p_corrected, rows[3].p_corrected))
    assert corrected[0] == pytest.approx(min(1, 2 * p[0]))


def test_policy_time_is_per_evaluation():
    """0.9 s over two runs of three: 150 ms."""
    assert own_milliseconds(example(), "local") == pytest.approx(150)


def test_the_document_has_every_policy_and_checkpoint():
    """By label, then by checkpoint as text."""
    given = document(example(), summarise(example()))
    assert given["baseline"] == "random"
    assert list(given["policies"]) == ["local", "random"]
    assert list(given["policies"]["local"]["checkpoints"]) == ["2", "3"]


ONE = [PolicySpec("random", {"name": "random"})]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ONE, 0, 10, [1]), "seeds must be at least 1, got 0"),
        ((ONE, 1, 0, [1]), "evaluations must be at least 1, got 0"),
        (([], 1, 10, [1]), "policies is empty"),
        ((ONE * 2, 1, 10, [1]), "policies has random twice"),
        ((ONE, 1, 10, [5, 11]), "at must be from 1 to .* 10; got 11"),
        ((ONE, 1, 10, [0]), "at must be from 1 to .* 10; got 0"),
        ((ONE, 1, 10, []), "at is empty"),
    ],
)
def test_comparisons_that_cannot_be_made_are_refused(arguments, message):
    """The message has the key, what was expected and what was given."""
    with pytest.raises(SettingError, match=message):
        check(*arguments)


def test_costs_are_whole_trainings_and_pruned_is_not_failed():
    """Four evaluations: whole, stopped after a third, failed, whole."""
    run = replace(made([0.3, None, None, 0.5]), costs=np.array([1, 1 / 3, 1, 1]))
    assert run.spent.tolist() == pytest.approx([1, 4 / 3, 7 / 3, 10 / 3])
    assert curves.pruned([run], 4).tolist() == [1]
    assert curves.failed([run], 4).tolist() == [1]
    assert curves.spent([run], 3).tolist() == pytest.approx([7 / 3])
    assert Run.of_state(run.state()).costs.tolist() == run.costs.tolist()
    plain = made([0.3, 0.5])
    assert plain.spent.tolist() == [1, 2]
    assert Run.of_state(plain.state()).costs is None


def test_the_best_by_cost():
    """Nothing before the first is done, and nothing after the end."""
    run = replace(made([0.3, None, 0.5]), costs=np.array([1, 0.5, 1]))
    found = curves.best_over_cost([run], [0.5, 1, 2, 2.5, 3])[0]
    assert np.isnan(found[[0, 4]]).all()
    assert found[1:4].tolist() == [0.3, 0.3, 0.5]
