"""Convolutional cells with an operation on every edge: NAS-Bench-201's space (Dong & Yang 2020)."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from reinas.errors import AnswersError
from reinas.spaces.base import MAX_SIZE, AbstractSpace, check_number
from reinas.types import Answers, Choice

OPERATIONS = ("none", "skip", "conv1x1", "conv3x3", "avgpool")
NODES = 4
EDGES = tuple((source, node) for node in range(1, NODES) for source in range(node))
"""Pairs (from, to) in the order of the decisions: 0>1, 0>2, 1>2, 0>3, 1>3, 2>3."""


@dataclass(frozen=True, slots=True)
class NasBench201Architecture:
    """A network of three stages of identical cells (Dong & Yang 2020, figure 1).

    A cell has four nodes. Node 0 is its input and node 3 its output. Every later node is the sum
    over all earlier nodes, each transformed by the operation on the edge between the two.

    Args:
        operations: The operation on each edge, in the order of `EDGES`.
        channels: Channels in the first stage; each further stage doubles them.
        cells: Cells per stage.
    """

    operations: tuple[str, ...]
    channels: int = 16
    cells: int = 5

    def __str__(self) -> str:
        """The inputs of nodes 1, 2 and 3, separated by |: conv3x3<0 | skip<0 conv1x1<1 | ..."""
        nodes: list[list[str]] = [[] for _ in range(NODES)]
        for (source, node), operation in zip(EDGES, self.operations, strict=True):
            nodes[node].append(f"{operation}<{source}")
        return " | ".join(" ".join(node) for node in nodes[1:])


@dataclass(frozen=True)
class NasBench201Space(AbstractSpace[NasBench201Architecture]):
    """The 15,625 cells of NAS-Bench-201: one of five operations on each of six edges.

    The published networks have the default size; smaller ones suit smaller data.

    Args:
        channels: Channels in the first stage; each further stage doubles them.
        cells: Cells per stage.

    Raises:
        SettingError: A parameter is out of range.
    """

    channels: int = 16
    cells: int = 5
    name: ClassVar[str] = "nasbench201"

    def __post_init__(self) -> None:
        check_number("nasbench201", "channels", self.channels, 1, MAX_SIZE)
        check_number("nasbench201", "cells", self.cells, 1, 100)

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """One choice of operation per edge."""
        return tuple(
            Choice(f"edge {source}>{node}", "operation", OPERATIONS) for source, node in EDGES
        )

    def decode(self, answers: Answers) -> NasBench201Architecture:
        """The network built from the cell that the answers mean.

        Args:
            answers: One index per edge.

        Raises:
            AnswersError: The answers are not answers of this space.
        """
        self.check(answers)
        return NasBench201Architecture(
            tuple(OPERATIONS[answer] for answer in answers), self.channels, self.cells
        )

    def encode(self, architecture: NasBench201Architecture) -> Answers:
        """The operations as indices.

        Args:
            architecture: A network with this space's `channels` and `cells`.

        Returns:
            One index per edge.

        Raises:
            AnswersError: The architecture is not in the space.
        """
        if (architecture.channels, architecture.cells) != (self.channels, self.cells):
            raise AnswersError(
                f"nasbench201: expected {self.channels} channels and {self.cells} cells per stage,"
                f" got {architecture.channels} and {architecture.cells}"
            )
        for operation in architecture.operations:
            if operation not in OPERATIONS:
                raise AnswersError(
                    f"nasbench201: expected one of {', '.join(OPERATIONS)}, got {operation!r}"
                )
        answers = tuple(OPERATIONS.index(operation) for operation in architecture.operations)
        self.check(answers)
        return answers
