"""Recurrent cells as trees (Zoph & Le 2016, sections 3.4 and 4.2)."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import AbstractSpace, check_options
from reinas.types import Answers, Choice, Decision

COMBINATIONS = ("add", "elem_mult", "max")
ACTIVATIONS = ("identity", "tanh", "sigmoid", "relu", "sin")
MOST_LEAVES = 256


@dataclass(frozen=True, slots=True)
class Node:
    """What a node of the tree computes: activation(combination(left, right))."""

    combination: str
    activation: str

    def __str__(self) -> str:
        """As figure 5 writes it: add tanh."""
        return f"{self.combination} {self.activation}"


@dataclass(frozen=True, slots=True)
class Cell:
    """A recurrent cell: a binary tree over x_t and h_(t-1), whose root is h_t (figure 5).

    Nodes are numbered leaves first, then level by level; neighbours pair up. Each leaf combines
    W x_t and U h_(t-1), with two matrices of its own. `inject` replaces the value a of node
    `into` by activation(combination(a, c_(t-1))); c_t is node `out` before its activation.
    """

    nodes: tuple[Node, ...]
    inject: Node
    out: int
    into: int

    @property
    def base(self) -> int:
        """How many leaves there are."""
        return (len(self.nodes) + 1) // 2

    def inputs(self, node: int) -> tuple[int, int]:
        """The two nodes that an inner node combines."""
        left = 2 * (node - self.base)
        return left, left + 1

    def __str__(self) -> str:
        """The nodes level by level, the injection, the two cell indices: c_t, then c_(t-1)."""
        levels, first, width = [], 0, self.base
        while width:
            levels.append(", ".join(map(str, self.nodes[first : first + width])))
            first, width = first + width, width // 2
        return f"{' | '.join(levels)} | inject {self.inject} | c {self.out} {self.into}"


@dataclass(frozen=True, slots=True)
class RecurrentArchitecture:
    """A language model: embedding, `layers` of the cell, softmax over the vocabulary.

    Its width is the largest that keeps within `budget` parameters. With `tied` the softmax
    takes the embedding's weights.
    """

    cell: Cell
    layers: int
    budget: int
    tied: bool

    def __str__(self) -> str:
        """The cell; the rest is the same for all of a search."""
        return str(self.cell)


@dataclass(frozen=True)
class RecurrentSpace(AbstractSpace[RecurrentArchitecture]):
    """Recurrent cells as trees of `base` leaves, for language (Zoph & Le, section 4.2).

    Every child has the same number of `layers` and about `budget` parameters. The paper's first
    control experiment adds max to the combinations and sin to the activations.
    """

    base: int = 8
    combinations: tuple[str, ...] = ("add", "elem_mult")
    activations: tuple[str, ...] = ("identity", "tanh", "sigmoid", "relu")
    layers: int = 2
    budget: int = 20_000_000
    tied: bool = False
    name: ClassVar[str] = "recurrent"

    def __post_init__(self) -> None:
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
        """Each node's combination and activation, the injection's, then the two cell indices."""
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
        """The cell that the answers mean, in a model of this space's size."""
        self.check(answers)
        *pairs, out, into = answers
        nodes = tuple(
            Node(self.combinations[c], self.activations[a])
            for c, a in zip(pairs[::2], pairs[1::2], strict=True)
        )
        cell = Cell(nodes[:-1], nodes[-1], out, into)
        return RecurrentArchitecture(cell, self.layers, self.budget, self.tied)

    def encode(self, architecture: RecurrentArchitecture) -> Answers:
        """The answers that mean the architecture's cell."""
        given = (architecture.layers, architecture.budget, architecture.tied)
        if given != (self.layers, self.budget, self.tied):
            raise AnswersError(
                f"recurrent: this space's models have {self.layers} layers, {self.budget:,}"
                f" parameters and tied={self.tied}; got {given}"
            )
        return self.encode_cell(architecture.cell)

    def encode_cell(self, cell: Cell) -> Answers:
        """The answers that mean the cell."""
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
