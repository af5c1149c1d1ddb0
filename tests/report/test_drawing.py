"""Drawings of architectures: well-formed, complete, and right in their numbers."""

import re
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reinas import BreastCancer, ConvSpace, Digits, MlpSpace, Toy, ToySpace, Wine, build, draw
from reinas.children import parameters
from reinas.report.drawing import Box, column
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer
from reinas.spaces.nasbench201 import NasBench201Space
from reinas.spaces.product import Assignment

SVG = "{http://www.w3.org/2000/svg}"
CONV = ConvSpace(depth=5, filters=(2, 3), strides=(1, 2))
PUBLISHED = ConvArchitecture(
    (
        ConvLayer(3, 3, 36, (0,)),
        ConvLayer(3, 3, 48, (1,)),
        ConvLayer(3, 5, 36, (1, 2), 2, 1),
        ConvLayer(5, 5, 24, (1,)),
    )
)


def parsed(svg):
    return ElementTree.fromstring(svg)


def groups(svg, kind):
    """The boxes or the links, in order."""
    return [g for g in parsed(svg).iter(f"{SVG}g") if kind in g.get("class", "").split()]


def texts(box):
    return [t.text for t in box.iter(f"{SVG}text")]


def title(group):
    return group.find(f"{SVG}title").text


def counted(box):
    """The number of parameters that hovering over a box shows."""
    return int(re.search(r"([\d,]+) parameters", title(box))[1].replace(",", ""))


# ---- convolutional networks ----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(CONV.lengths))
def test_there_is_a_box_for_every_layer_and_a_path_for_every_connection(seed, length):
    """Plus a box for the image and one for the classifier, and the connections into that."""
    found = CONV.decode(CONV.sample(1, seed, length=length)[0])
    svg = draw(found, Digits())
    assert len(groups(svg, "box")) == len(found.layers) + 2
    links = groups(svg, "link")
    assert len(links) == sum(len(la.inputs) for la in found.layers) + len(found.outputs)
    assert all(len(list(link.iter(f"{SVG}path"))) == 1 for link in links)


def test_connections_are_those_of_the_architecture():
    """Hovering says what feeds what: four layers, 3 and 4 of which feed the classifier."""
    said = [
        [part.partition(":")[0] for part in title(link).split(" feeds ")]
        for link in groups(draw(PUBLISHED, Digits()), "link")
    ]
    assert sorted(said) == sorted(
        [
            ["image", "1"],
            ["1", "2"],
            ["1", "3"],
            ["2", "3"],
            ["1", "4"],
            ["3", "classifier"],
            ["4", "classifier"],
        ]
    )


def test_neighbours_are_joined_straight_and_others_by_arcs():
    """1-3, 1-4 and 3-classifier jump over a box."""
    links = groups(draw(PUBLISHED, Digits()), "link")
    paths = [next(link.iter(f"{SVG}path")) for link in links]
    arcs = [title(li) for li, p in zip(links, paths, strict=True) if p.get("class") == "skip"]
    assert len(arcs) == 3
    assert all(("C" in p.get("d")) == (p.get("class") == "skip") for p in paths)


def test_every_line_ends_at_the_boxes_that_it_joins():
    """From inside the upper box's height to inside the lower one's."""
    svg = draw(PUBLISHED, Digits())
    edges = []
    for box in groups(svg, "box"):
        rect = box.find(f"{SVG}rect")
        edges.append((float(rect.get("y")), float(rect.get("y")) + float(rect.get("height"))))
    places = {"image": 0, "classifier": 5, **{str(n): n for n in range(1, 5)}}
    for link in groups(svg, "link"):
        a, b = (places[part.partition(":")[0]] for part in title(link).split(" feeds "))
        numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", link[1].get("d"))]
        first, last = numbers[1], numbers[-1]
        assert edges[a][0] <= first <= edges[a][1]
        assert edges[b][0] <= last <= edges[b][1]


