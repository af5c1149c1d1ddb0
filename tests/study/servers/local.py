"""Shards and replicas in this process, at any pace, which are lost whenever a test wants it."""

import asyncio
import math
import random
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from helpers import SPACE, Hashed, Watching
from reinas import Asynchronous, Budget, Store, Study, zoph_le
from reinas.executors.base import attempt
from reinas.policies.baseline import Baseline
from reinas.study.rungs import Rungs
from reinas.study.servers.base import AbstractServers, ServerLostError
from reinas.study.servers.driver import Driver
from reinas.study.servers.replica import Replica
from reinas.study.servers.shard import Shard
from reinas.study.servers.slices import Slices
from reinas.types import Attempt

LIMIT = 30.0  # seconds after which a search hangs
HOW = ("before", "after", "unheard", "unsent")


@dataclass
class Added:
    """A gradient that the shards were asked to add, and what these servers know of it.

    `version` and `applied_to` are steps that were counted here, not what the driver says.
    """

    number: int
    batch: int
    replica: int
    version: int
    applied_to: int
    trials: list[Any]
    baseline: Baseline
    gradient: list[Tensor | None]


class Handled(list):
    """Handles, one a shard, that say what they belong to."""

    about: Any = None


def handled(values, about):
    handles = Handled(values)
    handles.about = about
    return handles


