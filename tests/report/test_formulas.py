"""Formulas of a cell: figure 5's, and what they compute for cells at random."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from reinas import RecurrentSpace, formulas
from reinas.spaces.recurrent import Cell, Node
from reinas.zoo.recurrent import CELLS, FIGURE_5, FIGURE_8, parsed

PLAIN = Path(__file__).parents[2] / "benchmarks" / "plain_cell.py"
SPEC = importlib.util.spec_from_file_location("plain_cell", PLAIN)
plain_cell = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(plain_cell)

KNOWN = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "relu": lambda x: np.maximum(x, 0),
    "sin": np.sin,
    "max": np.maximum,
    "__builtins__": {},
}
NODES = st.builds(
    Node,
    st.sampled_from(["add", "elem_mult", "max"]),
    st.sampled_from(["identity", "tanh", "sigmoid", "relu", "sin"]),
)


@st.composite
def cells(draw):
    """Cells of up to eight leaves."""
    count = 2 * draw(st.sampled_from([1, 2, 4, 8])) - 1
    nodes = tuple(draw(NODES) for _ in range(count))
    place = st.integers(0, count - 1)
    return Cell(nodes, draw(NODES), draw(place), draw(place))


def sides(text):
    """Left and right sides of the lines."""
    return [tuple(side.strip() for side in line.split(" = ")) for line in text.split("\n")]


def evaluated(text, x, h, c, w, u):
    """h_t and c_t by Python's own reading of the lines, from top to bottom."""
    names = {"c": c}
    for n in range(len(w)):
        names[f"W{n}x"], names[f"U{n}h"] = x @ w[n].T, h @ u[n].T
    for left, right in sides(text):
        source = re.sub(r"W(\d+) x\b", r"W\1x", re.sub(r"U(\d+) h\b", r"U\1h", right))
        source = re.sub(r"\b([ab]\d+)'", r"\1_", source)
        target = left.replace("'", "_")
        assert target not in names  # no line says again what another one said
        names[target] = eval(source, {**KNOWN, **names})
    return names["h_t"], names["c_t"]


def test_figure_5_gives_the_papers_formulas():
    """The five lines of section 3.4, with x for x_t, h for h_(t-1), c for c_(t-1)."""
    assert sides(formulas(parsed(FIGURE_5))) == [
        ("a0", "tanh(W0 x + U0 h)"),
        ("a0'", "relu(a0 + c)"),
        ("a1", "relu((W1 x) * (U1 h))"),
        ("h_t", "sigmoid(a0' * a1)"),
        ("c_t", "(W1 x) * (U1 h)"),
    ]


@given(cell=cells(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_the_lines_compute_what_the_cell_computes(cell, seed):
    """Read by Python, on NumPy's arrays, against the cell node by node in torch."""
    rng = np.random.default_rng(seed)
    batch, width = 3, 4
    x, h, c = (rng.standard_normal((batch, width)) for _ in range(3))
    w, u = (rng.standard_normal((cell.base, width, width)) for _ in range(2))
    found = evaluated(formulas(cell), x, h, c, w, u)
    expected = plain_cell.step(cell, *map(torch.from_numpy, (x, h, c, w, u)))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-9, atol=1e-12)


def test_the_signs_line_up():
    """All equals signs in one column."""
    text = formulas(parsed(FIGURE_8))
    assert len({line.index(" = ") for line in text.split("\n")}) == 1


def test_an_lstm_by_hand():
    """i * g + f * c, and o * tanh of that: from the zoo's cell, read by Python."""
    lstm = next(p for p in CELLS if p.name == "lstm")
    cell = lstm.space.decode(lstm.answers).cell
    rng = np.random.default_rng(1)
    x, h, c = (rng.standard_normal((2, 5)) for _ in range(3))
    w, u = (rng.standard_normal((8, 5, 5)) for _ in range(2))
    gate = [x @ w[n].T + h @ u[n].T for n in range(8)]
    o, f = expit(sum(gate[:4])), expit(gate[4] + gate[5])
    c_t = expit(gate[6]) * np.tanh(gate[7]) + f * c
    found = evaluated(formulas(cell), x, h, c, w, u)
    np.testing.assert_allclose(found[1], c_t, rtol=1e-9)
    np.testing.assert_allclose(found[0], o * np.tanh(c_t), rtol=1e-9)


@given(cell=cells())
@settings(max_examples=60, deadline=None)
def test_latex_is_balanced_and_has_one_line_a_formula(cell):
    """As many lines as the text, each with one &=, between begin and end."""
    latex = formulas(cell, latex=True)
    first, *lines, last = latex.split("\n")
    assert (first, last) == (r"\begin{aligned}", r"\end{aligned}")
    assert len(lines) == len(formulas(cell).split("\n"))
    for number, line in enumerate(lines):
        assert line.count("&=") == 1
        assert line.endswith(r"\\") == (number < len(lines) - 1)
        assert line.count("{") == line.count("}")
        assert line.count("(") == line.count(")")
    depth = 0
    for character in latex:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0


def test_figure_5_in_latex():
    """The first line as a mathematician writes it; products are Hadamard's."""
    lines = formulas(parsed(FIGURE_5), latex=True).split("\n")
    assert lines[1].strip() == r"a_{0} &= \tanh(W_{0} x_t + U_{0} h_{t-1}) \\"
    assert lines[-2].strip() == r"c_t &= (W_{1} x_t) \odot (U_{1} h_{t-1})"


@pytest.mark.parametrize("latex", [False, True])
def test_every_published_cell_has_formulas(latex):
    """And they name every leaf's two matrices."""
    for entry in CELLS:
        cell = RecurrentSpace.decode(entry.space, entry.answers).cell
        text = formulas(cell, latex=latex)
        for n in range(cell.base):
            assert (f"W_{{{n}}}" if latex else f"W{n}") in text
            assert (f"U_{{{n}}}" if latex else f"U{n}") in text
