"""Several networks as one."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from reinas.objectives.base import Objective


class Ensemble(nn.Module):
    """Networks whose outputs are combined: [B, *inputs] -> [B, outputs].

    Args:
        members: The networks.
        weights: One per network, above 0; divided by their sum.
        objective: Says how outputs are combined.
        mirror: Whether every network also sees each image mirrored left to right.
    """

    weights: Tensor

    def __init__(
        self,
        members: Sequence[nn.Module],
        weights: Sequence[float],
        objective: Objective,
        *,
        mirror: bool = False,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        shares = torch.tensor(list(weights), dtype=torch.float32)
        self.register_buffer("weights", shares / shares.sum())
        self.mirror = mirror
        self._objective = objective

    def forward(self, x: Tensor) -> Tensor:
        """The combined outputs, in the form in which one network gives them."""
        views = (x, x.flip(-1)) if self.mirror else (x,)
        outputs = torch.stack([member(view) for view in views for member in self.members])
        return self._objective.combine(outputs, self.weights.repeat(len(views)) / len(views))


class LanguageEnsemble(Ensemble):
    """Language models whose probabilities of the next word are averaged.

    Args:
        members: The language models.
        weights: One per model, above 0; divided by their sum.
        objective: Says how outputs are combined.
    """

    @property
    def lowers_precision(self) -> bool:
        """Whether all members compute in lower precision where that is asked for."""
        return all(getattr(member, "lowers_precision", False) for member in self.members)

    def start(self, batch: int) -> Any:
        """The states of all members before the first word, for `batch` sequences."""
        states = [member.start(batch) for member in self._models]
        return tuple(pair for state in states for pair in state)

    def run(self, words: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits [T, B, vocabulary] of int64 words [T, B], and the states after them."""
        outputs, after, first = [], [], 0
        for member, count in zip(self._models, self._counts, strict=True):
            last = first + count
            logits, own = member.run(words, state[first:last])
            outputs.append(logits)
            after.extend(own)
            first = last
        return self._objective.combine(torch.stack(outputs), self.weights), tuple(after)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [T, B, vocabulary] of the next word after each of int64 words [T, B]."""
        outputs: Tensor = self.run(x, self.start(x.shape[1]))[0]
        return outputs

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        """How many pairs of h and c each member's state has."""
        return tuple(len(member.start(1)) for member in self._models)

    @property
    def _models(self) -> Sequence[Any]:
        return list(self.members)


def combined(
    members: Sequence[nn.Module],
    weights: Sequence[float],
    objective: Objective,
    *,
    mirror: bool = False,
) -> nn.Module:
    """Several networks as one, of the kind that the objective needs.

    Args:
        members: The networks.
        weights: One per network, above 0.
        objective: Says how outputs are combined.
        mirror: Whether every network also sees each image mirrored left to right.
    """
    if objective.tokens:
        return LanguageEnsemble(members, weights, objective)
    return Ensemble(members, weights, objective, mirror=mirror)
