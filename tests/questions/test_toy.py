"""The review's toy example: where its descents go, and what REINFORCE does with it."""

import math
from typing import ClassVar

import numpy as np
import pytest

from reinas import Outcome
from reinas.errors import ReinasError
from reinas.executors.base import AbstractExecutor, Status
from reinas.questions.toy import (
    REVIEW_LOSSES,
    REVIEW_STARTS,
    DescentPoint,
    closed_form,
    descend,
    reinforce,
    stations,
    train_children,
)
from reinas.spaces.toy import ToyArchitecture

LOSSES = np.array([[0.0535, 91.1902], [0.3961, 34.4771]])  # the review's, by h then g


def objective(theta):
    """J of section 7 and its gradient, written with outer products instead of four terms."""
    c, w1, b1, w2, b2 = theta
    p1 = 1 / (1 + math.exp(-c))
    row = np.array([1 - p1, p1])
    h = np.tanh(np.array([b1, w1 + b1]))
    p2 = 1 / (1 + np.exp(-(w2 * h + b2)))
    given = (1 - p2) * LOSSES[:, 0] + p2 * LOSSES[:, 1]
    d_logit = row * p2 * (1 - p2) * (LOSSES[:, 1] - LOSSES[:, 0])
    d_hidden = d_logit * w2 * (1 - h * h)
    gradient = np.array(
        [
            p1 * (1 - p1) * (given[1] - given[0]),
            d_hidden[1],
            d_hidden.sum(),
            d_logit @ h,
            d_logit.sum(),
        ]
    )
    joint = np.outer(row, [1, 1]) * np.stack([1 - p2, p2], axis=1)
    return row @ given, gradient, joint


@pytest.fixture(scope="module")
def own_descents():
    """Theta at some steps of plain gradient descent from each start, steps of size 1."""
    found = []
    for start in REVIEW_STARTS:
        theta = np.array(start, dtype=float)
        kept = {}
        for step in range(100_001):
            if step in (0, 1, 100, 1000, 10_000, 100_000):
                kept[step] = theta.copy()
            theta = theta - objective(theta)[1]
        found.append(kept)
    return found


@pytest.fixture(scope="module")
def descents():
    """The study's own descents."""
    return [list(descend(start, REVIEW_LOSSES)) for start in REVIEW_STARTS]


def test_the_reviews_numbers_are_the_reviews():
    """Losses by (h, g) and the three starts (docs/review.md)."""
    assert {a: LOSSES[a] for a in REVIEW_LOSSES} == REVIEW_LOSSES
    assert REVIEW_STARTS == ((-8, 77, 77, 0, -8), (5, 1, 1, 5, 5), (15, 0, 0, 3, -15))


@pytest.mark.parametrize("start", [0, 1, 2])
def test_the_descent_is_plain_arithmetic(start, descents, own_descents):
    """At steps 1 to 100,000 theta and J are those of a descent written once more in NumPy."""
    points = {point.step: point for point in descents[start]}
    for step, theta in own_descents[start].items():
        np.testing.assert_allclose(points[step].theta, theta, rtol=1e-6, atol=1e-6)
        value, gradient, _ = objective(theta)
        assert points[step].expected == pytest.approx(value, rel=1e-6)
        assert points[step].gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-4)


@pytest.mark.parametrize("start", [0, 1])
def test_both_descents_reach_the_best_child(start, own_descents, descents):
    """After 100,000 steps of size 1 nearly all probability is at (linear, linear)."""
    value, _, joint = objective(own_descents[start][100_000])
    assert joint[0, 0] > 0.999
    assert value == pytest.approx(0.0535, abs=1e-3)
    assert descents[start][-1].step == 100_000
    assert descents[start][-1].likeliest == (0, 0)


def test_the_second_descent_rests_on_a_plateau(own_descents, descents):
    """From (5, 1, 1, 5, 5) it is at (sigmoid, linear) from step 1,000 to 10,000, and goes on."""
    for step in (1000, 10_000):
        value, gradient, joint = objective(own_descents[1][step])
        assert joint[1, 0] > 0.99
        assert value == pytest.approx(0.3961, abs=0.01)
        assert np.linalg.norm(gradient) < 1e-4
    assert [child for child, _, _ in stations(descents[1])] == [(1, 1), (1, 0), (0, 0)]


def test_a_descent_keeps_the_marks_and_the_last_step():
    """Steps 0, 1, 2, 5, 10, 20, 50, ... and the last."""
    steps = [p.step for p in descend((0, 0, 0, 0, 0), REVIEW_LOSSES, steps=130)]
    assert steps == [0, 1, 2, 5, 10, 20, 50, 100, 130]


