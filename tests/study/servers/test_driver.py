"""The asynchronous search: one replica is the synchronous one; many learn from each batch once."""

import asyncio
import gc
import math
import random
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from helpers import Hashed, story
from reinas import (
    Asynchronous,
    Budget,
    Choice,
    ConvSpace,
    Growth,
    MemoryStore,
    MlpSpace,
    Outcome,
    Store,
    independent,
    search,
)
from reinas.errors import StoreError
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.study.servers import driver as driver_module
from reinas.study.servers.base import ServerLostError
from study.servers.local import HOW, LocalServers, Plan

SEEDS = range(8)
EXACT = settings(deadline=None, max_examples=20, derandomize=True, phases=[Phase.generate])


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Snapshots follow closely, and lost servers come back soon."""
    monkeypatch.setattr(driver_module, "PAUSE", 0.002)


def synchronous(plan, store=None, trials=None):
    """The log of the search without servers."""
    found = search(
        plan.space,
        plan.policy(plan.space),
        plan.evaluator,
        budget=Budget(trials or plan.trials),
        batch_size=plan.batch_size,
        seed=plan.seed,
        store=store or MemoryStore(),
        name=plan.name,
        reuse=plan.reuse,
        growth=plan.growth,
    )
    return found.record


def everything(log):
    """All that is kept of a search but times: trials, diagnostics, the last snapshot's bytes."""
    number, state = log.snapshot()
    arrays = {k: (str(v.dtype), v.shape, v.tobytes()) for k, v in sorted(state.items())}
    metrics = [(t.outcome.metrics, t.outcome.curve) for t in log.finished()]
    return story(log), metrics, number, arrays


def assert_same(log, other):
    """Part by part, so that a failure says which one differs."""
    for one, two in zip(everything(log), everything(other), strict=True):
        assert one == two


def plans(store, **more):
    """Searches of several kinds whose trials are no multiple of the children."""
    shards = more.pop("shards", 1)
    more["servers"] = Asynchronous(1, shards=shards)
    small = {**more, "servers": Asynchronous(1)}  # of fewer numbers than can be cut
    return {
        "reuse": Plan(store, trials=22, batch_size=4, **more),
        "train": Plan(store, trials=22, batch_size=4, reuse=False, **more),
        "single": Plan(store, trials=9, batch_size=1, **more),
        "independent": Plan(
            store,
            trials=17,
            batch_size=5,
            policy=lambda s: independent(s, learning_rate=0.5),
            **small,
        ),
        "tiny": Plan(
            store, trials=14, batch_size=4, space=MlpSpace(1, (4, 8), ("relu", "tanh")), **more
        ),
        "grown": Plan(
            store, trials=19, batch_size=3, space=ConvSpace(depth=3), growth=Growth(1, 1, 6), **more
        ),
    }


KINDS = list(plans(None))


@pytest.fixture(scope="module")
def truth():
    """The synchronous searches, each once."""
    return {kind: synchronous(plan) for kind, plan in plans(None).items()}


# ---- one replica ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_one_replica_is_the_synchronous_search_number_for_number(kind, seed, truth):
    """Trials, outcomes, diagnostics and the snapshot to the last bit, whatever the pace."""
    plan = plans(MemoryStore(), shards=1 + seed)[kind]
    group, ended = plan.run(seed=seed)
    assert ended
    assert_same(plan.log(), truth[kind])
    updates = plan.log().updates()
    assert [(u.number, u.batch, u.replica, u.staleness) for u in updates] == [
        (n, n, 0, 0) for n in range(math.ceil(plan.trials / plan.batch_size))
    ]
    assert [a.batch for a in group.added] == [u.batch for u in updates]


@pytest.mark.parametrize("seed", range(3))
def test_another_seed_gives_the_other_synchronous_search(seed):
    """The equality is no accident of one search."""
    plan = Plan(
        MemoryStore(), trials=21, batch_size=4, seed=100 + seed, servers=Asynchronous(1, shards=2)
    )
    plan.run(seed=seed)
    assert_same(plan.log(), synchronous(replace(plan, servers=Asynchronous())))


