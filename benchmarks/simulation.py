"""Searches on many workers under a simulated clock (SimPy): policies really learn on the table.

What takes time: children, by the table's measured training seconds; sampling, gradients and the
shards' steps, by `Costs`, which were measured. Workers are lost at random while they train; their
children are begun anew, as `Cluster` does.
"""

import random
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from reinas.compare.runs import policy_of, table_of
from reinas.evaluators.tabular import TabularEvaluator
from reinas.executors.base import attempt
from reinas.policies.reinforce import Reinforce
from reinas.seeds import derive
from reinas.study.batches import BatchRequest
from reinas.study.budget import Budget
from reinas.study.servers.actors import slices_of
from reinas.study.servers.replica import Replica
from reinas.study.servers.shard import Shard
from reinas.study.study import Study
from reinas.types import Outcome, Trial

CELLS = {"name": "nasbench201", "data": "cifar10"}
RETRIES = 3
NOTICED = 30.0  # seconds until a lost worker is noticed and another one takes its place
Steps = Generator[simpy.Event, Any, Any]


@dataclass(frozen=True)
class Costs:
    """Seconds: to sample a batch, for its gradient, for a step of one shard, for one message."""

    sample: float = 0.001
    gradient: float = 0.0025
    step: float = 0.0001
    message: float = 0.001


@dataclass(frozen=True)
class Plan:
    """One search: `scheme` is synchronous, learner or figure3; `failures` an hour and worker.

    `children` (m) is how many children an update has; figure3 has workers / m replicas, whose
    `shards` step once `accumulate` gradients were added. `pace` scales the table's seconds.
    """

    scheme: str
    workers: int
    children: int
    learning_rate: float
    seed: int
    trials: int = 12_800
    accumulate: int = 1
    shards: int = 1
    failures: float = 0.0
    pace: float = 1.0
    costs: Costs = Costs()


@dataclass(frozen=True)
class Simulated:
    """What came of it. Arrays are in the order in which children finished; times in seconds."""

    times: np.ndarray
    rewards: np.ndarray
    best: float
    utilisation: float
    lost: int
    stale: np.ndarray

    @property
    def regrets(self) -> np.ndarray:
        """The regret of the best so far, in points of validation accuracy."""
        return self.best - np.maximum.accumulate(self.rewards)

    def hours_to(self, regret: float) -> float:
        """When the best so far came so near the best of all; infinite if never."""
        return self._first(self.regrets <= regret)

    def hours_to_mean(self, regret: float, last: int = 200) -> float:
        """When the mean of the last children came so near: when the policy had learned it."""
        rewards = np.where(np.isfinite(self.rewards), self.rewards, 0.0)
        means = np.convolve(rewards, np.full(last, 1 / last), mode="valid")
        return self._first(np.r_[np.full(last - 1, False), self.best - means <= regret])

    def _first(self, true: np.ndarray) -> float:
        near = np.flatnonzero(true)
        return float(self.times[near[0]] / 3600) if len(near) else np.inf


