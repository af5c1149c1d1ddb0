"""The contract of a distribution over answers, and which decisions are active."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from reinas.types import Decision


class AbstractDistribution(nn.Module, ABC):
    """A distribution over answers with trainable parameters.

    Shapes: B rows of T answers; T may be any prefix of the space's decisions.
    """

    @abstractmethod
    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw answers.

        Args:
            count: Number of rows B.
            length: Number of decisions T to answer.
            generator: The only source of randomness.

        Returns:
            int64 [B, T]; 0 where a decision is inactive.
        """

    @abstractmethod
    def scores(self, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of each answer.

        Args:
            answers: int64 [B, T], canonical.

        Returns:
            log P(answer | earlier answers) and the entropy of the answer's softmax, both in nats
            and [B, T]; both are 0 where a decision is inactive.
        """

    def log_prob(self, answers: Tensor) -> Tensor:
        """The log-probability of each answer given the earlier ones.

        Args:
            answers: int64 [B, T], canonical.

        Returns:
            [B, T], in nats.
        """
        return self.scores(answers)[0]


@runtime_checkable
class TellsOptions(Protocol):
    """A distribution that tells the probabilities of all options, not of the answers alone."""

    def options(self, answers: Tensor) -> list[Tensor]:
        """The log-probability of every option of each decision, given the earlier answers.

        Args:
            answers: int64 [B, T], canonical.

        Returns:
            Per decision [B, options], in nats. Rows in which it is inactive have no meaning.
        """


class Conditions:
    """Which decisions are active, for many answers at once.

    Args:
        decisions: The space's T decisions.
    """

    def __init__(self, decisions: Sequence[Decision]) -> None:
        column = {d.name: t for t, d in enumerate(decisions)}
        parents = {d.name: d for d in decisions}
        self._parents: list[list[tuple[int, Tensor]]] = [
            [
                (
                    column[when.decision],
                    torch.tensor(when.holds(parents[when.decision])),
                )
                for when in decision.when
            ]
            for decision in decisions
        ]

    def __getitem__(self, t: int) -> bool:
        """Whether decision t has any condition."""
        return bool(self._parents[t])

    def active(self, t: int, answers: Tensor, masks: dict[int, Tensor]) -> Tensor | None:
        """In which rows decision t is active.

        Args:
            t: The decision's index.
            answers: int64 [B, T], filled in up to t - 1.
            masks: The masks of the conditional decisions before t, by index; the result is added,
                so that each is computed once. It is needed because the answer of an inactive
                parent does not count.

        Returns:
            bool [B], or None if the decision is active in every row.
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

    def all_active(self, answers: Tensor) -> Tensor:
        """Which decisions are active in which rows.

        Args:
            answers: int64 [B, T].

        Returns:
            bool [B, T].
        """
        masks: dict[int, Tensor] = {}
        active = torch.ones_like(answers, dtype=torch.bool)
        for t in range(answers.shape[1]):
            mask = self.active(t, answers, masks)
            if mask is not None:
                active[:, t] = mask
        return active
