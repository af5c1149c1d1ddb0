"""Drawings of networks of blocks: their numbers are those of the network that is built."""

import re
from xml.etree import ElementTree

import pytest

import reinas
from reinas.report.drawing import draw
from reinas.spaces.lstm import LstmSpace
from reinas.spaces.stages import StagesSpace
from reinas.spaces.tabular import TabularSpace
from reinas.training.costs import costs

SVG = "{http://www.w3.org/2000/svg}"


class Shape:
    """The shapes of a task."""

    objective = reinas.Digits().objective

    def __init__(self, inputs, outputs, flags=()):
        self.inputs, self.outputs, self.flags = inputs, outputs, flags


CASES = {
    "images": (StagesSpace(), Shape((3, 33, 30), 7)),
    "series": (StagesSpace(dimensions=1), Shape((2, 51), 4)),
    "table": (TabularSpace(), Shape((9,), 3, (1, 4))),
    "one column": (TabularSpace(), Shape((1,), 1)),
    "conv": (reinas.ConvSpace(depth=4, strides=(1, 2)), Shape((3, 17, 16), 5)),
    "dense": (reinas.MlpSpace(), Shape((13,), 3)),
}


def hovers(svg):
    return [g.find(f"{SVG}title").text for g in ElementTree.fromstring(svg).iter(f"{SVG}g")]


def total(svg, what):
    """The sum of what hovering over each box says."""
    found = [re.findall(rf"([\d,]+) {what}", text) for text in hovers(svg)]
    return sum(int(number.replace(",", "")) for numbers in found for number in numbers)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(12))
def test_parameters_and_multiply_adds_are_those_that_torch_counts(case, seed):
    """Over all boxes, for the network as it is built."""
    space, task = CASES[case]
    architecture = space.decode(space.sample(1, seed)[0])
    svg = draw(architecture, task)
    assert (total(svg, "parameters"), total(svg, "multiply-adds")) == costs(architecture, task)


@pytest.mark.parametrize("seed", range(6))
def test_language_models_have_their_parameters(seed):
    """Tied or not; a matrix product of every weight that is not looked up."""
    space, words = LstmSpace(), 50
    architecture = space.decode(space.sample(1, seed)[0])
    svg = draw(architecture, Shape((), words))
    child = reinas.build(architecture, Shape((), words))
    assert total(svg, "parameters") == sum(p.numel() for p in child.parameters())
    matrices = sum(p.numel() for n, p in child.lstm.named_parameters() if "weight" in n)
    assert total(svg, "multiply-adds") == matrices + words * architecture.width


def test_a_block_with_a_shortcut_has_an_arc_around_it():
    """Every residual block, and inverted ones that change neither size nor width."""
    space, task = CASES["images"]
    for seed in range(20):
        architecture = space.decode(space.sample(1, seed)[0])
        expected, width = 0, architecture.width
        for number, stage in enumerate(architecture.stages):
            for place in range(stage.depth):
                same = not (number and not place) and width == stage.width
                expected += stage.block == "residual" or same
                width = stage.width
        assert draw(architecture, task).count('class="skip"') == expected
