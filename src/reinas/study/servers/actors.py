"""Shards and replicas as Ray actors."""

import asyncio
from collections.abc import Sequence
from typing import Any

from reinas.errors import SettingError, reason
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, OnAttempt
from reinas.executors.event_loop import EventLoopThread
from reinas.executors.ray import Cluster
from reinas.policies.base import AbstractPolicy, State
from reinas.policies.baseline import Baseline
from reinas.policies.reinforce import Reinforce
from reinas.store import Log
from reinas.study.ledger import BatchRequest, Ledger
from reinas.study.servers.base import AbstractServers, Handles, ServerLostError
from reinas.study.servers.driver import Driver
from reinas.study.servers.replica import Replica
from reinas.study.servers.settings import Servers
from reinas.study.servers.shard import Shard
from reinas.study.servers.slices import Slices
from reinas.types import A, Answers, Job, Outcome, Trial


class Figure3:
    """The asynchronous search; `SettingError` unless these can have one."""

    def __init__(
        self, policy: AbstractPolicy, executor: AbstractExecutor, servers: Servers
    ) -> None:
        if not isinstance(executor, Cluster):
            raise SettingError("replicas and shards are Ray actors: give --executor ray too")
        if not isinstance(policy, Reinforce):
            raise SettingError(
                "replicas and shards are for policies that learn by gradient, zoph-le and"
                f" independent; got {policy.settings.get('name', type(policy).__name__)}"
            )
        slices_of(policy, servers.shards)
        self._policy, self._cluster, self._servers = policy, executor, servers

    def run(
        self, ledger: Ledger[A], log: Log, evaluator: AbstractEvaluator[A], deadline: float
    ) -> None:
        """From where the search is to its end."""
        self._cluster.connect()
        actors = Actors(self._cluster, evaluator, self._policy, self._servers)
        try:
            driver = Driver(ledger, log, self._policy, actors, self._servers, deadline)
            self._cluster.load.stale = driver.stale
            with EventLoopThread() as coroutines:
                coroutines.run(driver.run())
        finally:
            actors.close()


def slices_of(policy: Reinforce, shards: int) -> Slices:
    """How the policy's parameters are cut."""
    shapes = {name: tuple(p.shape) for name, p in policy.network.named_parameters()}
    return Slices(shapes, shards)


class Actors(AbstractServers):
    """On a cluster. Replicas keep nothing, so Ray may start them anew wherever it likes.

    Shards are started anew too, but then know nothing until `start` is called.
    """

    def __init__(
        self,
        cluster: Cluster,
        evaluator: AbstractEvaluator[Any],
        policy: Reinforce,
        servers: Servers,
    ) -> None:
        import ray

        self._cluster, self._shared = cluster, cluster.share(evaluator)
        self._slices = slices_of(policy, servers.shards)
        replica = ray.remote(_made(policy, self._slices)).options(
            num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy="SPREAD"
        )
        self._replicas = [replica.remote() for _ in range(servers.replicas)]
        # one that starts anew is empty: whoever asks it something notices
        shard = ray.remote(Shard).options(
            num_cpus=0, max_restarts=-1, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        self._shards = [
            shard.remote(policy.learning_rate, servers.accumulate) for _ in range(servers.shards)
        ]

    async def start(self, state: State, number: int) -> None:
        """Give each shard its share of the state."""
        shares = self._slices.shares(state)
        calls = [s.load.remote(part, number) for s, part in zip(self._shards, shares, strict=True)]
        await asyncio.gather(*map(_of, calls))

    def fetch(self) -> Handles:
        """References: replicas get the slices from the shards, not by way of this process."""
        return [shard.fetch.remote() for shard in self._shards]

    async def propose(self, replica: int, slot: BatchRequest, theta: Handles) -> list[Answers]:
        """Have a replica sample."""
        answers: list[Answers] = await _of(self._replicas[replica].propose.remote(slot, *theta))
        return answers

    async def gradient(
        self, replica: int, trials: Sequence[Trial], baseline: Baseline, theta: Handles
    ) -> tuple[dict[str, float], Handles]:
        """Have a replica work out a batch's gradient: what is said of it, and references."""
        method = self._replicas[replica].gradient.options(num_returns=1 + len(self._shards))
        said, *slices = method.remote(trials, baseline, *theta)
        return await _of(said), slices

    async def add(self, number: int, slices: Handles) -> None:
        """Ray keeps the order of one caller's calls, so all shards add in the same order."""
        calls = [s.add.remote(number, g) for s, g in zip(self._shards, slices, strict=True)]
        await asyncio.gather(*map(_of, calls))

    async def state(self, number: int) -> State:
        """What the policy's network and optimiser know after `number` gradients."""
        shares = [shard.state.remote(number) for shard in self._shards]
        return self._slices.gathered(await asyncio.gather(*map(_of, shares)))

    async def child(self, job: Job[Any], on_attempt: OnAttempt) -> Outcome:
        """A Ray task."""
        return await self._cluster.child(self._shared, job, on_attempt)

    def close(self) -> None:
        """Kill them; what they knew is in the store."""
        import ray

        for actor in (*self._replicas, *self._shards):
            ray.kill(actor)


def _made(policy: Reinforce, slices: Slices) -> type[Replica]:
    """A class of replicas of this policy.

    Arguments would be held in the object store, and lost with their node; a class is held where
    Ray keeps what it needs to start an actor anew.
    """

    class Made(Replica):
        def __init__(self) -> None:
            Replica.__init__(self, policy, slices)

    return Made


async def _of(call: Any) -> Any:
    """What a call on an actor returns."""
    import ray

    try:
        return await call
    except ray.exceptions.RayTaskError as error:
        raise ServerLostError(reason(error.cause)) from error
    except ray.exceptions.RayError as error:
        raise ServerLostError(f"{type(error).__name__}") from error
