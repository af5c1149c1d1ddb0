"""The drawing of a cell: well-formed, a box a node, the memory's way in and out."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas import draw
from reinas.spaces.recurrent import Cell, Node, RecurrentArchitecture
from reinas.zoo.recurrent import CELLS, FIGURE_5, FIGURE_8, parsed

SVG = "{http://www.w3.org/2000/svg}"
NODES = st.builds(
    Node,
    st.sampled_from(["add", "elem_mult", "max"]),
    st.sampled_from(["identity", "tanh", "sigmoid", "relu", "sin"]),
)


@dataclass(frozen=True)
class Words:
    """As much of a task as a drawing has to know."""

    outputs: int = 11
    inputs: tuple[int, ...] = ()
    name: str = "words"


@st.composite
def cells(draw_):
    """Cells of up to 16 leaves."""
    count = 2 * draw_(st.sampled_from([1, 2, 4, 8, 16])) - 1
    nodes = tuple(draw_(NODES) for _ in range(count))
    place = st.integers(0, count - 1)
    return Cell(nodes, draw_(NODES), draw_(place), draw_(place))


def drawn(cell):
    """The drawing as text, and as a tree."""
    text = draw(RecurrentArchitecture(cell, 2, 1000, False), Words())
    return text, ElementTree.fromstring(text)


def groups(root, kind):
    return [g for g in root.iter(f"{SVG}g") if g.get("class") == kind]


def rectangle(group):
    rect = group.find(f"{SVG}rect")
    return [float(rect.get(key)) for key in ("x", "y", "width", "height")]


def labels(group):
    return [text.text for text in group.iter(f"{SVG}text")]


@given(cell=cells())
@settings(max_examples=40, deadline=None)
def test_every_node_has_a_box_and_the_memory_has_its_ends(cell):
    """Boxes say activation and combination; c_(t-1), c_t, h_t and the inputs are there once."""
    _, root = drawn(cell)
    boxes = groups(root, "box")
    assert [labels(box) for box in boxes] == [[n.activation, n.combination] for n in cell.nodes]
    ends = sorted(label for group in groups(root, "state") for label in labels(group))
    assert ends == sorted(["c_(t-1)", "c_t", "h_t", "x_t, h_(t-1)"])


@given(cell=cells())
@settings(max_examples=40, deadline=None)
def test_everything_is_inside_the_picture_and_no_boxes_overlap(cell):
    """The view box has all rectangles and paths; rectangles have room between them."""
    _, root = drawn(cell)
    left, top, width, height = map(float, root.get("viewBox").split())
    found = [rectangle(g) for kind in ("box", "state") for g in groups(root, kind)]
    for x, y, w, h in found:
        assert left <= x
        assert x + w <= left + width
        assert top <= y
        assert y + h <= top + height
    for n, (x, y, w, h) in enumerate(found):
        for a, b, wide, high in found[:n]:
            assert x + w <= a or a + wide <= x or y + h <= b or b + high <= y


@pytest.mark.parametrize("text", [FIGURE_5, FIGURE_8, "max sin | inject max sin | c 0 0"])
def test_every_style_rule_is_scoped(text):
    """A style inside an SVG holds for the whole page: every selector begins with .reinas."""
    _, root = drawn(parsed(text))
    (style,) = root.iter(f"{SVG}style")
    rules = re.findall(r"([^{}]+)\{[^{}]*\}", style.text)
    assert len(rules) > 5
    for rule in rules:
        for selector in rule.split(","):
            assert selector.strip().startswith(".reinas ")
    assert "reinas" in root.get("class").split()


def test_the_memory_enters_and_leaves_at_its_nodes():
    """Two paths of the memory: into the top of node `into`, out of the top of node `out`."""
    for entry in CELLS:
        cell = entry.space.decode(entry.answers).cell
        _, root = drawn(cell)
        boxes = [rectangle(box) for box in groups(root, "box")]
        paths = [p.get("d") for p in root.iter(f"{SVG}path") if p.get("class") == "memory"]
        into, out = ([float(n) for n in re.findall(r"-?\d+\.?\d*", path)] for path in paths)
        x, y, width, _ = boxes[cell.into]
        assert x <= into[-2] <= x + width
        assert into[-1] == y
        x, y, width, _ = boxes[cell.out]
        assert x <= out[0] <= x + width
        assert out[1] == y


@given(cell=cells())
@settings(max_examples=20, deadline=None)
def test_the_memorys_lines_cross_no_box(cell):
    """Their horizontal parts lie in the gaps between the levels."""
    _, root = drawn(cell)
    boxes = [rectangle(box) for box in groups(root, "box")]
    for path in root.iter(f"{SVG}path"):
        if path.get("class") == "memory":
            _x0, y0 = map(float, re.match(r"M(\S+) (\S+)", path.get("d")).groups())
            level = next(float(n) for n in [re.findall(r"V(\S+)", path.get("d"))[0], y0])
            horizontal = y0 if path.get("d").index("H") < path.get("d").index("V") else level
            assert all(not y < horizontal < y + h for _, y, _, h in boxes)


def test_the_title_has_the_formulas():
    """Hovering shows what the cell computes; the same drawing every time."""
    text, root = drawn(parsed(FIGURE_5))
    assert "sigmoid(a0' * a1)" in root.find(f"{SVG}title").text
    assert drawn(parsed(FIGURE_5))[0] == text
    assert root.get("role") == "img"


def test_hovering_over_the_node_that_the_memory_enters_says_so():
    """And over no other node."""
    cell = parsed(FIGURE_8)
    boxes = groups(drawn(cell)[1], "box")
    told = ["c_(t-1)" in box.find(f"{SVG}title").text for box in boxes]
    assert told == [n == cell.into for n in range(15)]
