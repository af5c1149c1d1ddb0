"""What every network that answers decisions shares: its contract, and which decisions are asked."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reinas.types import Decision


class AbstractDistribution(nn.Module, ABC):
    """A distribution over answers, with learned parameters.

    Shapes: B answers of T decisions each; T may be any prefix of the space's decisions.
    """

    @abstractmethod
    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw answers: int64 [count, length], 0 where a decision is not asked."""

    @abstractmethod
    def scores(self, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Give log P(answer | earlier answers) and the entropy of each answer's softmax, in nats.

        `answers` int64 [B, T] -> two float [B, T]; both are 0 where a decision is not asked.
        """

    def log_prob(self, answers: Tensor) -> Tensor:
        """Give log P of each answer given the earlier ones: int64 [B, T] -> [B, T]."""
        return self.scores(answers)[0]


class Conditions:
    """Which decisions are asked, for many answers at once."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        column = {d.name: t for t, d in enumerate(decisions)}
        self._parents: list[list[tuple[int, Tensor]]] = [
            [
                (
                    column[when.decision],
                    torch.tensor(
                        [
                            answer in when.answers
                            for answer in range(decisions[column[when.decision]].num_options)
                        ]
                    ),
                )
                for when in decision.when
            ]
            for decision in decisions
        ]

    def __getitem__(self, t: int) -> bool:
        """Whether decision t has a condition at all."""
        return bool(self._parents[t])

    def active(self, t: int, answers: Tensor, masks: dict[int, Tensor]) -> Tensor | None:
        """Which of B rows ask decision t: bool [B], or None for all.

        `answers` int64 [B, T] must hold the answers before t. `masks` holds, and is given, the
        result for every conditional decision so far, so that each is worked out once: an answer
        of an unasked parent is none.
        """
        if not self._parents[t]:
            return None
        if t in masks:
            return masks[t]
        mask = torch.ones(len(answers), dtype=torch.bool)
        for parent, allowed in self._parents[t]:
            mask &= allowed[answers[:, parent]]
            if parent in masks:
                mask &= masks[parent]
        masks[t] = mask
        return mask
