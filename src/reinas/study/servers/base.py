"""The contract of shards and replicas, wherever they run."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from reinas.executors.base import OnAttempt, OnReport
from reinas.policies.base import State
from reinas.policies.baseline import Baseline
from reinas.study.batches import BatchRequest
from reinas.types import Answers, Job, Outcome, Trial

Handles = Sequence[Any]
"""One a shard: slices of the parameters, or of a gradient, wherever they are."""


class ServerLostError(Exception):
    """A shard, or what was to be sent to one, is lost."""


class AbstractServers(ABC):
    """Shards, replicas and children. What shards are asked reaches all in the order asked."""

    @abstractmethod
    async def start(self, state: State, number: int) -> None:
        """Have the shards begin, or begin anew, with a policy's state after `number` gradients."""

    @abstractmethod
    def fetch(self) -> Handles:
        """The parameters after all that was added so far."""

    @abstractmethod
    async def propose(self, replica: int, request: BatchRequest, theta: Handles) -> list[Answers]:
        """Have a replica sample."""

    @abstractmethod
    async def gradient(
        self, replica: int, trials: Sequence[Trial], baseline: Baseline, theta: Handles
    ) -> tuple[dict[str, float], Handles]:
        """Have a replica compute a batch's gradient: the policy's diagnostics, and slices."""

    @abstractmethod
    async def add(self, number: int, slices: Handles) -> None:
        """Have the shards add gradient `number` up; returns when all have."""

    @abstractmethod
    async def state(self, number: int) -> State:
        """What the policy's network and optimiser know after `number` gradients."""

    @abstractmethod
    async def child(self, job: Job[Any], on_attempt: OnAttempt, on_report: OnReport) -> Outcome:
        """Have a child evaluated."""

    @abstractmethod
    def close(self) -> None:
        """End them all."""