@EXACT
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS), shards=st.integers(1, 4))
def test_lost_servers_change_nothing_with_one_replica(seed, kind, shards, truth):
    """Lost before or after, in the middle of an addition, at the start, or only not heard."""
    plan = plans(MemoryStore(), shards=shards)[kind]
    plan.run(seed=seed, faults=0.1)
    assert_same(plan.log(), truth[kind])


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("where", ["load", "fetch", "add", "state"])
def test_each_kind_of_loss_is_survived(how, where, truth):
    """Every way to fail at every call on a shard, a few times each."""
    plan = plans(MemoryStore(), shards=3)["reuse"]
    group, _ = plan.run(seed=1, faults=0.5, most=5, how=(how,), where=(where,))
    assert group.lost
    assert set(group.lost) == {(where, how)}
    assert_same(plan.log(), truth["reuse"])


def stopped_often(plan, seed, store=None, faults=0.0):
    """Cancelled at random moments until it comes to its end; how often that was."""
    draw = random.Random(seed)
    for stops in range(200):
        if store is not None:
            plan.store = Store(store)
        moments = math.inf if stops > 8 else draw.randrange(1, 150)
        _, ended = plan.run(moments=moments, seed=draw.random(), faults=faults)
        if ended:
            return stops
    raise AssertionError("it never came to its end")


@EXACT
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS))
def test_stops_change_nothing_with_one_replica(seed, kind, truth):
    """Cancelled at any moment and resumed by another driver: as if it had never stopped."""
    plan = plans(MemoryStore(), shards=2)[kind]
    stopped_often(plan, seed)
    assert_same(plan.log(), truth[kind])


@pytest.mark.parametrize("seed", range(4))
def test_stops_and_losses_change_nothing_in_a_file(seed, tmp_path, truth):
    """Each driver opens the file anew; servers are lost besides."""
    path = tmp_path / "s.db"
    plan = plans(None, shards=3)["reuse"]
    assert stopped_often(plan, seed, path, faults=0.05) > 0
    plan.store = Store(path)
    assert_same(plan.log(), truth["reuse"])


def test_with_and_without_servers_may_take_turns(truth):
    """One replica goes on where the synchronous search was, and the other way round."""
    store = MemoryStore()
    whole = plans(store)["reuse"]
    synchronous(whole, store, trials=8)
    replace(whole, trials=16, servers=Asynchronous(1, shards=2)).run()
    assert_same(synchronous(whole, store), synchronous(replace(whole, trials=22), None))
    assert story(store.get("s"))[0][:8] == story(truth["reuse"])[0][:8]


def test_a_search_is_extended(truth):
    """More trials than before go on from the end: as the synchronous search does."""
    store = MemoryStore()
    for trials in (8, 16, 22):
        replace(plans(store)["reuse"], trials=trials, servers=Asynchronous(1, shards=2)).run()
    assert_same(store.get("s"), truth["reuse"])


def test_a_finished_search_is_left_alone(truth):
    """Nothing is asked of the servers again but to begin."""
    plan = plans(MemoryStore(), shards=2)["reuse"]
    plan.run()
    group, ended = plan.run()
    assert ended
    assert not group.added
    assert not group.trained
    assert_same(plan.log(), truth["reuse"])


# ---- many replicas -------------------------------------------------------------------------------


def final_history(groups, log):
    """What the servers saw of each update that the log holds: the last time it was added."""
    last = {}
    for group in groups:
        for added in group.added:
            last[added.number] = added
    return [last[u.number] for u in log.updates()]