class LocalServers(AbstractServers):
    """Each shard does what it is asked in the order asked, as a Ray actor does, at its own pace.

    What a caller who was cancelled had asked is done all the same. The paces come from `seed`.
    `faults` is how often, in a call on a shard, it goes wrong in one of the ways `how`: the shard
    is lost `before` or `after` doing it (then it is anew, and knows nothing), its answer is lost
    (`unheard`), or what it was to be given (`unsent`). At most `most` faults happen; none unless
    the call's name is in `where`.
    """

    def __init__(
        self,
        policy,
        evaluator,
        servers,
        *,
        seed=0,
        faults=0.0,
        most=8,
        how=HOW,
        where=("load", "fetch", "add", "state"),
        gate=None,
        pace=3,
    ):
        shapes = {name: tuple(p.shape) for name, p in policy.network.named_parameters()}
        self.slices = Slices(shapes, servers.shards)
        self.servers, self.evaluator, self.gate = servers, evaluator, gate
        self.rate = policy.learning_rate
        self.shards = [self._shard() for _ in range(servers.shards)]
        self.replicas = [Replica(policy, self.slices) for _ in range(servers.replicas)]
        self.random = random.Random(seed)
        self.faults, self.left, self.how, self.where = faults, most, how, where
        self.pace, self.moments, self.alarm = pace, math.inf, asyncio.Event()
        self.tails: list[asyncio.Task[Any] | None] = [None] * servers.shards
        self.count = 0
        self.added: list[Added] = []
        self.lost: list[tuple[str, str]] = []
        self.trained: list[int] = []

    def _shard(self):
        return Shard(self.rate, self.servers.accumulate)

    async def dawdle(self):
        """Let others go first, sometimes for longer; sound the alarm when its moment is there."""
        for _ in range(self.random.randrange(self.pace + 1)):
            await asyncio.sleep(0)
        if self.pace and self.random.random() < 0.05:
            await asyncio.sleep(0.003 * self.random.random())
        self.moments -= 1
        if self.moments <= 0:
            self.alarm.set()

    def ask(self, k, name, call):
        """Have shard k do something after all else that it was asked."""
        before = self.tails[k]

        async def do():
            if before is not None:
                await asyncio.wait([before])
            await self.dawdle()
            try:
                return self.on_shard(k, name, call)
            except ValueError as error:
                raise ServerLostError(str(error)) from error

        task = asyncio.get_running_loop().create_task(do())
        task.add_done_callback(lambda t: t.cancelled() or t.exception())
        self.tails[k] = task
        return task

    def on_shard(self, k, name, call):
        fault = None
        if self.left > 0 and name in self.where and self.random.random() < self.faults:
            self.left -= 1
            fault = self.random.choice(self.how)
            self.lost.append((name, fault))
        if fault == "before":
            self.shards[k] = self._shard()
        result = None if fault in ("before", "unsent") else call(self.shards[k])
        if fault == "after":
            self.shards[k] = self._shard()
        if fault is not None:
            raise ServerLostError(f"{name}: {fault}")
        return result

    async def all_of(self, tasks):
        """What the shards answer; the first that fails is heard at once."""
        results = await asyncio.gather(*map(asyncio.shield, tasks))
        await self.dawdle()
        return results

    # ---- the contract ------------------------------------------------------------------------

    async def start(self, state, number):
        self.count = number
        shares = self.slices.shares(state)
        calls = [
            self.ask(k, "load", lambda s, share=share: s.load(share, number))
            for k, share in enumerate(shares)
        ]
        await self.all_of(calls)

    def fetch(self):
        calls = [self.ask(k, "fetch", lambda s: s.fetch()) for k in range(len(self.shards))]
        return handled(calls, self.count // self.servers.accumulate)

    async def propose(self, replica, slot, theta):
        shards = await self.all_of(theta)
        return self.replicas[replica].propose(slot, *shards)

    async def gradient(self, replica, trials, baseline, theta):
        shards = await self.all_of(theta)
        assert all(trial.outcome is not None for trial in trials)
        said, *slices = self.replicas[replica].gradient(trials, baseline, *shards)
        whole = self.replicas[replica]._policy.network.parameters()
        gradient = [None if p.grad is None else p.grad.clone() for p in whole]
        await self.dawdle()
        about = (trials[0].batch, replica, theta.about, list(trials), baseline, gradient)
        return said, handled(slices, about)

    async def add(self, number, slices):
        batch, replica, version, trials, baseline, gradient = slices.about
        to = self.count // self.servers.accumulate
        self.added.append(Added(number, batch, replica, version, to, trials, baseline, gradient))
        self.count += 1
        calls = [self.ask(k, "add", lambda s, g=g: s.add(number, g)) for k, g in enumerate(slices)]
        await self.all_of(calls)

    async def state(self, number):
        calls = [self.ask(k, "state", lambda s: s.state(number)) for k in range(len(self.shards))]
        return self.slices.gathered(await self.all_of(calls))

    async def child(self, job, on_attempt, on_report):
        await self.dawdle()
        on_attempt(Attempt(job.trial, "here:1", 0.0))
        self.trained.append(job.trial)
        if self.gate is not None:
            await self.gate(job)
        await self.dawdle()
        return attempt(self.evaluator, job, on_report)

    def close(self):
        pass


@dataclass
class Plan:
    """A search with servers, which can be begun again and again."""

    store: Store
    servers: Asynchronous = field(default_factory=Asynchronous)
    trials: int = 24
    batch_size: int = 4
    reuse: bool = True
    growth: Any = None
    space: Any = SPACE
    evaluator: Any = field(default_factory=Hashed)
    policy: Any = lambda space: zoph_le(space, hidden=8, learning_rate=0.05, seed=3)
    name: str = "s"
    seed: int = 5
    stopping: Any = None

    def study(self, *, seconds=None, target=None, on_trial=None):
        """The study as `search` opens it."""
        return Study(
            self.space,
            self.policy(self.space),
            store=self.store,
            name=self.name,
            seed=self.seed,
            batch_size=self.batch_size,
            budget=Budget(self.trials, seconds, target),
            reuse=self.reuse,
            growth=self.growth,
            evaluator=self.evaluator,
            schedule=self.servers.settings,
            stopping=self.stopping,
            observer=Watching(on_trial),
        )

    def log(self):
        """The study's record."""
        return self.study().record

    def run(
        self,
        *,
        moments=math.inf,
        seconds=None,
        target=None,
        on_trial=None,
        kind=LocalServers,
        **how,
    ):
        """Run it, or go on; the servers, and whether it came to its end.

        After `moments` calls it is cancelled, and with it all that was under way.
        """
        study = self.study(seconds=seconds, target=target, on_trial=on_trial)

        async def go():
            group = kind(study.policy, self.evaluator, self.servers, **how)
            group.moments = moments
            rule = self.stopping
            rungs = rule and Rungs(study, rule, self.evaluator, study.checkpoints)
            driver = Driver(study, study.policy, group, self.servers, rungs)
            run = asyncio.ensure_future(driver.run())
            alarm = asyncio.ensure_future(group.alarm.wait())
            both = asyncio.wait([run, alarm], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait_for(both, LIMIT)
            ended = run.done()
            if ended:
                run.result()
            return group, ended

        with closing(study.checkpoints):
            return asyncio.run(go())