def test_everything_lies_inside_the_drawing():
    """Twelve layers, all fed by all: also the widest arc."""
    layers = [ConvLayer(3, 3, 2, tuple(range(1, n)) or (0,)) for n in range(1, 13)]
    svg = draw(ConvArchitecture(tuple(layers)), Digits())
    width, height = (float(n) for n in parsed(svg).get("viewBox").split()[2:])
    for path in parsed(svg).iter(f"{SVG}path"):
        if path.get("class") == "skip":
            x0, y0, x1, y1, x2, y2, x3, y3 = map(float, re.findall(r"-?\d+\.?\d*", path.get("d")))
            furthest = (x0 + 3 * x1 + 3 * x2 + x3) / 8  # a cubic at its middle
            assert max(x0, furthest, x3) <= width
            assert 0 <= min(y0, y1, y2, y3) <= max(y0, y1, y2, y3) <= height


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_shapes_and_parameters_are_those_of_the_built_network(seed):
    """Every layer's channels in, output and parameters, and the classifier's."""
    found = CONV.decode(CONV.sample(1, seed)[0])
    child = build(found, Digits()).eval()
    seen = []
    for module in child.layers:
        module.register_forward_hook(lambda _, a, b: seen.append((a[0].shape[1], *b.shape[1:])))
    child(torch.zeros(1, 1, 8, 8))
    image, *layers, classifier = groups(draw(found, Digits()), "box")
    assert texts(image) == ["image", "1 × 8 × 8"]
    for box, module, (taken, *given_) in zip(layers, child.layers, seen, strict=True):
        size = " × ".join(map(str, given_))
        assert texts(box)[1] == size
        assert f"{taken} channels in, {size} out" in title(box)
        assert counted(box) == parameters(module)
    assert counted(classifier) == parameters(child.classifier)
    assert texts(classifier)[1] == f"mean of {child.classifier.in_features} channels"


def test_large_numbers_of_parameters_are_counted_right():
    """With thousands separated: 3 x 3 x 36 x 48 + 2 x 48."""
    boxes = groups(draw(PUBLISHED, Digits()), "box")
    assert "15,648 parameters" in title(boxes[2])
    assert counted(boxes[2]) == parameters(build(PUBLISHED, Digits()).layers[1])


def test_filters_and_strides_are_written_on_the_boxes():
    """Strides only where there are any."""
    boxes = groups(draw(PUBLISHED, Digits()), "box")
    assert texts(boxes[1])[0] == "1: 3 × 3, 36 filters"
    assert texts(boxes[3])[0] == "3: 3 × 5, 36 filters, stride 2 × 1"


# ---- dense networks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "task"),
    [(MlpSpace(), BreastCancer()), (MlpSpace(depth=2), Digits()), (ToySpace(), Toy())],
)
def test_dense_networks_are_chains_with_their_parameters(space, task):
    """A box a layer between input and output, joined one to the next, counted as built."""
    for answers in space.sample(6, 0):
        found = space.decode(answers)
        linear = [m for m in build(found, task).modules() if isinstance(m, nn.Linear)]
        svg = draw(found, task)
        boxes = groups(svg, "box")
        assert len(boxes) == len(linear) + 1
        assert [counted(b) for b in boxes[1:]] == [parameters(m) for m in linear]
        names = [texts(b)[0] for b in boxes]
        assert [title(li) for li in groups(svg, "link")] == [
            f"{a} feeds {b}" for a, b in pairwise(names)
        ]


def test_activations_are_written_on_the_boxes():
    """Width and activation of each layer."""
    space = MlpSpace(depth=2, widths=(4, 8), activations=("relu", "tanh"))
    boxes = groups(draw(space.decode((1, 0, 1, 1, 0)), Wine()), "box")
    assert [texts(b) for b in boxes] == [
        ["input", "13 numbers"],
        ["1: 4 units", "tanh"],
        ["2: 8 units", "relu"],
        ["output", "3 numbers"],
    ]


# ---- anything ------------------------------------------------------------------------------------

HARD = "<script>alert('&')</script> \"quoted\" 1 < 2 > 0 & so on"


@dataclass(frozen=True)
class Empty:
    """An architecture of no fields."""


@dataclass(frozen=True)
class Strange:
    """An architecture without a drawing of its own."""

    text: str

    def __str__(self):
        return self.text