def assert_whole(plan, log):
    """All trials finished, none twice; all batches learned from once, updates without a gap."""
    trials = log.finished()
    assert [t.number for t in trials] == list(range(plan.trials))
    assert [t.batch for t in trials] == [n // plan.batch_size for n in range(plan.trials)]
    batches = math.ceil(plan.trials / plan.batch_size)
    updates = log.updates()
    assert [u.number for u in updates] == list(range(batches))
    assert sorted(u.batch for u in updates) == list(range(batches))
    assert [batch for batch, _ in log.diagnostics()] == list(range(batches))
    assert not log.open_batches()
    assert all(0 <= u.replica < plan.servers.replicas for u in updates)


def assert_outcomes(plan, log):
    """Every trial has the outcome that its architecture and its number, or its original's, give."""
    first = {}
    for t in log.finished():
        architecture = plan.space.decode(t.answers)
        original = first.setdefault(str(architecture), t.number)
        if not plan.reuse:
            original = t.number
        assert t.repeat_of == (None if original == t.number else original)
        number = derive(derive(plan.seed, "evaluate", original), str(architecture))
        assert (t.outcome.reward is None) == (number % 8 < 2)
        if t.outcome.reward is not None:
            assert t.outcome.reward == number / 2**63
        if t.repeat_of is not None:
            assert t.outcome.seconds == 0.0


def replay(plan, log, history):
    """Learn it all again with one Adam, in the order written down: the truth about the end.

    Each gradient is worked out anew at the parameters after `version` steps.
    """
    policy = plan.policy(plan.space)
    parameters = list(policy.network.parameters())
    adam = torch.optim.Adam(parameters, policy.learning_rate, fused=True)
    probe, baseline = plan.policy(plan.space), policy.baseline
    accumulate, sums = plan.servers.accumulate, [None] * len(parameters)
    thetas = [{k: v.clone() for k, v in policy.network.state_dict().items()}]
    trials = {b: log.batch(b) for b, _ in log.diagnostics()}
    said = dict(log.diagnostics())
    for update, seen in zip(log.updates(), history, strict=True):
        assert update.applied_to == len(thetas) - 1 == update.number // accumulate
        assert (update.batch, update.replica) == (seen.batch, seen.replica)
        assert (update.version, update.applied_to) == (seen.version, seen.applied_to)
        assert 0 <= update.version <= update.applied_to
        batch = trials[update.batch]
        probe.network.load_state_dict(thetas[update.version])
        gradient, words = probe.gradient(batch, seen.baseline)
        assert words == said[update.batch]
        for k, (one, other) in enumerate(zip(gradient, seen.gradient, strict=True)):
            assert (one is None) == (other is None)
            assert one is None or torch.equal(one, other)
            if one is not None:
                sums[k] = one.clone() if sums[k] is None else sums[k] + one
        baseline = baseline.advantages(batch).next
        if (update.number + 1) % accumulate == 0:
            for parameter, total in zip(parameters, sums, strict=True):
                parameter.grad = total
            adam.step()
            sums = [None] * len(parameters)
            thetas.append({k: v.clone() for k, v in policy.network.state_dict().items()})
    state = {f"network.{k}": v.numpy() for k, v in policy.network.state_dict().items()}
    for index, slots in adam.state_dict()["state"].items():
        state |= {f"adam.{index}.{slot}": v.numpy() for slot, v in slots.items()}
    state |= {f"sum.{k}": total.numpy() for k, total in enumerate(sums) if total is not None}
    return state | {"baseline": np.array(baseline.average), "worst": np.array(baseline.worst)}


def assert_learned(plan, log, groups):
    """The log's whole history is true."""
    assert_whole(plan, log)
    assert_outcomes(plan, log)
    number, state = log.snapshot()
    assert number == len(log.updates()) - 1
    expected = replay(plan, log, final_history(groups, log))
    assert state.keys() == expected.keys()
    for key, value in expected.items():
        assert state[key].tobytes() == value.tobytes(), key


MANY = st.builds(
    Asynchronous,
    st.integers(2, 5),
    shards=st.integers(1, 3),
    accumulate=st.sampled_from([1, 1, 2, 3]),
)


@EXACT
@given(seed=st.integers(0, 2**32), servers=MANY, reuse=st.booleans())
def test_many_replicas_learn_from_every_batch_once(seed, servers, reuse):
    """All of it is true: who learned what from which parameters, and where that led."""
    plan = Plan(MemoryStore(), servers, trials=15, batch_size=2, reuse=reuse)
    group, ended = plan.run(seed=seed)
    assert ended
    assert [a.number for a in group.added] == list(range(8))
    assert_learned(plan, plan.log(), [group])


@EXACT
@given(seed=st.integers(0, 2**32), servers=MANY)
def test_many_replicas_learn_from_every_batch_once_where_servers_are_lost(seed, servers):
    """What a lost shard had not kept is learned from again, and only what is kept counts."""
    plan = Plan(MemoryStore(), servers, trials=15, batch_size=2)
    group, ended = plan.run(seed=seed, faults=0.08)
    assert ended
    assert_learned(plan, plan.log(), [group])


@EXACT
@given(seed=st.integers(0, 2**32), servers=MANY, faults=st.sampled_from([0.0, 0.03]))
def test_many_replicas_learn_from_every_batch_once_where_they_are_stopped(seed, servers, faults):
    """At random moments, again and again; a new driver resumes from the store."""
    plan = Plan(MemoryStore(), servers, trials=15, batch_size=2)
    draw, groups = random.Random(seed), []
    for stops in range(40):
        moments = math.inf if stops > 8 else draw.randrange(1, 250)
        group, ended = plan.run(moments=moments, seed=draw.random(), faults=faults)
        groups.append(group)
        if ended:
            break
    assert ended
    assert_learned(plan, plan.log(), groups)


def test_replicas_are_late_at_times_and_each_does_something():
    """Else the tests above would show nothing about staleness."""
    late, who = set(), set()
    for seed in SEEDS:
        plan = Plan(MemoryStore(), Asynchronous(4, shards=2), trials=24, batch_size=2)
        plan.run(seed=seed)
        late |= {u.staleness for u in plan.log().updates()}
        who |= {u.replica for u in plan.log().updates()}
    assert {0, 1, 2} <= late
    assert who == {0, 1, 2, 3}


class Few(Hashed):
    """Keeps which trials were evaluated, however often."""

    settings: ClassVar = {"name": "few"}

    def __init__(self):
        self.jobs = []

    def __call__(self, job):
        self.jobs.append(job.trial)
        return super().__call__(job)


def test_a_repeat_waits_for_its_original_in_another_replica():
    """It takes over an outcome that was under way when it was proposed; each child runs once."""
    waited = 0
    for seed in SEEDS:
        evaluator, under_way, taken = Few(), set(), []

        async def slow(job, under_way=under_way):
            under_way.add(job.trial)
            for _ in range(40):
                await asyncio.sleep(0.0005)
            under_way.discard(job.trial)

        plan = Plan(
            MemoryStore(),
            Asynchronous(4),
            trials=24,
            batch_size=2,
            evaluator=evaluator,
            space=MlpSpace(1, (4, 8), ("relu", "tanh")),
        )
        plan.run(seed=seed, gate=slow if seed < 4 else None, on_trial=taken.append)
        trials = plan.log().finished()
        assert sorted(evaluator.jobs) == [t.number for t in trials if t.repeat_of is None]
        by_number = {t.number: t for t in trials}
        for t in trials:
            if t.repeat_of is not None:
                original = by_number[t.repeat_of]
                assert original.repeat_of is None
                assert plan.space.decode(t.answers) == plan.space.decode(original.answers)
                assert t.outcome == replace(original.outcome, seconds=0.0)
        order = [t.number for t in taken]
        assert sorted(order) == list(range(24))
        assert all(
            order.index(t.repeat_of) < order.index(t.number)
            for t in trials
            if t.repeat_of is not None
        )
        waited += sum(
            t.repeat_of is not None and by_number[t.repeat_of].batch != t.batch for t in trials
        )
    assert waited > 0


# ---- stopping ------------------------------------------------------------------------------------


class Sure(Hashed):
    """The reward is the trial's own seed, between 0 and 1; trial 9 has 2."""

    settings: ClassVar = {"name": "sure"}

    def __call__(self, job):
        return Outcome(2.0 if job.trial == 9 else derive(job.seed, "x") / 2**64)


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_it_stops_at_the_target(replicas, seed):
    """Once a trial has it, nothing more is proposed; resumed without, it goes on to the end."""
    plan = Plan(
        MemoryStore(),
        Asynchronous(replicas),
        trials=60,
        batch_size=3,
        evaluator=Sure(),
        reuse=False,
    )
    _, ended = plan.run(seed=seed, target=1.5)
    assert ended
    rewards = {t.number: t.outcome.reward for t in plan.log().finished()}
    assert rewards[9] == 2.0
    assert plan.log().count()[0] < 60
    groups = [plan.run(seed=seed)[0]]
    assert plan.log().count() == (60, 60)
    assert len(groups[0].added) > 0
    assert_whole(plan, plan.log())


def test_at_the_target_nobody_waits_for_the_children_under_way():
    """A replica whose child takes for ever does not keep the search from stopping."""
    plan = Plan(
        MemoryStore(), Asynchronous(3), trials=60, batch_size=2, evaluator=Sure(), reuse=False
    )

    async def for_ever(job):
        if job.trial == 3:
            await asyncio.sleep(LONG)

    begun = time.monotonic()
    _, ended = plan.run(target=1.5, gate=for_ever)
    assert ended
    assert time.monotonic() - begun < LONG / 2
    assert plan.log().trial(3).outcome is None


LONG = 3.0


def test_a_search_that_had_reached_its_target_is_left_alone():
    """Called again with the same target, nothing more is done: as without servers."""
    plan = Plan(
        MemoryStore(), Asynchronous(1), trials=60, batch_size=3, evaluator=Sure(), reuse=False
    )
    plan.run(target=1.5)
    before = plan.log().count()
    group, ended = plan.run(target=1.5)
    assert ended
    assert not group.trained
    assert plan.log().count() == before


@pytest.mark.parametrize("servers", [Asynchronous(1), Asynchronous(4, shards=2, accumulate=3)])
def test_it_stops_when_its_time_is_over(servers):
    """Without waiting for children; what was learned is kept, and it goes on to the end."""
    plan = Plan(MemoryStore(), servers, trials=40, batch_size=2, reuse=False)

    async def slow(job):
        await asyncio.sleep(LONG if job.trial >= 20 else 0)

    begun = time.monotonic()
    first, ended = plan.run(seconds=0.5, gate=slow)
    assert ended
    assert 0.5 <= time.monotonic() - begun < LONG / 2
    finished = plan.log().count()[1]
    assert 0 < finished < 40
    assert len(plan.log().updates()) == len(first.added) > 0
    second, ended = plan.run()
    assert ended
    assert_learned(plan, plan.log(), [first, second])


def test_without_time_nothing_is_done():
    """As without servers."""
    plan = Plan(MemoryStore(), Asynchronous(2), trials=8, batch_size=2)
    group, ended = plan.run(seconds=1e-9)
    assert ended
    assert not group.trained
    assert plan.log().count() == (0, 0)


# ---- snapshots -----------------------------------------------------------------------------------


def test_a_state_of_an_early_version_is_said():
    """As without servers: a sentence, and nothing is learned."""
    store = MemoryStore()
    Plan(store, Asynchronous(1), trials=4, batch_size=2).run()
    longer = Plan(store, Asynchronous(1), trials=8, batch_size=2)
    _, state = longer.log()._snapshot
    del state["worst"]
    with pytest.raises(StoreError, match=r"cannot go on: what its policy has learned .*worst"):
        longer.run()


@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_what_the_saver_is_keeping_is_not_kept_twice(seed, pause, monkeypatch):
    """The only gradient is the last one too: the saver and the end both want to keep it."""
    monkeypatch.setattr(driver_module, "PAUSE", pause)
    plan = Plan(MemoryStore(), trials=4, batch_size=4)
    plan.run(seed=seed)
    assert_same(plan.log(), synchronous(replace(plan, store=None)))


class Unheard(LocalServers):
    """The first gradient, or the first question for a snapshot, is lost.

    When the shards are then given a snapshot they get it, but their answer is lost too.
    """

    losing = "add"

    def __init__(self, *arguments, **how):
        super().__init__(*arguments, **how)
        self.starts, self.calls = [], 0

    async def start(self, state, number):
        self.starts.append(number)
        await super().start(state, number)
        if len(self.starts) == 2:
            raise ServerLostError("not heard")

    async def add(self, number, slices):
        await super().add(number, slices)
        self.lose("add")

    async def state(self, number):
        self.lose("state")
        return await super().state(number)

    def lose(self, call):
        self.calls += call == self.losing
        if call == self.losing and self.calls == 1:
            raise ServerLostError("lost")


class UnheardState(Unheard):
    """It is the question for a snapshot that is lost."""

    losing = "state"


@pytest.mark.parametrize("kind", [Unheard, UnheardState])
@pytest.mark.parametrize("servers", [Asynchronous(1), Asynchronous(3)])
def test_shards_that_are_given_a_snapshot_twice_are_given_it_as_it_is(kind, servers, monkeypatch):
    """With its own number, and what others learned in between is learned again."""
    monkeypatch.setattr(driver_module, "PAUSE", 0.1)
    plan = Plan(MemoryStore(), servers, trials=16, batch_size=2)
    group, _ = plan.run(kind=kind)
    assert group.starts[:3] == [0, 0, 0]
    assert_learned(plan, plan.log(), [group])
    if servers.replicas == 1:
        assert_same(plan.log(), synchronous(replace(plan, store=None, servers=Asynchronous())))


# ---- what goes wrong -----------------------------------------------------------------------------


class Full(Store):
    """A store whose disk is full from the n-th transaction on."""

    def __init__(self, path):
        self.left = math.inf
        super().__init__(path)

    @contextmanager
    def begin(self, **how):
        self.left -= 1
        if self.left < 0:
            raise StoreError("the disk is full")
        with super().begin(**how) as connection:
            yield connection


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8, 13, 21])
def test_a_full_disk_ends_the_search_with_its_error(replicas, n, truth, tmp_path):
    """Whatever was being written; and it can go on afterwards."""
    store = Full(tmp_path / "s.db")
    plan = replace(plans(store)["reuse"], servers=Asynchronous(replicas, shards=2))
    plan.log()
    store.left = n + 6
    with pytest.raises(StoreError, match="the disk is full"):
        plan.run()
    store.left = math.inf
    plan.run()
    assert_whole(plan, plan.log())
    if replicas == 1:
        assert_same(plan.log(), truth["reuse"])


