"""The figures' data, against numbers computed here."""

import numpy as np
import pytest

from reinas import Outcome, Trial
from reinas.report.figures import entropy, rewards
from reinas.report.trials import finished_trials
from reinas.types import Pruned


def outcome(number, result):
    """Of a reward, an early stop, or None."""
    if isinstance(result, Pruned):
        return Outcome(None, pruned=result)
    return Outcome(None, error=f"reason {number}") if result is None else Outcome(result)


def trials(results, repeats=()):
    """Trials with these outcomes; None is a failure; `repeats` are numbers of repeats."""
    return finished_trials(
        Trial(
            n,
            n // 4,
            (n,),
            outcome(n, r),
            0 if n in repeats else None,
        )
        for n, r in enumerate(results)
    )


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def numbers(values):
    return np.asarray(values, float).tolist()


RESULTS = [None, 0.2, 0.5, 0.5, None, 0.4, 0.9, 0.1]


def test_every_trial_is_a_point_of_its_kind():
    """Trained, repeated, failed: each trial once, failed ones at 0 with their reason."""
    found = traces(rewards(trials(RESULTS, repeats={3})))
    assert list(found["trained"].x) == [1, 2, 5, 6, 7]
    assert numbers(found["trained"].y) == [0.2, 0.5, 0.4, 0.9, 0.1]
    assert list(found["repeat"].x) == [3]
    assert list(found["failed"].x) == [0, 4]
    assert numbers(found["failed"].y) == [0, 0]
    assert list(found["failed"].text) == ["reason 0", "reason 4"]


def test_pruned_trials_are_faint_and_never_the_best():
    """At their last score; the mean has them with that score."""
    found = traces(rewards(trials([0.2, Pruned(3, 0.8), 0.4])))
    assert numbers(found["pruned"].y) == [0.8]
    assert found["pruned"].marker.opacity < 0.5
    assert numbers(found["best so far"].y) == [0.2, 0.2, 0.4]
    line = traces(rewards(trials([Pruned(1, 0.5)] * 16)))["mean of the last 16"]
    assert numbers(line.y) == [0.5]


def test_kinds_that_do_not_occur_have_no_trace():
    """Nothing failed, nothing was repeated: nothing of it in the legend."""
    assert set(traces(rewards(trials([0.1, 0.2])))) == {"trained", "best so far"}


def test_best_so_far_never_falls():
    """The running maximum, failed trials counting as 0."""
    line = traces(rewards(trials(RESULTS)))["best so far"]
    assert list(line.x) == list(range(8))
    assert numbers(line.y) == [0, 0.2, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9]
    assert line.line.shape == "hv"


def test_the_moving_mean_is_over_the_last_sixteen_trials():
    """It begins with the sixteenth; failed trials count as 0."""
    rng = np.random.default_rng(0)
    results = [None if n % 5 == 0 else float(rng.random()) for n in range(40)]
    line = traces(rewards(trials(results)))["mean of the last 16"]
    values = [r or 0.0 for r in results]
    assert list(line.x) == list(range(15, 40))
    wanted = [sum(values[n - 15 : n + 1]) / 16 for n in range(15, 40)]
    assert numbers(line.y) == pytest.approx(wanted)


def test_fewer_than_sixteen_trials_have_no_moving_mean():
    """Fifteen do not, sixteen do."""
    assert "mean of the last 16" not in traces(rewards(trials([0.5] * 15)))
    assert numbers(traces(rewards(trials([0.5] * 16)))["mean of the last 16"].y) == [0.5]


def test_no_trials_give_an_empty_figure():
    """Axes with their titles, no traces."""
    figure = rewards([])
    assert len(figure.data) == 0
    assert figure.layout.xaxis.title.text == "trial"


def test_failures_only_are_a_line_at_zero():
    """The best of nothing is 0."""
    found = traces(rewards(trials([None, None])))
    assert set(found) == {"failed", "best so far"}
    assert numbers(found["best so far"].y) == [0, 0]


def test_entropy_is_drawn_over_the_batches_that_have_it():
    """Rows of policies that do not say it are left out."""
    figure = entropy([{"batch": 0, "entropy": 3.0}, {"batch": 1}, {"batch": 2, "entropy": 1.5}])
    (trace,) = figure.data
    assert list(trace.x) == [0, 2]
    assert list(trace.y) == [3.0, 1.5]