def test_text_is_escaped_wherever_it_stands():
    """What looks like markup comes back as text."""
    svg = column([Box(HARD, HARD, HARD), Box("b", "b", "b")], [(0, 1)], HARD)
    assert "<script" not in svg
    root = parsed(svg)
    assert root.get("aria-label") == HARD
    assert root.find(f"{SVG}title").text == HARD
    first = groups(svg, "box")[0]
    assert title(first) == HARD
    assert texts(first) == [HARD, HARD]
    assert title(groups(svg, "link")[0]) == f"{HARD} feeds b"


@dataclass(frozen=True)
class Stage:
    """A part of an unknown architecture."""

    kind: str
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Unknown:
    """Fields of every sort: plain, missing, nested, and tuples of values and of parts."""

    width: int
    scale: float | None
    stem: Stage
    stages: tuple[Stage, ...]


def test_an_unknown_architecture_is_a_column_of_its_fields():
    """Nested dataclasses and elements of tuples have boxes of their own."""
    stages = (Stage("pool", ()), Stage("dense", (8,)))
    svg = draw(Unknown(4, None, Stage("conv", (3, 5)), stages), Wine())
    assert [texts(box) for box in groups(svg, "box")] == [
        ["width: 4", "Unknown"],
        ["scale: None", "Unknown"],
        ["stem", "Stage"],
        ["kind: conv", "stem"],
        ["sizes 1: 3", "stem"],
        ["sizes 2: 5", "stem"],
        ["stages 1", "Stage"],
        ["kind: pool", "stages 1"],
        ["sizes: ()", "stages 1"],
        ["stages 2", "Stage"],
        ["kind: dense", "stages 2"],
        ["sizes 1: 8", "stages 2"],
    ]


def test_nothing_joins_the_fields_of_an_unknown_architecture():
    """What feeds what is not known."""
    assert groups(draw(Unknown(4, None, Stage("conv", (3,)), ()), Wine()), "link") == []


@pytest.mark.parametrize("text", [HARD, "word " * 50, "a\x00b\nc", ""])
def test_the_text_of_an_unknown_architecture_fits_its_box_and_is_whole_when_hovered(text):
    """Whatever it is: control characters, which XML cannot hold, are spaces."""
    (box,) = groups(draw(Strange(text), Wine()), "box")
    whole = f"text: {text}".replace("\x00", " ").replace("\n", " ")
    assert title(box) == whole
    label = texts(box)[0]
    assert label == whole if len(whole) <= 32 else whole.startswith(label.removesuffix("…"))
    assert len(label) <= 32


def test_a_combination_of_columns_has_a_box_per_column():
    """With the column's name and value."""
    svg = draw(Assignment((("depth", 3), ("kind", "a"))), Wine())
    assert [texts(box)[0] for box in groups(svg, "box")] == ["depth: 3", "kind: a"]


@pytest.mark.parametrize("value", ["8 relu | 4 tanh", 7, (1, 2), Empty()])
def test_an_architecture_without_fields_is_one_box_with_its_text(value):
    """A text, a number, a tuple, a dataclass of nothing."""
    (box,) = groups(draw(value, Wine()), "box")
    assert texts(box) == [str(value), type(value).__name__]


def test_a_new_drawing_can_be_registered():
    """As with `build`."""

    @dataclass(frozen=True)
    class Ring:
        pass

    @draw.register
    def _(architecture: Ring, task):
        return column([Box("ring", "", "")], [], "ring")

    assert texts(groups(draw(Ring(), Wine()), "box")[0])[0] == "ring"


def test_a_cell_shows_what_feeds_each_node():
    """Operations of none are left out; a node that nothing feeds says so."""
    space = NasBench201Space()
    # 0>1 none, 0>2 skip, 1>2 conv1x1, 0>3 conv3x3, 1>3 none, 2>3 avgpool
    svg = draw(space.decode((0, 1, 2, 3, 0, 4)), Digits())
    assert "zeros: nothing feeds it" in svg
    assert "skip of 0 + conv1x1 of 1" in svg
    assert "conv3x3 of 0 + avgpool of 2" in svg
    assert svg.count('class="link"') == 4
