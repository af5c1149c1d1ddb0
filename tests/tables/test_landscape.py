"""Made landscapes, by brute force."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from reinas import Job
from reinas.errors import SettingError
from reinas.evaluators.tabular import TabularEvaluator
from reinas.tables.landscape import ConvLandscape, Landscape


def everything(table):
    """The mean reward of all answers, as an array with an axis a decision."""
    shape = (table.options,) * table.decisions
    return np.array([table.look(a).mean for a in product(*map(range, shape))]).reshape(shape)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("decisions", "options", "interactions"),
    [(1, 2, 0), (1, 5, 0), (5, 3, 0), (5, 3, 1), (6, 3, 2), (4, 4, 3), (7, 2, 5), (2, 3, 1)],
)
def test_the_best_is_that_of_all_answers(decisions, options, interactions, seed):
    """Dynamic programming and brute force agree."""
    table = Landscape(decisions, options, interactions, seed=seed)
    assert table.best == pytest.approx(everything(table).max(), abs=1e-12)


def second_difference(values, first, second):
    """How far two decisions are from adding up: [f(1,1) - f(0,1) - f(1,0) + f(0,0)], all others."""
    values = np.moveaxis(values, (first, second), (0, 1))
    return values[1, 1] - values[0, 1] - values[1, 0] + values[0, 0]


@pytest.mark.parametrize("interactions", [0, 1, 2, 4])
def test_decisions_depend_on_those_just_before_and_no_others(interactions):
    """Two decisions add up exactly when they are further apart than the interactions."""
    values = everything(Landscape(5, 3, interactions, seed=4))
    for first in range(5):
        for second in range(first + 1, 5):
            apart = np.abs(second_difference(values, first, second)).max()
            if second - first > interactions:
                assert apart < 1e-12
            else:
                assert apart > 1e-3


def test_rewards_are_means_of_uniform_numbers():
    """With all interactions each reward is the mean of 4 uniform numbers: mean 1/2, variance 1/48.

    The first decision's part is shared, so that only the last parts are all different: over
    many landscapes the mean of one reward is Bates-distributed.
    """
    rewards = [Landscape(4, 2, 3, seed=seed).look((1, 0, 1, 1)).mean for seed in range(500)]
    uniform = np.random.default_rng(0).random((20_000, 4)).mean(1)
    assert stats.ks_2samp(rewards, uniform).pvalue > 1e-3


def test_the_seed_draws_the_landscape():
    """The same seed the same one, another seed another one."""
    one, same, other = (everything(Landscape(3, 3, 1, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)


def test_without_deviation_an_evaluation_is_exact():
    """Whatever the job's seed."""
    table = Landscape(3, 3, 1)
    evaluate = TabularEvaluator(table)
    architecture = table.space.decode((0, 1, 2))
    assert evaluate.noise == "mean"
    rewards = {evaluate(Job(0, architecture, seed)).reward for seed in range(5)}
    assert rewards == {table.look((0, 1, 2)).mean}


def test_deviation_is_the_standard_deviation_of_an_evaluation():
    """Normal around the mean, which the metrics hold."""
    table = Landscape(3, 3, 1, deviation=0.25)
    evaluate = TabularEvaluator(table)
    architecture = table.space.decode((0, 1, 2))
    mean = table.look((0, 1, 2)).mean
    assert evaluate.noise == "seeds"
    outcomes = [evaluate(Job(0, architecture, seed)) for seed in range(1500)]
    assert {o.metrics["mean"] for o in outcomes} == {mean}
    drawn = [(o.reward - mean) / 0.25 for o in outcomes]
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert TabularEvaluator(table, "mean")(Job(0, architecture, 1)).reward == mean


def test_five_hundred_decisions_are_no_matter():
    """The best of independent parts is the sum of their bests, each the best of 2 uniform: 2/3."""
    table = Landscape(500, 2, 0)
    assert table.best == pytest.approx(2 / 3, abs=0.04)
    answers = table.space.sample(1, 0, over="decisions")[0]
    assert table.look(answers).mean == pytest.approx(0.5, abs=0.06)


def test_the_space_has_as_many_decisions_and_options():
    """3 decisions of 4: 64 architectures."""
    space = Landscape(3, 4).space
    assert space.size == 64
    assert [d.num_options for d in space.decisions] == [4, 4, 4]
    assert len({space.decode(answers) for answers in space.enumerate()}) == 64


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decisions": 0}, "decisions must be at least 1, got 0"),
        ({"options": 1}, "options must be at least 2, got 1"),
        ({"interactions": 6}, "interactions must be at most 5, got 6"),
        ({"interactions": -1}, "interactions must be at least 0, got -1"),
        ({"deviation": -0.1}, "deviation must be from 0 to a million, got -0.1"),
        ({"deviation": float("nan")}, "deviation must be from 0 to a million, got nan"),
        ({"decisions": 20, "options": 10, "interactions": 8}, "more than 20,000,000 contributions"),
    ],
)
def test_landscapes_that_cannot_be_made_are_refused(settings, message):
    """The message has the parameter, its bounds, and what came."""
    with pytest.raises(SettingError, match=message):
        Landscape(**settings)


@pytest.mark.parametrize("interactions", [0, 2, 5])
def test_over_filters_and_links_the_best_is_that_of_all_answers(interactions):
    """Two layers: 64 x 64 filters and one link, by brute force; rewards lie in [0, 1]."""
    table = ConvLandscape(depth=2, interactions=interactions, seed=3)
    means = [table.look(answers).mean for answers in table.space.enumerate()]
    assert len(means) == 64 * 64 * 2
    assert table.best == pytest.approx(max(means), abs=1e-12)
    assert 0 <= min(means) < max(means) <= 1


def test_a_link_matters():
    """With it the same filters have another reward."""
    table = ConvLandscape(depth=2, interactions=1, seed=3)
    assert table.look((0,) * 6 + (1,)).mean != table.look((0,) * 7).mean


@pytest.mark.parametrize("settings", [{"depth": 0}, {"interactions": 7}, {"deviation": -1.0}])
def test_settings_of_a_conv_landscape_out_of_range_are_refused(settings):
    """With the key in the message."""
    with pytest.raises(SettingError, match=next(iter(settings))):
        ConvLandscape(**settings)