class OnceFull(Full):
    """A store whose disk is full for one transaction only."""

    @contextmanager
    def begin(self, **how):
        self.left -= 1
        if self.left == 0:
            raise StoreError("the disk is full")
        with Store.begin(self, **how) as connection:
            yield connection


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("n", range(6, 40, 6))
def test_one_write_that_fails_ends_the_search(replicas, n, tmp_path):
    """At once: the other replicas do not go on as if nothing were."""
    store = OnceFull(tmp_path / "s.db")
    plan = Plan(store, Asynchronous(replicas), trials=60, batch_size=2)
    plan.log()
    store.left = n
    with pytest.raises(StoreError, match="the disk is full"):
        plan.run(seed=n)
    assert plan.log().count()[0] < 40
    plan.run(seed=n)
    assert_whole(plan, plan.log())


class Strange(AbstractSpace):
    """A space that breaks when it is to check what was proposed."""

    name = "strange"
    settings: ClassVar = {"name": "strange"}
    decisions = tuple(Choice(f"c{n}", "c", (0, 1, 2)) for n in range(4))

    def __init__(self, n):
        self.n = n

    def decode(self, answers):
        return answers

    def encode(self, architecture):
        return architecture

    def check(self, answers):
        self.n -= 1
        if self.n == 0:
            raise ZeroDivisionError("the space is broken")


