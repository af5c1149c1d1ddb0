"""The contract of the servers of figure 3: shards, replicas and children, wherever they run."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from reinas.executors.base import OnAttempt, OnReport
from reinas.policies.base import State
from reinas.policies.baseline import Baseline
from reinas.study.batches import BatchRequest
from reinas.types import Answers, Job, Outcome, Trial

Handles = Sequence[Any]
"""One per shard: slices of the parameters or of a gradient, or references to them."""


class ServerLostError(Exception):
    """A shard, a replica, or data on the way to one of them is lost."""


class AbstractServers(ABC):
    """Shards, replicas and children (section 3.2, figure 3).

    Every shard handles calls in the order in which they were made. All coroutines but `child` raise
    `ServerLostError` if a server is lost.
    """

    @abstractmethod
    async def start(self, state: State, number: int) -> None:
        """Load a policy's state into the shards, in place of what they held.

        Args:
            state: The state of the policy's network and optimiser.
            number: How many gradients the state includes.
        """

    @abstractmethod
    def fetch(self) -> Handles:
        """Ask every shard for its slice of the parameters, with all gradients added so far."""

    @abstractmethod
    async def propose(self, replica: int, request: BatchRequest, theta: Handles) -> list[Answers]:
        """Have a replica sample a batch.

        Args:
            replica: The replica's number, counted from 0.
            request: The size, depth and seed of the batch.
            theta: The parameters to sample from, as `fetch` returned them.

        Returns:
            Canonical answers, one per trial of the batch.
        """

    @abstractmethod
    async def gradient(
        self, replica: int, trials: Sequence[Trial], baseline: Baseline, theta: Handles
    ) -> tuple[dict[str, float], Handles]:
        """Have a replica compute the gradient of a batch.

        Args:
            replica: The replica's number, counted from 0.
            trials: The batch's finished trials, in the order proposed.
            baseline: The baseline that is subtracted from the rewards.
            theta: The parameters at which the gradient is taken, as `fetch` returned them.

        Returns:
            The policy's diagnostics, and one slice of the gradient per shard.
        """

    @abstractmethod
    async def add(self, number: int, slices: Handles) -> None:
        """Have every shard add its slice of a gradient, and wait until all have done so.

        Args:
            number: The gradient's number, counted from 0 without gaps.
            slices: One slice per shard.
        """

    @abstractmethod
    async def state(self, number: int) -> State:
        """Collect the state of the policy's network and optimiser from the shards.

        Args:
            number: How many gradients the shards have added.
        """

    @abstractmethod
    async def child(self, job: Job[Any], on_attempt: OnAttempt, on_report: OnReport) -> Outcome:
        """Evaluate one child.

        Args:
            job: The architecture to evaluate, with its trial number and seed.
            on_attempt: Called when a worker begins the child, and when a worker is lost.
            on_report: Called with the (trial, step, score) that the child reports.

        Returns:
            The outcome; a failure if its workers were lost too often.
        """

    @abstractmethod
    def close(self) -> None:
        """End all shards and replicas."""
