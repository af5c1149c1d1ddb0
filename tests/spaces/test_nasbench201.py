"""NAS-Bench-201's cells."""

import pytest

from reinas.errors import AnswersError, SettingError
from reinas.spaces.nasbench201 import EDGES, OPERATIONS, NasBench201Architecture, NasBench201Space
from reinas.testing import SpaceContract


class TestCells(SpaceContract):
    """The published size."""

    def make(self):
        return NasBench201Space()


class TestSmallCells(SpaceContract):
    """Narrow networks of single cells."""

    def make(self):
        return NasBench201Space(channels=4, cells=1)


def test_there_are_15625_cells():
    """Five operations on each of six edges: 5^6."""
    assert NasBench201Space().size == 15_625
    assert len({NasBench201Space().decode(a) for a in NasBench201Space().enumerate()}) == 15_625


def test_the_edges_are_decided_in_the_published_order():
    """The order of the keys of the published table: 0>1, 0>2, 1>2, 0>3, 1>3, 2>3."""
    expected = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    assert expected == EDGES
    names = [decision.name for decision in NasBench201Space().decisions]
    assert names == ["edge 0>1", "edge 0>2", "edge 1>2", "edge 0>3", "edge 1>3", "edge 2>3"]
    assert OPERATIONS == ("none", "skip", "conv1x1", "conv3x3", "avgpool")


def test_the_key_421211_is_this_cell():
    """Digit by digit: avgpool, conv1x1, skip, conv1x1, skip, skip."""
    cell = NasBench201Space().decode((4, 2, 1, 2, 1, 1))
    assert cell.operations == ("avgpool", "conv1x1", "skip", "conv1x1", "skip", "skip")
    assert str(cell) == "avgpool<0 | conv1x1<0 skip<1 | conv1x1<0 skip<1 skip<2"
    assert (cell.channels, cell.cells) == (16, 5)


def test_all_edges_share_one_kind_of_decision():
    """A policy may share weights between them."""
    assert {decision.kind for decision in NasBench201Space().decisions} == {"operation"}


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            NasBench201Architecture(("none",) * 6, 8, 5),
            "expected 16 channels and 5 cells per stage, got 8",
        ),
        (
            NasBench201Architecture(("conv7x7",) * 6),
            "expected one of none, skip, .*, got 'conv7x7'",
        ),
        (NasBench201Architecture(("none",) * 5), "expected 6 answers, got 5"),
    ],
)
def test_cells_of_other_spaces_have_no_answers(cell, message):
    """Another width, another operation, another number of edges."""
    with pytest.raises(AnswersError, match=message):
        NasBench201Space().encode(cell)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 0}, "nasbench201: channels must be at least 1, got 0"),
        ({"cells": 0}, "nasbench201: cells must be at least 1, got 0"),
        ({"cells": 101}, "nasbench201: cells must be at most 100, got 101"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(settings, message):
    """The message has the parameter, its bound, and what came."""
    with pytest.raises(SettingError, match=message):
        NasBench201Space(**settings)
