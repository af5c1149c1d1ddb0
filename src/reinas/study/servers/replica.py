"""One controller replica: samples from the parameters it is given, and says how to change them."""

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
    """A copy of the policy's network, which is given parameters from outside: it keeps nothing.

    So a replica that dies is replaced by another, and nothing is lost with it.
    """

    def __init__(self, policy: Reinforce, slices: Slices) -> None:
        self._policy = copy.deepcopy(policy)
        self._slices = slices

    def propose(self, request: BatchRequest, *shards: list[Tensor]) -> list[Answers]:
        """Answers drawn from the parameters that the shards handed out."""
        self._take(shards)
        return self._policy.propose(request.count, length=request.length, seed=request.seed)

    def gradient(
        self, trials: Sequence[Trial], baseline: Baseline, *shards: list[Tensor]
    ) -> tuple[dict[str, float], *tuple[Slice, ...]]:
        """The policy's diagnostics of a finished batch, and each shard's slice of its gradient.

        It is the gradient at the parameters that the shards handed out.
        """
        self._take(shards)
        gradient, diagnostics = self._policy.gradient(trials, baseline)
        return diagnostics, *self._slices.cut(gradient)

    def _take(self, shards: Sequence[list[Tensor]]) -> None:
        self._policy.network.load_state_dict(self._slices.whole(shards))
