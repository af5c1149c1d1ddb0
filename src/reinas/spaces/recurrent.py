"""Recurrent cells as trees (Zoph & Le 2016, sections 3.4 and 4.2)."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import AbstractSpace, check_options, with_tuples
from reinas.types import Answers, Choice, Decision

COMBINATIONS = ("add", "elem_mult", "max")
ACTIVATIONS = ("identity", "tanh", "sigmoid", "relu", "sin")
MOST_LEAVES = 256


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the tree, which computes activation(combination(left, right)).

    Args:
        combination: "add", "elem_mult" or "max".
        activation: "identity", "tanh", "sigmoid", "relu" or "sin".
    """

    combination: str
    activation: str

    def __str__(self) -> str:
        """The combination and activation, as in figure 5: add tanh."""
        return f"{self.combination} {self.activation}"


@dataclass(frozen=True, slots=True)
class Cell:
    """A recurrent cell: a binary tree over x_t and h_(t-1), whose root is h_t (figure 5).

    Nodes are numbered level by level, leaves first; each inner node combines two neighbours of the
    level below. Each leaf combines W x_t and U h_(t-1) with matrices W and U of its own.

    Args:
        nodes: The nodes in the order of their numbers: 2 * base - 1 for `base` leaves.
        inject: How the cell state enters: the value a of node `into` becomes
            activation(combination(a, c_(t-1))).
        out: The number of the node whose value before its activation is c_t.
        into: The number of the node that receives c_(t-1).
    """

    nodes: tuple[Node, ...]
    inject: Node
    out: int
    into: int

    @property
    def base(self) -> int:
        """The number of leaves."""
        return (len(self.nodes) + 1) // 2

    def inputs(self, node: int) -> tuple[int, int]:
        """The numbers of the two nodes that an inner node combines.

        Args:
            node: The inner node's number.
        """
        left = 2 * (node - self.base)
        return left, left + 1

    def __str__(self) -> str:
        """The nodes by level, the injection, and the nodes that give c_t and receive c_(t-1)."""
        levels, first, width = [], 0, self.base
        while width:
            levels.append(", ".join(map(str, self.nodes[first : first + width])))
            first, width = first + width, width // 2
        return f"{' | '.join(levels)} | inject {self.inject} | c {self.out} {self.into}"


@dataclass(frozen=True, slots=True)
class RecurrentArchitecture:
    """A language model: an embedding, layers of one cell, a softmax over the vocabulary.

    Args:
        cell: The cell that every layer uses.
        layers: Number of recurrent layers.
        budget: Largest number of parameters; the model is as wide as it allows.
        tied: Whether the softmax shares the embedding's weights.
    """

    cell: Cell
    layers: int
    budget: int
    tied: bool

    def __str__(self) -> str:
        """The cell alone, because everything else is the same throughout a search."""
        return str(self.cell)


@dataclass(frozen=True)
class RecurrentSpace(AbstractSpace[RecurrentArchitecture]):
    """Recurrent cells as trees, for language models (Zoph & Le, sections 3.4 and 4.2).

    All children have the same number of layers and about the same number of parameters. The first
    control experiment of section 4.2 adds "max" to the combinations and "sin" to the activations.

    Args:
        base: Number of leaves of the tree, a power of two.
        combinations: How nodes combine two values, to choose from.
        activations: Activation functions of nodes to choose from.
        layers: Number of recurrent layers.
        budget: Largest number of parameters of a child.
        tied: Whether the softmax shares the embedding's weights.

    Raises:
        SettingError: A parameter is out of range or a name is unknown.
    """

    base: int = 8
    combinations: tuple[str, ...] = ("add", "elem_mult")
    activations: tuple[str, ...] = ("identity", "tanh", "sigmoid", "relu")
    layers: int = 2
    budget: int = 20_000_000
    tied: bool = False
    name: ClassVar[str] = "recurrent"

    def __post_init__(self) -> None:
        with_tuples(self)
        if not 1 <= self.base <= MOST_LEAVES or self.base & (self.base - 1):
            raise SettingError(
                "recurrent: base is the number of leaves, a power of two up to"
                f" {MOST_LEAVES}; got {self.base}"
            )
        for key, known in (("combinations", COMBINATIONS), ("activations", ACTIVATIONS)):
            values = getattr(self, key)
            check_options("recurrent", key, values, least=None)
            for value in values:
                if value not in known:
                    raise SettingError(
                        f"recurrent: {key} are among {', '.join(known)}; got '{value}'"
                    )
        for key in ("layers", "budget"):
            if getattr(self, key) < 1:
                raise SettingError(f"recurrent: {key} must be at least 1, got {getattr(self, key)}")

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """Combination and activation per node and of the injection, then the two cell indices."""
        nodes = 2 * self.base - 1
        decisions: list[Decision] = []
        for where in (*(f"node{n}" for n in range(nodes)), "inject"):
            decisions += [
                Choice(f"{where}.combination", "combination", self.combinations),
                Choice(f"{where}.activation", "activation", self.activations),
            ]
        indices = tuple(range(nodes))
        return (
            *decisions,
            Choice("cell.out", "cell_out", indices),
            Choice("cell.into", "cell_into", indices),
        )

    def decode(self, answers: Answers) -> RecurrentArchitecture:
        """The language model of this space's size with the cell that the answers mean.

        Args:
            answers: One index per decision.

        Raises:
            AnswersError: The answers are not answers of this space.
        """
        self.check(answers)
        *pairs, out, into = answers
        nodes = tuple(
            Node(self.combinations[c], self.activations[a])
            for c, a in zip(pairs[::2], pairs[1::2], strict=True)
        )
        cell = Cell(nodes[:-1], nodes[-1], out, into)
        return RecurrentArchitecture(cell, self.layers, self.budget, self.tied)

    def encode(self, architecture: RecurrentArchitecture) -> Answers:
        """The answers that mean the architecture's cell.

        Args:
            architecture: A model with this space's `layers`, `budget` and `tied`.

        Returns:
            One index per decision.

        Raises:
            AnswersError: The architecture is not in the space.
        """
        given = (architecture.layers, architecture.budget, architecture.tied)
        if given != (self.layers, self.budget, self.tied):
            raise AnswersError(
                f"recurrent: this space's models have {self.layers} layers, {self.budget:,}"
                f" parameters and tied={self.tied}; got {given}"
            )
        return self.encode_cell(architecture.cell)

    def encode_cell(self, cell: Cell) -> Answers:
        """The answers that mean the cell.

        Args:
            cell: A cell with this space's number of leaves.

        Returns:
            One index per decision.

        Raises:
            AnswersError: The cell is not in the space.
        """
        count = 2 * self.base - 1
        if len(cell.nodes) != count:
            raise AnswersError(f"recurrent: expected {count} nodes, got {len(cell.nodes)}")
        answers: list[int] = []
        for node in (*cell.nodes, cell.inject):
            for value, options in (
                (node.combination, self.combinations),
                (node.activation, self.activations),
            ):
                if value not in options:
                    raise AnswersError(f"recurrent: {value} is not among {', '.join(options)}")
                answers.append(options.index(value))
        for index in (cell.out, cell.into):
            if not 0 <= index < count:
                raise AnswersError(f"recurrent: cell indices are 0 to {count - 1}, got {index}")
        return (*answers, cell.out, cell.into)
