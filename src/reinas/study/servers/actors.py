"""Shards and replicas as Ray actors."""

import asyncio
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

from reinas.errors import SettingError, reason
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, OnAttempt, OnReport
from reinas.executors.ray import Cluster
from reinas.policies.base import State
from reinas.policies.baseline import Baseline
from reinas.policies.reinforce import Reinforce
from reinas.study.batches import BatchRequest
from reinas.study.servers.asynchronous import Asynchronous
from reinas.study.servers.base import AbstractServers, Handles, ServerLostError
from reinas.study.servers.replica import Replica
from reinas.study.servers.shard import Shard
from reinas.study.servers.slices import Slices
from reinas.types import Answers, Job, Outcome, Trial


@singledispatch
def servers_on(
    executor: AbstractExecutor,
    evaluator: AbstractEvaluator[Any],
    policy: Reinforce,
    schedule: Asynchronous,
) -> AbstractServers:
    """Shards, replicas and children where the executor runs; register your own kind of executor.

    Raises:
        SettingError: The executor has no place for servers.
    """
    check_executor(executor)
    raise AssertionError  # whatever passes the check is registered


def check_executor(executor: AbstractExecutor) -> None:
    """Raise `SettingError` unless shards and replicas can run there."""
    if servers_on.dispatch(type(executor)) is servers_on.dispatch(object):
        raise SettingError(
            "replicas and shards are Ray actors: the asynchronous schedule needs the executor ray,"
            f" got {type(executor).__name__}"
        )


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
        schedule: Asynchronous,
    ) -> None:
        import ray

        self._cluster, self._shared = cluster, cluster.share(evaluator)
        self._slices = slices_of(policy, schedule.shards)
        replica = ray.remote(_made(policy, self._slices)).options(
            num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy="SPREAD"
        )
        self._replicas = [replica.remote() for _ in range(schedule.replicas)]
        # one that starts anew is empty: whoever asks it something notices
        shard = ray.remote(Shard).options(
            num_cpus=0, max_restarts=-1, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        self._shards = [
            shard.remote(policy.learning_rate, schedule.accumulate) for _ in range(schedule.shards)
        ]

    async def start(self, state: State, number: int) -> None:
        """Give each shard its share of the state."""
        shares = self._slices.shares(state)
        calls = [s.load.remote(part, number) for s, part in zip(self._shards, shares, strict=True)]
        await asyncio.gather(*map(_of, calls))

    def fetch(self) -> Handles:
        """References: replicas get the slices from the shards, not by way of this process."""
        return [shard.fetch.remote() for shard in self._shards]

    async def propose(self, replica: int, request: BatchRequest, theta: Handles) -> list[Answers]:
        """Have a replica sample."""
        answers: list[Answers] = await _of(self._replicas[replica].propose.remote(request, *theta))
        return answers

    async def gradient(
        self, replica: int, trials: Sequence[Trial], baseline: Baseline, theta: Handles
    ) -> tuple[dict[str, float], Handles]:
        """Have a replica compute a batch's gradient: diagnostics, and references to slices."""
        method = self._replicas[replica].gradient.options(num_returns=1 + len(self._shards))
        diagnostics, *slices = method.remote(trials, baseline, *theta)
        return await _of(diagnostics), slices

    async def add(self, number: int, slices: Handles) -> None:
        """Ray keeps the order of one caller's calls, so all shards add in the same order."""
        calls = [s.add.remote(number, g) for s, g in zip(self._shards, slices, strict=True)]
        await asyncio.gather(*map(_of, calls))

    async def state(self, number: int) -> State:
        """What the policy's network and optimiser know after `number` gradients."""
        shares = [shard.state.remote(number) for shard in self._shards]
        return self._slices.gathered(await asyncio.gather(*map(_of, shares)))

    async def child(self, job: Job[Any], on_attempt: OnAttempt, on_report: OnReport) -> Outcome:
        """A Ray task."""
        return await self._cluster.child(self._shared, job, on_attempt, on_report)

    def close(self) -> None:
        """Kill them; what they knew is in the store."""
        import ray

        for actor in (*self._replicas, *self._shards):
            ray.kill(actor)


@servers_on.register
def _(
    executor: Cluster,
    evaluator: AbstractEvaluator[Any],
    policy: Reinforce,
    schedule: Asynchronous,
) -> AbstractServers:
    executor.open()
    return Actors(executor, evaluator, policy, schedule)


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
