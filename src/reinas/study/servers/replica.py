"""One controller replica: samples batches and computes their gradients (section 3.2)."""

import copy
from collections.abc import Sequence

from torch import Tensor

from reinas.policies.baseline import Baseline
from reinas.policies.reinforce import Reinforce
from reinas.study.batches import BatchRequest
from reinas.study.servers.shard import Slice
from reinas.study.servers.slices import Slices
from reinas.types import Answers, Trial


class Replica:
    """A copy of the policy's network that takes its parameters from the shards at every call.

    It has no state of its own, so a replica that dies can be replaced without loss.

    Args:
        policy: The policy to copy.
        slices: How its parameters are divided among the shards.
    """

    def __init__(self, policy: Reinforce, slices: Slices) -> None:
        self._policy = copy.deepcopy(policy)
        self._slices = slices

    def propose(self, request: BatchRequest, *shards: list[Tensor]) -> list[Answers]:
        """Sample a batch.

        Args:
            request: The size, depth and seed of the batch.
            *shards: Each shard's slice of the parameters.

        Returns:
            Canonical answers, one per trial of the batch.
        """
        self._take(shards)
        return self._policy.propose(request.count, length=request.length, seed=request.seed)

    def gradient(
        self, trials: Sequence[Trial], baseline: Baseline, *shards: list[Tensor]
    ) -> tuple[dict[str, float], *tuple[Slice, ...]]:
        """Compute the gradient of a finished batch at the parameters from the shards.

        Args:
            trials: The batch's finished trials, in the order proposed.
            baseline: The baseline that is subtracted from the rewards.
            *shards: Each shard's slice of the parameters.

        Returns:
            The policy's diagnostics, then each shard's slice of the gradient.
        """
        self._take(shards)
        gradient, diagnostics = self._policy.gradient(trials, baseline)
        return diagnostics, *self._slices.cut(gradient)

    def _take(self, shards: Sequence[list[Tensor]]) -> None:
        self._policy.network.load_state_dict(self._slices.whole(shards))
