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
    """Start shards and replicas where the executor runs children.

    To support another class of executor, register a function for it.

    Args:
        executor: Where children are evaluated.
        evaluator: What measures an architecture.
        policy: The policy that the replicas copy and the shards' parameters belong to.
        schedule: The numbers of replicas and shards.

    Returns:
        The shards, replicas and children.

    Raises:
        SettingError: No function is registered for the executor's class.
    """
    check_executor(executor)
    raise AssertionError  # an executor that passes the check has its own function


def check_executor(executor: AbstractExecutor) -> None:
    """Raise an error unless shards and replicas can run where the executor does.

    Args:
        executor: Where children are evaluated.

    Raises:
        SettingError: They cannot.
    """
    if servers_on.dispatch(type(executor)) is servers_on.dispatch(object):
        raise SettingError(
            "replicas and shards are Ray actors: the asynchronous schedule needs the executor ray,"
            f" got {type(executor).__name__}"
        )


def slices_of(policy: Reinforce, shards: int) -> Slices:
    """The division of the policy's parameters among the shards.

    Args:
        policy: The policy.
        shards: Number of shards.

    Raises:
        SettingError: There are more shards than blocks of parameters.
    """
    shapes = {name: tuple(p.shape) for name, p in policy.network.named_parameters()}
    return Slices(shapes, shards)


class Actors(AbstractServers):
    """Shards and replicas as actors on a Ray cluster.

    Replicas have no state, so Ray may restart them on any node. Ray restarts shards too, but they
    are then empty until `start` is called.

    Args:
        cluster: The cluster.
        evaluator: What measures an architecture.
        policy: The policy that the replicas copy and the shards' parameters belong to.
        schedule: The numbers of replicas and shards, and of gradients per step.
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
        # a restarted shard is empty, and the next call on it raises
        shard = ray.remote(Shard).options(
            num_cpus=0, max_restarts=-1, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        self._shards = [
            shard.remote(policy.learning_rate, schedule.accumulate) for _ in range(schedule.shards)
        ]

    async def start(self, state: State, number: int) -> None:
        """Load each shard's share of the state."""
        shares = self._slices.shares(state)
        calls = [s.load.remote(part, number) for s, part in zip(self._shards, shares, strict=True)]
        await asyncio.gather(*map(_of, calls))

    def fetch(self) -> Handles:
        """Ray references: the slices go from shards to replicas without passing this process."""
        return [shard.fetch.remote() for shard in self._shards]

    async def propose(self, replica: int, request: BatchRequest, theta: Handles) -> list[Answers]:
        """Have a replica sample a batch."""
        answers: list[Answers] = await _of(self._replicas[replica].propose.remote(request, *theta))
        return answers

    async def gradient(
        self, replica: int, trials: Sequence[Trial], baseline: Baseline, theta: Handles
    ) -> tuple[dict[str, float], Handles]:
        """Have a replica compute the gradient of a batch; its slices stay Ray references."""
        method = self._replicas[replica].gradient.options(num_returns=1 + len(self._shards))
        diagnostics, *slices = method.remote(trials, baseline, *theta)
        return await _of(diagnostics), slices

    async def add(self, number: int, slices: Handles) -> None:
        """Have every shard add its slice: Ray keeps the order of one caller's calls on an actor."""
        calls = [s.add.remote(number, g) for s, g in zip(self._shards, slices, strict=True)]
        await asyncio.gather(*map(_of, calls))

    async def state(self, number: int) -> State:
        """Collect the state of the policy's network and optimiser from the shards."""
        shares = [shard.state.remote(number) for shard in self._shards]
        return self._slices.gathered(await asyncio.gather(*map(_of, shares)))

    async def child(self, job: Job[Any], on_attempt: OnAttempt, on_report: OnReport) -> Outcome:
        """Evaluate one child as a Ray task."""
        return await self._cluster.child(self._shared, job, on_attempt, on_report)

    def close(self) -> None:
        """Kill all actors; the store has the last snapshot of their state."""
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
    """A class of replicas with the policy built in.

    Large arguments of an actor's constructor are kept in Ray's object store and lost with their
    node. The class itself is kept where Ray can always find it to restart the actor.
    """

    class Made(Replica):
        def __init__(self) -> None:
            Replica.__init__(self, policy, slices)

    return Made


async def _of(call: Any) -> Any:
    """Wait for a call on an actor; raise `ServerLostError` if it fails."""
    import ray

    try:
        return await call
    except ray.exceptions.RayTaskError as error:
        raise ServerLostError(reason(error.cause)) from error
    except ray.exceptions.RayError as error:
        raise ServerLostError(f"{type(error).__name__}") from error
