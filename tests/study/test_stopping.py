"""Rules of early stopping, against examples worked by hand and brute force."""

import itertools
from collections import Counter

import numpy as np
import pytest

from reinas.errors import InvalidSettingError
from reinas.study.stopping import Asha, Hyperband, Median, Progress, checked_rungs, cut

# nine children of nine epochs: the scores after epochs 1, 3 and 9
NINE = {
    0: (0.50, 0.60, 0.70),
    1: (0.40, 0.90, 0.95),
    2: (0.80, 0.55, 0.60),
    3: (0.10, 0.10, 0.10),
    4: (0.70, 0.75, 0.80),
    5: (0.20, 0.99, 0.99),
    6: (0.70, 0.70, 0.90),
    7: (0.30, 0.30, 0.30),
    8: (0.60, 0.85, 0.99),
}
RUNGS = (1, 3, 9)


def at(trial, step, *, complete=False, scores=None):
    """A child of NINE up to a step."""
    known = zip(RUNGS, scores or NINE[trial], strict=True)
    return Progress(trial, 9, tuple((s, v) for s, v in known if s <= step), complete)


def survivors(rule, trials, step):
    """All at once: those that go on after a rung that all of them have come to."""
    return [
        t
        for t in trials
        if rule.goes_on(step, at(t, step), [at(o, step) for o in trials if o != t])
    ]


def test_the_survivors_of_nine_by_hand():
    """A third of nine, 2 (0.8), 4 and 6 (0.7 each); of their scores at 3 the best is 4's 0.75."""
    rule = Asha(eta=3)
    assert survivors(rule, range(9), 1) == [2, 4, 6]
    assert survivors(rule, [2, 4, 6], 3) == [4]


def test_asynchronous_decisions_by_hand():
    """One after the other: the first goes on, then whoever is in the best third by then."""
    rule, seen, on = Asha(eta=3), [], []
    for trial in range(9):
        if rule.goes_on(1, at(trial, 1), seen):
            on.append(trial)
        seen.append(at(trial, 1))
    # 0: first; 1: worse; 2: best of 3; 3: worst; 4: second of 5, one place; 5: sixth; 6: equal to
    # 4, so third of 7, two places; 7: of 8; 8: fourth of 9, three places
    assert on == [0, 2]


@pytest.mark.parametrize(("eta", "least"), list(itertools.product((2, 3, 4), (1, 2))))
def test_halving_keeps_the_best_floor_of_n_over_eta(eta, least):
    """Against a sort, for random scores with ties."""
    rng = np.random.default_rng(eta * 10 + least)
    rule = Asha(eta, least)
    for n in range(1, 30):
        scores = rng.integers(0, 6, n).tolist()
        children = [Progress(t, 50, ((least, float(s)),)) for t, s in enumerate(scores)]
        others = {c.trial: [o for o in children if o != c] for c in children}
        kept = [c.trial for c in children if rule.goes_on(least, c, others[c.trial])]
        order = sorted(range(n), key=lambda t: (-scores[t], t))
        assert kept == sorted(order[: max(1, n // eta)])


@pytest.mark.parametrize(
    ("steps", "rungs"), [(1, (1,)), (2, (1, 2)), (9, (1, 3, 9)), (10, (1, 3, 9, 10))]
)
def test_the_rungs_of_asha(steps, rungs):
    """1, 3, 9, ... below the last step, and that."""
    assert Asha().rungs(7, steps) == rungs
    assert checked_rungs(Asha(), 7, steps) == rungs


def test_the_brackets_of_hyperband_have_the_papers_proportions():
    """Li et al. 2018, algorithm 1 with R = 81, eta = 3: n = 81, 34, 15, 8 and 5."""
    rule = Hyperband()
    dealt = [rule.bracket(trial, 81) for trial in range(286)]
    assert Counter(dealt[:143]) == {0: 81, 1: 34, 2: 15, 3: 8, 4: 5}
    assert dealt[:143] == dealt[143:]
    firsts = {rule.bracket(t, 81): rule.rungs(t, 81) for t in range(143)}
    assert firsts == {k: tuple(3**i for i in range(k, 5)) for k in range(5)}


def test_hyperband_compares_within_a_bracket():
    """A child is the best of its own bracket, however good the others are."""
    rule = Hyperband()
    low = [t for t in range(40) if rule.bracket(t, 9) == 0]
    other = next(t for t in range(40) if rule.bracket(t, 9) == 1)
    mine = Progress(low[0], 9, ((3, 0.1),))
    better = Progress(other, 9, ((3, 0.9),))
    assert rule.goes_on(3, mine, [better])
    assert not rule.goes_on(3, mine, [Progress(low[1], 9, ((3, 0.9),))])


def test_the_median_rule_by_hand():
    """The best score so far against the median of the means of what was trained whole."""
    rule = Median()
    # means by step 3: 0.55, 0.65, 0.675; their median is 0.65
    others = [at(0, 3, complete=True), at(1, 3, complete=True), at(2, 3, complete=True)]
    assert not rule.goes_on(3, at(3, 3, scores=(0.2, 0.64, 0)), others)
    assert rule.goes_on(3, at(3, 3, scores=(0.65, 0.1, 0)), others)
    assert rule.goes_on(3, at(3, 3), [at(1, 3)])  # nothing was trained whole


def test_the_rungs_of_the_median_rule():
    """From the first on, every so many steps, and the last."""
    assert Median(least=2, every=3).rungs(0, 9) == (2, 5, 8, 9)
    assert Median(least=20).rungs(0, 9) == (9,)


@pytest.mark.parametrize("rule", [Asha(2, 1), Hyperband(3, 2), Median(2, 2)])
def test_a_child_that_is_best_goes_on(rule):
    """No rule gives up what is better than everything else."""
    others = [Progress(t, 9, ((4, t / 20),), complete=True) for t in range(1, 20)]
    assert rule.goes_on(4, Progress(0, 9, ((4, 1.0),)), others)


def test_reports_up_to_a_step():
    """Up to the first at or after it; a child that has ended stands with its last."""
    reports = ((1, 0.1), (3, 0.3), (6, 0.6))
    assert cut(reports, 3, ended=False) == reports[:2]
    assert cut(reports, 4, ended=False) == reports
    assert cut(reports, 7, ended=False) is None
    assert cut(reports, 7, ended=True) == reports
    assert cut((), 1, ended=True) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Asha(eta=1), "stopping.eta must be at least 2, got 1"),
        (lambda: Hyperband(least=0), "stopping.least must be at least 1, got 0"),
        (lambda: Median(every=0), "stopping.every must be at least 1, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    """With the key and the value."""
    with pytest.raises(InvalidSettingError, match=message):
        make()


def test_rungs_that_do_not_ascend_to_the_last_step_are_refused():
    """A rule of one's own may get them wrong."""

    class Wrong(Asha):
        def rungs(self, trial, steps):
            return (3, 1, steps)

    with pytest.raises(InvalidSettingError, match=r"ascend to 9, the last; got \(3, 1, 9\)"):
        checked_rungs(Wrong(), 0, 9)
