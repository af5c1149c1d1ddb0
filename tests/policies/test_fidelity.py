"""Scores after different steps on one scale, by hand."""

import math

import numpy as np
import pytest

from reinas import BayesianSearch, Outcome, ProductSpace, Pruned, Trial
from reinas.policies.fidelity import DOUBT, comparable, doubts
from reinas.policies.history import History


def test_without_stopped_children_nothing_changes():
    """The very numbers."""
    values = [0.1, 0.7, 0.30000000000000004]
    assert comparable(values, [0] * 3, [{}] * 3).tolist() == values


def test_a_score_follows_those_that_went_on():
    """One went on from 0.5 to 0.8, so 0.4 after the same step stands for 0.7."""
    found = comparable([0.8, 0.4], [0, 1], [{1: 0.5}, {1: 0.4}])
    assert found == pytest.approx([0.8, 0.7])


def test_the_spread_shrinks_as_with_those_that_went_on():
    """Five went on; the median deviation fell from 0.1 to 0.05, the medians are 0.5 and 0.9."""
    before, after = (0.3, 0.4, 0.5, 0.6, 0.7), (0.8, 0.85, 0.9, 0.95, 1.0)
    curves = [{1: value} for value in before]
    found = comparable([*after, 0.1], [0] * 5 + [1], [*curves, {1: 0.1}])
    assert found[-1] == pytest.approx(0.9 + 0.5 * (0.1 - 0.5))


def test_rungs_are_connected_from_the_last_one_down():
    """From 3 to the end +0.1; from 1 to there, by the one stopped at 3 (0.5, 0.6 at last), ..."""
    values, steps = [0.9, 0.5, 0.2], [0, 3, 1]
    curves = [{1: 0.6, 3: 0.8}, {1: 0.4, 3: 0.5}, {1: 0.2}]
    # at rung 1: before 0.6 and 0.4, after 0.9 and 0.6; the medians are 0.5 and 0.75
    assert comparable(values, steps, curves) == pytest.approx([0.9, 0.6, 0.45])


def test_no_stopped_child_is_better_than_the_best_whole_one():
    """However good it looked."""
    assert comparable([0.8, 0.6], [0, 1], [{1: 0.5}, {1: 0.6}]).tolist() == [0.8, 0.8]


def test_a_history_keeps_what_was_stopped():
    """Steps and scores go through the state."""
    history = History(comparing=True)
    outcomes = [
        Outcome(0.8, reports=((1, 0.5), (3, 0.8))),
        Outcome(None, pruned=Pruned(1, 0.4), reports=((1, 0.4),)),
    ]
    history.add([Trial(n, 0, (n,), outcome) for n, outcome in enumerate(outcomes)])
    other = History(comparing=True)
    other.restore(history.state())
    assert other.curves == history.curves == [{1: 0.5, 3: 0.8}, {1: 0.4}]
    places = history.latest()
    assert np.array_equal(other.comparable(places), history.comparable(places))


def test_bayesian_search_is_not_misled_by_early_scores():
    """Eight of ten options were stopped early with low scores, in the order of their ends."""
    space = ProductSpace((("a", tuple(range(12))),))
    policy = BayesianSearch(space, start=4)
    trials = []
    for n in range(10):
        end, early = 0.5 + n / 20, 0.1 + n / 20
        outcome = Outcome(None, pruned=Pruned(1, early), reports=((1, early),))
        if n in (2, 3):  # the first of a rung go on, whatever they are
            outcome = Outcome(end, reports=((1, early), (3, end)))
        trials.append(Trial(n, 0, (n,), outcome))
    policy.update(trials)
    values = policy._history.comparable(np.arange(10))
    assert values.argmax() in (3, 9)
    assert values[9] == values[3] == pytest.approx(0.65)
    assert np.all(np.diff(values[:4]) > 0)


def test_the_earlier_a_child_was_stopped_the_less_its_score_says():
    """By the logarithm of the share of the steps; nothing is added for whole trainings."""
    found = doubts([0, 1, 9], [{1: 0.5, 9: 0.6, 27: 0.8}, {1: 0.4}, {1: 0.5, 9: 0.5}])
    assert found == pytest.approx([0, DOUBT * math.log(27), DOUBT * math.log(3)])
    assert doubts([0, 0], [{}, {}]).tolist() == [0, 0]


def trial(number, answer, outcome):
    return Trial(number, 0, (answer,), outcome)


def stopped(step, score):
    return Outcome(None, pruned=Pruned(step, score), reports=((step, score),))


@pytest.mark.parametrize("continuing", [False, True])
def test_children_that_were_stopped_stay_candidates_only_where_they_can_go_on(continuing):
    """Until they are trained whole, fail, or come no further."""
    history = History(comparing=True)
    history.continuing = continuing
    history.add(
        [trial(0, 0, Outcome(0.5)), trial(1, 1, stopped(1, 0.4)), trial(2, 2, stopped(1, 0.3))]
    )
    waiting = {(1,), (2,)} if continuing else set()
    assert history.known - history.settled == waiting
    history.add([trial(3, 1, stopped(3, 0.6)), trial(4, 2, stopped(1, 0.3))])
    assert history.known - history.settled == ({(1,)} if continuing else set())
    history.add([trial(5, 1, Outcome(0.7))])
    assert history.settled == history.known
    assert history.latest().tolist() == ([0, 4, 5] if continuing else [0, 1, 2, 3, 4, 5])
    assert history.latest(4).tolist() == ([0, 2, 3] if continuing else [0, 1, 2, 3])
