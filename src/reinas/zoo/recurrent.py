"""Recurrent cells: the paper's (figures 5 and 8), and older ones that its trees can express."""

from reinas.spaces.recurrent import Cell, Node, RecurrentSpace
from reinas.zoo.published import Published

SPACE = RecurrentSpace()
CONTROL = ("add", "elem_mult", "max"), ("identity", "tanh", "sigmoid", "relu", "sin")

# leaves | inner nodes by level | cell inject | the node that gives c_t, the node that takes c_(t-1)
FIGURE_5 = "add tanh, elem_mult relu | elem_mult sigmoid | inject add relu | c 1 0"
FIGURE_8 = """
 add sigmoid, add relu, add sigmoid, elem_mult relu, add tanh, add sigmoid, add tanh, add sigmoid |
 elem_mult tanh, add tanh, elem_mult tanh, add sigmoid | elem_mult identity, add tanh |
 elem_mult tanh | inject add tanh | c 12 8
"""
FIGURE_8_CONTROL = """
 max identity, max tanh, add tanh, add relu, add tanh, add identity, add tanh, max tanh |
 add identity, add sigmoid, add sigmoid, add sigmoid | elem_mult identity, elem_mult sigmoid |
 elem_mult tanh | inject add identity | c 12 1
"""
# o from leaves 0 to 3, f from 4 and 5, i and g from 6 and 7; a sum of leaves W x + U h acts as one
LSTM = """
 add identity, add identity, add identity, add identity, add identity, add identity, add sigmoid,
 add tanh | add identity, add identity, add sigmoid, elem_mult identity | add sigmoid, add tanh |
 elem_mult identity | inject elem_mult identity | c 13 10
"""
# c_(t-1) has to enter somewhere: here it is a factor of node 5, which gives c_t, so it stays 0
TANH = """
 add identity, add identity, add identity, add identity | add tanh, elem_mult identity |
 add identity | inject elem_mult identity | c 5 3
"""


def parsed(text: str) -> Cell:
    """Parse a cell from the text that `str(cell)` gives.

    Args:
        text: The leaves, the inner nodes of each level, the cell inject and the cell indices,
            separated by bars.

    Returns:
        The cell.
    """
    *levels, inject, indices = (part.strip() for part in " ".join(text.split()).split("|"))
    nodes = tuple(Node(*node.split()) for level in levels for node in level.split(", "))
    out, into = indices.split()[1:]
    return Cell(nodes, Node(*inject.split()[1:]), int(out), int(into))


def _entry(name: str, text: str, result: str, source: str, *, control: bool = False) -> Published:
    cell = parsed(text)
    combinations, activations = CONTROL if control else (SPACE.combinations, SPACE.activations)
    space = RecurrentSpace(base=cell.base, combinations=combinations, activations=activations)
    return Published(name, space, space.encode_cell(cell), result, source)


CELLS = (
    _entry("figure-5", FIGURE_5, "-", "figure 5"),
    _entry("zoph-le-cell", FIGURE_8, "62.4 perplexity", "figure 8"),
    _entry("zoph-le-cell-max-sin", FIGURE_8_CONTROL, "-", "figure 8", control=True),
    _entry("lstm", LSTM, "-", "no biases"),
    _entry("tanh", TANH, "-", "no bias"),
)
"""The paper's cells, and older ones that the space can express."""

NOT_IN_THE_SPACE = (
    "a GRU is not in the space of cells: it takes 1 - z, and h_(t-1) without a matrix before it"
)