@dataclass
class World:
    """The simulated cluster, and the search that runs on it."""

    plan: Plan
    env: simpy.Environment = field(default_factory=simpy.Environment)
    done: list[tuple[float, float]] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    busy: float = 0.0
    lost: int = 0
    batches: int = 0
    first: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        plan = self.plan
        table = table_of(CELLS)
        settings = {"name": "zoph-le", "learning_rate": plan.learning_rate}
        policy = policy_of(settings, table.space, plan.seed)
        assert isinstance(policy, Reinforce)
        slices = slices_of(policy, 1)  # any number of shards gives the same to the last bit
        self.evaluator, self.baseline = TabularEvaluator(table), policy.baseline
        self.replica, self.shard = (
            Replica(policy, slices),
            Shard(plan.learning_rate, plan.accumulate),
        )
        self.shard.load(slices.shares(policy.state())[0], 0)
        self.study = Study(
            table.space,
            policy,
            seed=plan.seed,
            batch_size=plan.children,
            budget=Budget(plan.trials),
            reuse=False,
        )
        self.places = simpy.Resource(self.env, plan.workers)
        self.shards = simpy.Resource(self.env, 1)  # each holds a slice, so all are busy at once
        self.luck = random.Random(derive(plan.seed, "failures"))

    def request(self) -> BatchRequest | None:
        """The next batch; None when the budget is used up."""
        request = self.study.request(self.batches, self.first)
        if request is not None:
            self.batches, self.first = self.batches + 1, self.first + request.count
        return request

    def fetch(self) -> tuple[int, Any]:
        """The parameters' version, and the parameters."""
        return self.steps // self.plan.accumulate, self.shard.fetch()

    def child(self, trial: Trial) -> Steps:
        """One child on whatever worker is free; lost with its worker it is begun anew."""
        outcome = attempt(self.evaluator, self.study.job(trial))
        seconds = outcome.seconds * self.plan.pace
        for _ in range(RETRIES + 1):
            with self.places.request() as place:
                yield place
                rate = self.plan.failures / 3600
                until = self.luck.expovariate(rate) if rate else np.inf
                yield self.env.timeout(min(seconds, until))
                self.busy += seconds if until > seconds else 0.0  # what is lost is no use
                if until > seconds:
                    break
                self.lost += 1
                yield self.env.timeout(NOTICED)
        else:
            outcome = Outcome(None, error="lost")
        reward = -np.inf if outcome.reward is None else outcome.reward
        self.done.append((self.env.now, reward))
        return self.study.record_outcome(trial, outcome)

    def learn(self, trials: Sequence[Trial], version: int, theta: Any) -> Steps:
        """The gradient at `theta`, and its way into the shards."""
        costs = self.plan.costs
        _, *slices = self.replica.gradient(trials, self.baseline, theta)
        yield self.env.timeout(costs.gradient + costs.message)
        with self.shards.request() as turn:
            yield turn
            yield self.env.timeout(costs.step / self.plan.shards)
            self.stale.append(self.steps // self.plan.accumulate - version)
            self.shard.add(self.steps, slices[0])
            self.steps += 1
            self.baseline = self.baseline.advantages(trials).next

    def sample(self, request: BatchRequest, theta: Any) -> list[Trial]:
        """A batch's trials."""
        return self.study.propose(request, self.replica.propose(request, theta))

    # ---- the three schemes -------------------------------------------------------------------

    def one_replica(self) -> Steps:
        """Fetch, sample, wait for all of them, learn: figure 3 has many, synchronous has one."""
        costs = self.plan.costs
        while (request := self.request()) is not None:
            version, theta = self.fetch()
            yield self.env.timeout(costs.sample + 2 * costs.message)
            children = [self.env.process(self.child(t)) for t in self.sample(request, theta)]
            finished = yield self.env.all_of(children)
            trials = [finished[child] for child in children]
            yield from self.learn(trials, version, theta)

    def learner(self) -> Steps:
        """One process keeps all workers busy, and learns from every `children` that finish.

        It learns at the parameters as they are then; its samples were drawn from older ones.
        """
        finished = simpy.Store(self.env)
        waiting: deque[tuple[int, Trial]] = deque()
        batch: list[tuple[int, Trial]] = []
        running = 0

        def run(version: int, trial: Trial) -> Steps:
            done = yield from self.child(trial)
            finished.put((version, done))

        while True:
            while running < self.plan.workers and (
                waiting or (request := self.request()) is not None
            ):
                if not waiting:
                    version, theta = self.fetch()
                    waiting.extend((version, trial) for trial in self.sample(request, theta))
                    yield self.env.timeout(self.plan.costs.sample)
                self.env.process(run(*waiting.popleft()))
                running += 1
            if not running:
                break
            batch.append((yield finished.get()))
            running -= 1
            if len(batch) == self.plan.children:
                oldest = min(version for version, _ in batch)
                yield from self.learn([trial for _, trial in batch], oldest, self.fetch()[1])
                batch = []


def simulate(plan: Plan) -> Simulated:
    """The whole search."""
    world = World(plan)
    if plan.scheme == "learner":
        world.env.process(world.learner())
    else:
        replicas = 1 if plan.scheme == "synchronous" else plan.workers // plan.children
        for _ in range(replicas):
            world.env.process(world.one_replica())
    world.env.run()
    times, rewards = np.array(world.done).T
    best = world.evaluator.table.best
    assert best is not None
    return Simulated(
        times,
        rewards,
        best,
        world.busy / (plan.workers * times[-1]),
        world.lost,
        np.array(world.stale),
    )
