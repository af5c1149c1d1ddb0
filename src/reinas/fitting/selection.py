"""Which networks make the ensemble: greedy selection (Caruana et al. 2004)."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from reinas.objectives.base import Objective

ROUNDS = 20
"""Networks that are added, repeats included; weights are multiples of one over that."""


def select(
    evidence: Sequence[Tensor], targets: Tensor, objective: Objective, most: int
) -> dict[int, float]:
    """Choose networks and their weights so that the loss of the ensemble is small.

    Networks are added one by one, the same one again if that is best, each time the one with
    which the validation loss of the ensemble is lowest. The ensemble of all rounds with the lowest
    loss is kept; of equal ones the first.

    Args:
        evidence: One tensor [N, ...] per network, as `Objective.evidence` gives them on the
            validation part.
        targets: Encoded targets [N, ...].
        objective: Gives the loss of several networks together.
        most: Different networks in the ensemble at most.

    Returns:
        Weight by network; the weights sum to 1.
    """
    stacked = torch.stack(list(evidence))
    chosen: Counter[int] = Counter()
    best_loss, best = float("inf"), {0: 1.0}
    for _ in range(ROUNDS):
        allowed = range(len(evidence)) if len(chosen) < most else chosen
        losses = {n: _loss(stacked, chosen + Counter([n]), targets, objective) for n in allowed}
        added = min(losses, key=lambda n: (losses[n], n))
        chosen[added] += 1
        if losses[added] < best_loss:
            best_loss = losses[added]
            best = {n: count / chosen.total() for n, count in sorted(chosen.items())}
    return best


def _loss(evidence: Tensor, counts: Counter[int], targets: Tensor, objective: Objective) -> float:
    members = sorted(counts)
    weights = torch.tensor([counts[n] / counts.total() for n in members])
    return objective.joint_loss(evidence[members], weights, targets)