@pytest.mark.parametrize("replicas", [1, 2, 4])
@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_an_exception_in_the_space_ends_the_search_with_it(replicas, n):
    """It does not hang, whoever waits for whom."""
    plan = Plan(MemoryStore(), Asynchronous(replicas), trials=60, batch_size=2, space=Strange(n))
    with pytest.raises(ZeroDivisionError, match="the space is broken"):
        plan.run(seed=n)
    assert plan.log().count()[0] < 40


@pytest.mark.parametrize("replicas", [1, 3])
def test_an_exception_in_a_callback_ends_the_search_with_it(replicas):
    """Others may wait for that very trial: they do not wait for ever."""

    def broken(trial):
        if trial.number >= 5:
            raise ZeroDivisionError("the callback is broken")

    tiny = MlpSpace(1, (4, 8), ("relu", "tanh"))
    plan = Plan(MemoryStore(), Asynchronous(replicas), trials=60, batch_size=2, space=tiny)
    with pytest.raises(ZeroDivisionError, match="the callback is broken"):
        plan.run(on_trial=broken)
    assert plan.log().count()[0] < 40


class Unbuildable(Strange):
    """Answers that begin with 2, 1 mean nothing."""

    def decode(self, answers):
        if answers[:2] == (2, 1):
            raise ZeroDivisionError("no meaning")
        return answers

    def check(self, answers):
        pass


