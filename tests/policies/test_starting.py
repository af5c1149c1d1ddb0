"""A policy that begins with given architectures, beside the policy that it wraps."""

import numpy as np
import pytest

from reinas import BayesianSearch, ConvSpace, MlpSpace, Outcome, RandomSearch, Trial, independent
from reinas.policies.starting import StartingWith
from reinas.testing import PolicyContract

SPACE = MlpSpace(depth=2, widths=(4, 8, 16))
LENGTH = len(SPACE.decisions)
STARTS = SPACE.sample(3, 7)


class TestRandom(PolicyContract):
    """Around a policy without a memory."""

    def make(self, space):
        return StartingWith(RandomSearch(space), space.sample(3, 5))


class TestLearning(PolicyContract):
    """Around a policy that learns; the contract's batches end within the starts and after."""

    def make(self, space):
        return StartingWith(independent(space, learning_rate=0.1), space.sample(6, 5))


class TestBayesian(PolicyContract):
    """Around the policy that `fit` uses."""

    def make(self, space):
        return StartingWith(BayesianSearch(space, start=4, seed=1), space.sample(2, 5))


class TestNoStarts(PolicyContract):
    """Nothing to begin with: the other policy alone."""

    def make(self, space):
        return StartingWith(RandomSearch(space), ())


def trials(proposed, first=0):
    """Every proposal with a reward that depends on its answers."""
    return [
        Trial(first + k, 0, answers, Outcome(1 / (1 + sum(answers))))
        for k, answers in enumerate(proposed)
    ]


def run(policy, counts, first=0):
    """All proposals, batch by batch, with the batch's number as its seed."""
    proposed = []
    for seed, count in counts:
        batch = policy.propose(count, length=LENGTH, seed=seed)
        policy.update(trials(batch, first + len(proposed)))
        proposed += batch
    return proposed


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 2, 2), (3, 3), (5, 1), (7,), (1, 6)])
def test_the_starts_come_first_in_their_order_and_once(sizes):
    """However they are cut into batches; a proposal that equals a start by chance is not one."""
    policy = StartingWith(RandomSearch(SPACE), STARTS)
    proposed = run(policy, list(enumerate(sizes)))
    assert proposed[:3] == STARTS
    assert len(proposed) == sum(sizes)
    rest = policy.propose(50, length=LENGTH, seed=99)
    assert rest == RandomSearch(SPACE).propose(50, length=LENGTH, seed=99)


def test_proposing_does_not_use_the_starts_up():
    """Only trials do: without an update the same start comes again."""
    policy = StartingWith(RandomSearch(SPACE), STARTS)
    assert policy.propose(1, length=LENGTH, seed=1) == STARTS[:1]
    assert policy.propose(2, length=LENGTH, seed=2) == STARTS[:2]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["learning", "bayesian"])
def test_after_the_starts_it_is_the_other_policy_after_the_same_trials(size, kind):
    """Another one that was only told about them proposes the same, batch after batch."""

    def make():
        if kind == "learning":
            return independent(SPACE, learning_rate=0.1)
        return BayesianSearch(SPACE, start=4, seed=1)

    policy, alone = StartingWith(make(), STARTS), make()
    seen = 0
    for seed in range(5):
        proposed = policy.propose(size, length=LENGTH, seed=seed)
        starts = STARTS[seen : seen + size]
        more = size - len(starts)
        wanted = starts + (alone.propose(more, length=LENGTH, seed=seed) if more else [])
        assert proposed == wanted
        batch = trials(proposed, seen)
        assert policy.update(batch) == alone.update(batch)
        seen += size


@pytest.mark.parametrize("stop", [0, 1, 2, 3, 4])
def test_it_resumes_in_the_middle(stop):
    """One at a time, stopped after so many: the same proposals as without the stop."""

    def make():
        return StartingWith(BayesianSearch(SPACE, start=4, seed=1), STARTS)

    whole = run(make(), [(seed, 1) for seed in range(7)])
    first, second = make(), make()
    begun = run(first, [(seed, 1) for seed in range(stop)])
    second.restore({key: np.array(value) for key, value in first.state().items()})
    assert begun + run(second, [(seed, 1) for seed in range(stop, 7)], stop) == whole


def test_starts_are_cut_to_the_length_that_is_asked_for():
    """As other proposals are."""
    space = ConvSpace(depth=3)
    start = space.sample(1, 0)[0]
    policy = StartingWith(RandomSearch(space), [start])
    short = space.lengths[0]
    assert policy.propose(1, length=short, seed=0) == [start[:short]]


def test_settings_are_the_other_policys_and_the_starts():
    """So that a search is not resumed with other starts."""
    inner = RandomSearch(SPACE)
    found = StartingWith(inner, STARTS).settings
    assert found == {**inner.settings, "starts": [list(answers) for answers in STARTS]}


def test_the_size_of_a_batch_is_the_other_policys():
    """The starts need none of their own."""
    inner = independent(SPACE, learning_rate=0.1)
    assert StartingWith(inner, STARTS).batch_size == inner.batch_size


def test_a_state_is_not_changed_by_what_follows():
    """And restoring does not change what was given."""
    policy = StartingWith(RandomSearch(SPACE), STARTS)
    state = policy.state()
    before = {key: np.array(value) for key, value in state.items()}
    run(policy, [(0, 2)])
    assert state.keys() == before.keys()
    assert all(np.array_equal(state[key], before[key]) for key in state)
    policy.restore(state)
    assert state.keys() == before.keys()
    assert policy.propose(1, length=LENGTH, seed=0) == STARTS[:1]