def test_one_step_of_size_a_half_worked_by_hand():
    """At theta = 0 all children have 1/4: J = 31.529..., dJ/dc = -7.046..., dJ/db2 = 31.30...."""
    point, gradient = closed_form((0, 0, 0, 0, 0), REVIEW_LOSSES)
    assert point.expected == pytest.approx((0.0535 + 91.1902 + 0.3961 + 34.4771) / 4)
    d_c = ((0.3961 + 34.4771) / 2 - (0.0535 + 91.1902) / 2) / 4
    d_b2 = ((91.1902 - 0.0535) + (34.4771 - 0.3961)) / 8
    assert gradient == pytest.approx((d_c, 0, 0, 0, d_b2))
    last = list(descend((0, 0, 0, 0, 0), REVIEW_LOSSES, steps=1, rate=0.5))[-1]
    assert last.theta == pytest.approx((-d_c / 2, 0, 0, 0, -d_b2 / 2))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_reinforce_lowers_the_expected_loss(seed):
    """From a fresh start near 0, J falls from about 31 to below 1 in 500 batches of 8."""
    points = list(reinforce(REVIEW_LOSSES, seed=seed, marks=(1, 500)))
    assert [p.step for p in points] == [1, 500]
    first, last = (objective(p.theta)[0] for p in points)
    assert first == pytest.approx(31.5, abs=4)
    assert last < 1
    assert [p.expected for p in points] == pytest.approx([first, last])


def test_reinforce_follows_its_seed():
    """The same seed gives the same path, another seed another."""
    paths = [list(reinforce(REVIEW_LOSSES, seed=s, marks=(20,))) for s in (3, 3, 4)]
    assert paths[0] == paths[1] != paths[2]


def test_the_likeliest_child_is_the_largest_of_the_four():
    """Against the joint probabilities, at random thetas."""
    rng = np.random.default_rng(0)
    for theta in rng.normal(0, 3, (200, 5)):
        point, _ = closed_form(tuple(theta), REVIEW_LOSSES)
        joint = objective(theta)[2]
        assert point.likeliest == np.unravel_index(joint.argmax(), (2, 2))
        assert point.first == pytest.approx(joint[1].sum())
        assert point.second == pytest.approx(tuple(joint[:, 1] / joint.sum(1)))


def test_far_out_nothing_overflows():
    """Logits of +-1000 give probabilities 0 and 1, and a gradient of 0."""
    point, gradient = closed_form((-1000, 0, 5, 1000, -2000), REVIEW_LOSSES)
    assert point.expected == 0.0535
    assert gradient == (0, 0, 0, 0, 0)


def test_stations_are_runs_of_the_same_likeliest_child():
    """Child, the step at which it became likeliest, and the last point there."""

    def at(step, first, second):
        return DescentPoint(step, (0,) * 5, 0.0, 0.0, first, second)

    points = [at(0, 0.9, (0.1, 0.9)), at(1, 0.8, (0.1, 0.8)), at(2, 0.8, (0.1, 0.2))]
    assert stations(points) == [((1, 1), 0, points[1]), ((1, 0), 2, points[2])]
    assert stations([]) == []


class Canned(AbstractExecutor):
    """Yields fixed outcomes, the last job first."""

    settings: ClassVar = {"name": "canned"}

    def __init__(self, fails=None):
        self.fails = fails
        self.jobs = []

    def open(self):
        pass

    def status(self):
        return Status()

    def run(self, evaluate, jobs):
        self.jobs = list(jobs)
        for job in reversed(self.jobs):
            if job.trial == self.fails:
                yield job, Outcome(None, error="it broke")
            else:
                yield job, Outcome(0.5, metrics={"loss": float(job.trial)})

    def close(self):
        pass


def test_each_child_is_trained_once_per_seed():
    """The four children of a round share its seed; the order in which they finish is irrelevant."""
    executor = Canned()
    ticks = []
    losses = train_children(3, executor, seed=9, on_child=lambda: ticks.append(1))
    assert losses == {(0, 0): [0, 4, 8], (0, 1): [1, 5, 9], (1, 0): [2, 6, 10], (1, 1): [3, 7, 11]}
    assert len(ticks) == 12
    assert [job.architecture for job in executor.jobs[:4]] == [
        ToyArchitecture(h, g) for h in ("linear", "sigmoid") for g in ("linear", "sigmoid")
    ]
    seeds = [{job.seed for job in executor.jobs[k : k + 4]} for k in (0, 4, 8)]
    assert [len(s) for s in seeds] == [1, 1, 1]
    assert len(set.union(*seeds)) == 3


def test_a_child_that_cannot_be_trained_stops_the_study():
    """A missing loss would spoil the table: the reason is passed on."""
    with pytest.raises(ReinasError, match="a toy child could not be trained: it broke"):
        train_children(1, Canned(fails=2))