@pytest.mark.parametrize("replicas", [1, 3])
def test_what_a_space_cannot_build_is_a_failed_trial(replicas):
    """As without servers: no child is trained for it, and the batch is learned from."""
    plan = Plan(
        MemoryStore(), Asynchronous(replicas), trials=40, batch_size=4, space=Unbuildable(0)
    )
    group, _ = plan.run()
    assert_whole(plan, plan.log())
    bad = [t for t in plan.log().finished() if t.answers[:2] == (2, 1)]
    assert bad
    assert all(t.outcome.error.startswith("ZeroDivisionError: no meaning") for t in bad)
    assert not {t.number for t in bad} & set(group.trained)
    if replicas == 1:
        assert_same(plan.log(), synchronous(replace(plan, servers=Asynchronous())))


# ---- what is said --------------------------------------------------------------------------------


def complaints(caplog):
    gc.collect()
    return [r.getMessage() for r in caplog.records if r.name == "asyncio"]


def test_nothing_is_said_of_what_was_cancelled(caplog):
    """Ctrl-C leaves no traceback of coroutines behind, whatever was under way."""
    for moments in (5, 20, 60, 100):
        _, ended = Plan(MemoryStore(), Asynchronous(3), trials=60).run(moments=moments)
        assert not ended
    assert not complaints(caplog)


@pytest.mark.parametrize("replicas", [1, 3])
def test_an_error_is_said_once(replicas, caplog, tmp_path):
    """It is raised; those that nobody waits for any more do not say it again."""
    store = Full(tmp_path / "s.db")
    plan = Plan(store, Asynchronous(replicas), trials=60)
    plan.log()
    for left in (5, 10, 15, 20):
        store.left = left
        with pytest.raises(StoreError, match="the disk is full"):
            plan.run(seed=left)
        store.left = math.inf
    assert not complaints(caplog)


@pytest.mark.parametrize("where", ["file", "memory"])
def test_what_is_told_of_a_trial_is_kept_by_then(where, tmp_path):
    """As without servers: who is told of a trial finds it in the store."""
    store = Store(tmp_path / "s.db") if where == "file" else MemoryStore()
    plan, missing = Plan(store, trials=6, batch_size=3), []

    def look(trial):
        if store.get("s").trial(trial.number).outcome != trial.outcome:
            missing.append(trial.number)

    plan.run(on_trial=look)
    assert not missing
