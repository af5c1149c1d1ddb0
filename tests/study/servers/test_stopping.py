"""Early stopping with replicas: one is the synchronous search; with many every child is judged."""

import asyncio
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from reinas import Asynchronous, Budget, MemoryStore, Store, search
from reinas.study.servers import driver as driver_module
from study.servers.local import Plan
from study.stepped import RULES, SPACE, STEPS, Stepped, story


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Snapshots follow closely, and lost servers come back soon."""
    monkeypatch.setattr(driver_module, "PAUSE", 0.002)


def plan(store=None, rule="asha", replicas=1, trials=22, **more):
    return Plan(
        store or MemoryStore(),
        Asynchronous(replicas),
        trials=trials,
        space=SPACE,
        evaluator=Stepped(),
        stopping=RULES[rule],
        **more,
    )


def synchronous(own):
    """The same search without servers."""
    return search(
        own.space,
        own.policy(own.space),
        own.evaluator,
        budget=Budget(own.trials),
        batch_size=own.batch_size,
        seed=own.seed,
        name=own.name,
        stopping=own.stopping,
    ).record


@pytest.fixture(scope="module")
def truth():
    """The synchronous searches."""
    return {rule: story(synchronous(plan(rule=rule))) for rule in RULES}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_one_replica_is_the_synchronous_search(rule, seed, truth):
    """Trials, outcomes, reports and diagnostics, whatever the pace and whatever is lost."""
    own = plan(rule=rule)
    own.run(seed=seed, faults=0.05 * seed)
    assert story(own.log()) == truth[rule]
    assert {t.state for t in own.log().all_trials()} >= {"pruned", "complete"}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_stops_change_nothing_with_one_replica(rule, seed, truth, tmp_path):
    """Cancelled at any moment and opened anew from its file, again and again."""
    draw, stops = random.Random(seed), 0
    for _ in range(200):
        own = plan(Store(tmp_path / "s.db"), rule)
        moments = math.inf if stops > 8 else draw.randrange(1, 150)
        _, ended = own.run(moments=moments, seed=draw.random())
        if ended:
            break
        stops += 1
    assert stops > 0
    assert story(own.log()) == truth[rule]


def judged(record):
    """Every child came to its end, was given up at a rung, or failed; of repeats nothing is asked.

    The number of those that were trained whole.
    """
    whole = 0
    for trial in record.finished():
        if trial.repeat_of is not None:
            original = record.trial(trial.repeat_of).outcome
            assert trial.outcome == replace(original, seconds=0.0)
        elif trial.state == "pruned":
            assert trial.outcome.pruned.step in (1, 3)
            assert trial.outcome.reports[-1] == (
                trial.outcome.pruned.step,
                trial.outcome.pruned.score,
            )
        elif trial.state == "complete":
            whole += 1
            assert [step for step, _ in trial.outcome.reports] in (
                [1, 2, 3, 4],  # one in nine ends there
                list(range(1, STEPS + 1)),
            )
        else:
            assert "one in nine" in trial.outcome.error
    return whole


@pytest.mark.parametrize("seed", range(3))
def test_with_many_replicas_most_children_are_given_up(seed):
    """All are judged; the best at a rung so far went on, and no more than asha lets through."""
    own = plan(replicas=4, trials=120)
    own.run(seed=seed)
    record = own.log()
    assert len(record.finished()) == 120
    own_trials = [t for t in record.finished() if t.repeat_of is None]
    whole = judged(record)
    assert 1 <= whole < len(own_trials) / 3
    assert len(record.updates()) == 30


@pytest.mark.parametrize("seed", range(3))
def test_many_replicas_are_stopped_and_go_on(seed, tmp_path):
    """However often: every trial is judged once, every batch learned from once."""
    draw, stops = random.Random(seed), 0
    for _ in range(200):
        own = plan(Store(tmp_path / "s.db"), replicas=3, trials=40)
        moments = math.inf if stops > 6 else draw.randrange(5, 80)
        if own.run(moments=moments, seed=draw.random(), faults=0.02)[1]:
            break
        stops += 1
    record = own.log()
    assert stops > 0
    assert [t.number for t in record.finished()] == list(range(40))
    assert judged(record) >= 1
    assert sorted(u.batch for u in record.updates()) == list(range(10))


def test_time_that_is_over_leaves_the_rest_for_later():
    """What is paused waits; with more time the search comes to its end."""

    async def slow(job):
        await asyncio.sleep(0.03)

    own = plan(trials=40, replicas=2)
    own.run(seconds=0.05, gate=slow)
    assert len(own.log().finished()) < 40
    own.run()
    assert len(own.log().finished()) == 40
    judged(own.log())


def test_a_batch_leaves_the_checkpoints_of_others_alone(tmp_path):
    """A child that was paused finds its file, though other batches have swept theirs."""
    store = Store(tmp_path / "s.db")
    own = plan(store, replicas=4, trials=40)
    seen = []

    class Keeping(Stepped):
        def __call__(self, job):
            path = Path(job.checkpoint.path)
            if job.until > 1:  # it was paused before, and its file has to be there
                seen.append(path.exists())
            outcome = super().__call__(job)
            path.write_text("state")
            return outcome

    own.evaluator = Keeping()
    own.run(seed=1)
    assert seen
    assert all(seen)
