"""Policies that change earlier children into new ones."""

from abc import abstractmethod

from reinas.policies.base import AbstractPolicy
from reinas.types import Answers

Child = tuple[Answers, int | None]
"""A child's answers, and its parent's place in the order learned; None: it has no parent."""


class AbstractDescent(AbstractPolicy):
    """A policy that knows the parent of each child that it proposes."""

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """The children of `descent`."""
        return [answers for answers, _ in self.descent(count, length=length, seed=seed)]

    @abstractmethod
    def descent(self, count: int, *, length: int, seed: int) -> list[Child]:
        """What `propose` gives, each with its parent.

        Args:
            count: As of `propose`.
            length: As of `propose`.
            seed: As of `propose`.
        """
