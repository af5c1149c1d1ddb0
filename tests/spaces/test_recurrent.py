"""The space of recurrent cells."""

import pytest

from reinas import RecurrentSpace
from reinas.errors import AnswersError, SettingError
from reinas.spaces.recurrent import Cell, Node
from reinas.testing import SpaceContract
from reinas.zoo import ZOO

CONTROL = {
    "combinations": ("add", "elem_mult", "max"),
    "activations": ("identity", "tanh", "sigmoid", "relu", "sin"),
}


class TestBase1(SpaceContract):
    def make(self):
        return RecurrentSpace(base=1)


class TestBase2(SpaceContract):
    def make(self):
        return RecurrentSpace(base=2, **CONTROL)


class TestBase4(SpaceContract):
    def make(self):
        return RecurrentSpace(base=4)


class TestBase8(SpaceContract):
    def make(self):
        return RecurrentSpace()


def test_base_8_has_34_decisions_in_the_papers_order():
    """15 nodes, each its combination and its activation; cell inject; two cell indices."""
    names = [d.name for d in RecurrentSpace().decisions]
    assert len(names) == 34
    assert names[:2] == ["node0.combination", "node0.activation"]
    assert names[28:] == [
        "node14.combination",
        "node14.activation",
        "inject.combination",
        "inject.activation",
        "cell.out",
        "cell.into",
    ]


@pytest.mark.parametrize("base", [1, 2, 4, 8, 16])
def test_the_size_is_exact(base):
    """8 kinds of node, 2 n - 1 nodes, 8 injections, (2 n - 1) squared pairs of indices."""
    nodes = 2 * base - 1
    assert RecurrentSpace(base=base).size == 8**nodes * 8 * nodes**2
    assert RecurrentSpace(base=base, **CONTROL).size == 15**nodes * 15 * nodes**2


@pytest.mark.parametrize("base", [0, -2, 3, 6, 12, 512])
def test_a_base_that_is_no_power_of_two_is_refused(base):
    """A tree needs pairs on every level."""
    with pytest.raises(SettingError, match=rf"power of two.*got {base}"):
        RecurrentSpace(base=base)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"combinations": ("add", "minus")}, "combinations are among add, elem_mult, max"),
        ({"activations": ("gelu",)}, "activations are among"),
        ({"activations": ()}, "activations needs one or more"),
        ({"combinations": ("add", "add")}, "different values"),
        ({"layers": 0}, "layers must be at least 1"),
        ({"budget": 0}, "budget must be at least 1"),
    ],
)
def test_parameters_that_make_no_space_are_refused(bad, words):
    """By their names."""
    with pytest.raises(SettingError, match=words):
        RecurrentSpace(**bad)


def test_neighbours_pair_up_level_by_level():
    """(0,1)->8, (2,3)->9, (4,5)->10, (6,7)->11, (8,9)->12, (10,11)->13, (12,13)->14."""
    cell = ZOO["zoph-le-cell"].architecture.cell
    assert [cell.inputs(n) for n in range(8, 15)] == [
        *((0, 1), (2, 3), (4, 5), (6, 7)),
        *((8, 9), (10, 11), (12, 13)),
    ]


def test_figure_5s_answers_are_its_tokens():
    """Add Tanh | ElemMult ReLU | ElemMult Sigmoid | Add ReLU | 1 0."""
    entry = ZOO["figure-5"]
    add, mult = 0, 1
    tanh, sigmoid, relu = 1, 2, 3
    assert entry.answers == (add, tanh, mult, relu, mult, sigmoid, add, relu, 1, 0)
    assert entry.architecture.cell == Cell(
        (Node("add", "tanh"), Node("elem_mult", "relu"), Node("elem_mult", "sigmoid")),
        Node("add", "relu"),
        out=1,
        into=0,
    )


def test_cells_of_another_space_are_refused():
    """Another base, max without the control experiment, an index beyond the nodes."""
    cell = ZOO["figure-5"].architecture.cell
    with pytest.raises(AnswersError, match="expected 15 nodes, got 3"):
        RecurrentSpace().encode_cell(cell)
    with pytest.raises(AnswersError, match="max is not among add, elem_mult"):
        RecurrentSpace().encode_cell(ZOO["zoph-le-cell-max-sin"].architecture.cell)
    with pytest.raises(AnswersError, match="cell indices are 0 to 2, got 3"):
        RecurrentSpace(base=2).encode_cell(Cell(cell.nodes, cell.inject, 3, 0))
    with pytest.raises(AnswersError, match="this space's models have 1 layers"):
        RecurrentSpace(layers=1).encode(ZOO["zoph-le-cell"].architecture)
