"""One run: repeatable, and true to its table."""

import json

import numpy as np
import pytest

from compare.made import same
from reinas import Outcome, Trial
from reinas.compare.runs import Run, RunSpec, TimedPolicy, policy_of, run, table_of
from reinas.policies.evolution import Evolution
from reinas.spaces.nasbench201 import NasBench201Space
from reinas.store.packing import packed, unpacked

LANDSCAPE = {"name": "landscape", "decisions": 4, "options": 3, "interactions": 1}
SMALL = {"name": "landscape", "decisions": 2, "options": 2, "deviation": 0.5}
POLICIES = [
    {"name": "random"},
    {"name": "random", "replacement": False},
    {"name": "evolution", "population": 8, "sample": 4},
    {"name": "local"},
    {"name": "independent"},
    {"name": "zoph-le"},
    {"name": "tpe"},
]


def plan(policy=None, *, table=None, seed=0, evaluations=40, noise="mean", reuse=True, n=None):
    return RunSpec(
        table or LANDSCAPE, None, noise, policy or {"name": "random"}, n, evaluations, reuse, seed
    )


def test_the_timed_policy_behaves_like_the_policy():
    """Proposals, state and diagnostics are the policy's own, with the time beside them."""
    space = NasBench201Space()
    bare = Evolution(space, population=3, sample=2)
    clock = TimedPolicy(Evolution(space, population=3, sample=2))
    assert clock.settings == bare.settings
    for number in range(6):
        proposed = bare.propose(2, length=6, seed=number)
        assert clock.propose(2, length=6, seed=number) == proposed
        trials = [
            Trial(2 * number + k, number, a, Outcome(1.0 * k)) for k, a in enumerate(proposed)
        ]
        said = dict(clock.update(trials))
        assert said.pop("own_seconds") > 0
        assert said == bare.update(trials)
    other = TimedPolicy(Evolution(space, population=3, sample=2))
    other.restore(clock.state())
    assert other.propose(4, length=6, seed=9) == bare.propose(4, length=6, seed=9)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: "-".join(map(str, p.values())))
def test_the_same_specification_gives_the_same_run(policy):
    """To the last bit; another seed gives another run."""
    assert same(run(plan(policy, seed=7)), run(plan(policy, seed=7)))
    assert not same(run(plan(policy, seed=7)), run(plan(policy, seed=8)))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: "-".join(map(str, p.values())))
def test_rewards_are_those_of_the_table(policy):
    """Each reward is a value of the landscape; the policy's time is measured."""
    table = table_of(LANDSCAPE)
    known = np.array([table.look(answers).mean for answers in table.space.enumerate()])
    result = run(plan(policy, evaluations=37))
    assert result.rewards.shape == (37,)
    assert np.isin(result.rewards, known).all()
    assert np.array_equal(result.rewards, result.means)
    assert np.isnan(result.reported).all()
    assert result.own_seconds > 0


def test_places_are_the_first_evaluation_of_the_same_architecture():
    """Equal places mean equal rewards; different architectures have different ones here."""
    result = run(plan(evaluations=200))
    for number, place in enumerate(result.places):
        assert place <= number
        assert result.places[place] == place
        assert result.rewards[place] == result.rewards[number]
    firsts = np.unique(result.places)
    assert len(set(result.rewards[firsts])) == len(firsts)


def test_a_reused_outcome_is_equal_and_a_repeated_evaluation_is_drawn_again():
    """Four architectures, noisy rewards: reuse has at most four different rewards, train many."""
    reused = run(plan(table=SMALL, noise="seeds", reuse=True))
    trained = run(plan(table=SMALL, noise="seeds", reuse=False))
    assert len(set(reused.rewards)) == len(np.unique(reused.places)) <= 4
    assert len(set(trained.rewards)) == 40
    assert len(np.unique(trained.places)) <= 4
    assert len(set(trained.means)) == len(np.unique(trained.places))


def test_a_reused_outcome_costs_nothing(tmp_path):
    """A table with costs: 5 s once per architecture, or 5 s per evaluation."""
    path = tmp_path / "t.csv"
    path.write_text("a,r,s\n1,0.1,5\n2,0.2,5\n")
    table = {
        "name": "csv",
        "path": str(path),
        "decisions": ["a"],
        "reward": ["r"],
        "cost": "s",
    }
    reused, trained = (run(plan(table=table, reuse=reuse)) for reuse in (True, False))
    assert reused.seconds.sum() == 10
    assert trained.seconds.sum() == 200


def test_failures_are_not_numbers_and_the_reported_metric_is_kept(tmp_path):
    """The row (2, y) is missing."""
    path = tmp_path / "t.csv"
    path.write_text("a,b,r,test\n1,x,0.1,10\n1,y,0.2,20\n2,x,0.3,30\n")
    table = {
        "name": "csv",
        "path": str(path),
        "decisions": ["a", "b"],
        "reward": ["r"],
        "report": "test",
    }
    result = run(plan({"name": "random", "replacement": False}, table=table, evaluations=4, n=1))
    assert sorted(result.rewards[~np.isnan(result.rewards)]) == [0.1, 0.2, 0.3]
    assert np.isnan(result.rewards).sum() == 1
    np.testing.assert_allclose(result.reported, 100 * result.rewards)


def test_each_policy_has_its_own_batch_size_by_default():
    """Random search draws 8 at a time: another batch size is another search."""
    assert same(run(plan(n=None)), run(plan(n=8)))
    assert not same(run(plan(n=None)), run(plan(n=5)))
    evolution = {"name": "evolution"}
    assert same(run(plan(evolution, n=None)), run(plan(evolution, n=1)))


def test_a_longer_run_begins_like_a_shorter_one():
    """The evaluations so far do not depend on how many will come."""
    for policy in POLICIES:
        short, long = run(plan(policy, evaluations=16)), run(plan(policy, evaluations=32))
        assert np.array_equal(short.rewards, long.rewards[:16])


def test_initial_weights_follow_the_seed_unless_given():
    """Two seeds begin with different controllers; a seed of the settings is kept."""
    space = NasBench201Space()

    def weights(settings, seed):
        state = policy_of(settings, space, seed).state()
        return np.concatenate([value.ravel() for value in state.values()])

    plain, fixed = {"name": "zoph-le"}, {"name": "zoph-le", "seed": 3}
    assert np.array_equal(weights(plain, 0), weights(plain, 0), equal_nan=True)
    assert not np.array_equal(weights(plain, 0), weights(plain, 1), equal_nan=True)
    assert np.array_equal(weights(fixed, 0), weights(fixed, 1), equal_nan=True)


def test_a_run_is_kept_as_bytes():
    """Through packing and back: equal to the last bit, also without numbers."""
    result = run(plan(evaluations=10))
    again = Run.of_state(unpacked(packed(result.state())))
    assert same(result, again)
    assert again.own_seconds == result.own_seconds


def test_settings_are_json():
    """With everything that makes a run what it is."""
    settings = json.loads(json.dumps(plan(seed=5).settings))
    assert settings["seed"] == 5
    assert settings["table"] == LANDSCAPE
    assert {"data", "noise", "policy", "batch_size", "evaluations", "reuse"} < settings.keys()
