"""A recurrent cell as two programs of NumPy calls: forward up the tree, backward down it.

The programs work in place on buffers for a whole window of steps. The operations are elementwise
and small, so a NumPy call takes a fraction of the time of a torch call.

Shapes: T steps, B sequences, n leaves, H units, D inputs per step.
"""

import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.spaces.recurrent import Cell

Array = NDArray[Any]
Steps = Sequence[Array]
"""One array per step."""
Call = tuple[Callable[..., Any], Steps, Steps | None, Steps]
"""A NumPy function, its first and second argument (if any), and its output."""


def _maximum(left: Array, right: Array, out: Array) -> None:
    np.maximum(left, right, out=out)  # for maximum, NumPy takes `out` by name only


COMBINE: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "elem_mult": np.multiply,
    "max": _maximum,
}


@lru_cache(maxsize=1024)
def runs(cell: Cell, field: str) -> tuple[tuple[slice, str], ...]:
    """Runs of adjacent leaves with the same operation; each run is one call.

    Args:
        cell: The cell.
        field: `combination` or `activation`.

    Returns:
        The leaves of each run, and their operation.
    """
    found, place = [], 0
    for word, group in groupby(getattr(leaf, field) for leaf in cell.nodes[: cell.base]):
        count = len(list(group))
        found.append((slice(place, place + count), word))
        place += count
    return tuple(found)


_spare: dict[tuple[int, Any], list[Array]] = {}
MAX_SPARE = 8  # blocks of each size that are kept for reuse


def _borrow(size: int, kind: Any) -> Array:
    """Reuse the memory of an earlier window: allocating costs more than the computation."""
    blocks = _spare.get((size, kind))
    block: Array = blocks.pop() if blocks else np.empty(size, kind)
    return block


def _give_back(block: Array) -> None:
    blocks = _spare.setdefault((block.size, block.dtype), [])
    if len(blocks) < MAX_SPARE:
        blocks.append(block)


class Tape:
    """The values of a window: every node before and after its activation, for all steps.

    Leaves share arrays [T, B, n, H]; each inner node has arrays [T, B, H].

    Args:
        cell: The cell.
        wx: The products W x of all leaves and steps [T, B, n, H].
        c: The cell state before the window [B, H].

    Attributes:
        uh: The products U h [T, B, n, H]; filled in step by step.
        dw: Gradients of W x [T, B, n, H].
        du: Gradients of U h [T, B, n, H].
    """

    def __init__(self, cell: Cell, wx: Array, c: Array) -> None:
        self.cell, self.wx, self.c = cell, wx, c
        self.half = np.full(1, 0.5, wx.dtype)
        self.prepared = False
        steps, batch, leaves, width = wx.shape
        small = steps * batch * width
        block = _borrow((5 * leaves + 2 * len(cell.nodes) - 2 * cell.base + 3) * small, wx.dtype)
        weakref.finalize(self, _give_back, block)
        large, rest = np.split(block, [5 * leaves * small])
        self.uh: Array
        self.raw: Array
        self.value: Array
        self.dw: Array
        self.du: Array
        self.uh, self.raw, self.value, self.dw, self.du = large.reshape(5, *wx.shape)
        arrays = iter(rest.reshape(-1, steps, batch, width))
        inner = range(cell.base, len(cell.nodes))
        self.inner_raw: dict[int, Array] = {k: next(arrays) for k in inner}
        self.inner_value: dict[int, Array] = {k: next(arrays) for k in inner}
        self.injected_raw, self.injected, self.states = arrays

    def raw_of(self, node: int) -> Array:
        """A node's value before its activation: [T, B, H]."""
        return self.inner_raw[node] if node >= self.cell.base else self.raw[:, :, node]

    def value_of(self, node: int) -> Array:
        """A node's value after its activation, before the cell inject: [T, B, H]."""
        return self.inner_value[node] if node >= self.cell.base else self.value[:, :, node]

    def output_of(self, node: int) -> Array:
        """A node's output to its parent, after the cell inject if there is one: [T, B, H]."""
        return self.injected if node == self.cell.into else self.value_of(node)

    # ---- forward -----------------------------------------------------------------------------

    def forward(self) -> list[Call]:
        """The forward program; before it is run for a step, `uh` must hold that step's U h."""
        cell = self.cell
        calls: list[Call] = []
        for part, word in runs(cell, "combination"):
            arrays = (a[:, :, part] for a in (self.wx, self.uh, self.raw))
            calls.append(_call(COMBINE[word], *arrays))
        for part, word in runs(cell, "activation"):
            calls += self._activate(word, self.raw[:, :, part], self.value[:, :, part])
        for node in range(len(cell.nodes)):
            if node >= cell.base:
                what, raw = cell.nodes[node], self.inner_raw[node]
                left, right = map(self.output_of, cell.inputs(node))
                calls.append(_call(COMBINE[what.combination], left, right, raw))
                calls += self._activate(what.activation, raw, self.inner_value[node])
            if node == cell.into:
                before = [self.c, *self.raw_of(cell.out)[:-1]]
                combine = COMBINE[cell.inject.combination]
                value = self.value_of(node)
                calls.append((combine, list(value), before, list(self.injected_raw)))
                calls += self._activate(cell.inject.activation, self.injected_raw, self.injected)
        return calls

    def _activate(self, word: str, x: Array, y: Array) -> list[Call]:
        match word:
            case "sigmoid":  # (1 + tanh(x / 2)) / 2
                half = [self.half] * len(x)
                return [
                    _call(np.multiply, x, half, y),
                    _call(np.tanh, y, None, y),
                    _call(np.multiply, y, half, y),
                    _call(np.add, y, half, y),
                ]
            case "relu":
                return [_call(_maximum, x, [np.zeros(1, x.dtype)] * len(x), y)]
            case _:
                functions = {"identity": np.positive, "tanh": np.tanh, "sin": np.sin}
                return [_call(functions[word], x, None, y)]

    # ---- backward ----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Prepare for the backward program; calls after the first do nothing.

        The derivatives of all activations replace the nodes' values before their activations.
        c_(t-1) of every step is saved first, since it is one of these values.
        """
        if self.prepared:
            return
        self.prepared = True
        cell = self.cell
        self.states[0], self.states[1:] = self.c, self.raw_of(cell.out)[:-1]
        for node, raw in self.inner_raw.items():
            _slope(cell.nodes[node].activation, raw, self.inner_value[node])
        for part, word in runs(cell, "activation"):
            _slope(word, self.raw[:, :, part], self.value[:, :, part])
        _slope(cell.inject.activation, self.injected_raw, self.injected)

    def backward(self, gh: Array, gc: Array) -> list[Call]:
        """The backward program, to be run from the last step to the first.

        It writes the gradients of W x and U h into `dw` and `du`.

        Args:
            gh: [B, H], the gradient of h_t; to be filled in before each step.
            gc: [T + 1, B, H]; at t + 1 the gradient of c_t, and step t writes that of c_(t-1) at t.

        Returns:
            The calls.
        """
        cell, dw, steps = self.cell, self.dw, len(self.dw)
        top = len(cell.nodes) - 1
        scratch = {k: np.empty_like(gh) for k in range(cell.base, top)}
        grads: dict[int, Steps] = {k: [array] * steps for k, array in scratch.items()}
        grads |= {k: list(dw[:, :, k]) for k in range(cell.base)}
        given: Steps = [gh] * steps
        calls: list[Call] = [(np.positive, given, None, grads[0])] if top == 0 else []
        grads[top] = given if top else grads[0]
        for node in range(top, cell.base - 1, -1):
            grad = grads[node]
            if node == cell.into:
                calls += self._back_through_injection(grad, gc)
            if cell.nodes[node].activation != "identity":
                calls.append((np.multiply, grad, list(self.inner_raw[node]), grad))
            if node == cell.out:
                calls.append((np.add, grad, list(gc[1:]), grad))
            calls += self._split(node, grad, grads)
        if cell.into < cell.base:
            calls += self._back_through_injection(grads[cell.into], gc)
        calls.append(_call(np.multiply, dw, self.raw, dw))
        if cell.out < cell.base:
            grad = grads[cell.out]
            calls.append((np.add, grad, list(gc[1:]), grad))
        return calls + self._separate()

    def _back_through_injection(self, grad: Steps, gc: Array) -> list[Call]:
        calls: list[Call] = [(np.multiply, grad, list(self.injected_raw), grad)]
        passed = list(gc[:-1])
        combination = self.cell.inject.combination
        if combination == "add":
            return [*calls, (np.positive, grad, None, passed)]
        value = self.value_of(self.cell.into)
        of_value, of_state = _shares(combination, value, self.states)
        return [
            *calls,
            (np.multiply, grad, list(of_state), passed),
            (np.multiply, grad, list(of_value), grad),
        ]

    def _split(self, node: int, grad: Steps, grads: dict[int, Steps]) -> list[Call]:
        """Pass the gradient of a node before its activation on to its two inputs."""
        one, other = self.cell.inputs(node)
        combination = self.cell.nodes[node].combination
        if combination == "add":
            return [(np.positive, grad, None, grads[child]) for child in (one, other)]
        left, right = _shares(combination, self.output_of(one), self.output_of(other))
        return [
            (np.multiply, grad, list(left), grads[one]),
            (np.multiply, grad, list(right), grads[other]),
        ]

    def _separate(self) -> list[Call]:
        """Turn the gradients of the leaves before their activations into those of W x and U h."""
        dw, du = self.dw, self.du
        calls = [_call(np.positive, dw, None, du)]
        for part, word in runs(self.cell, "combination"):
            if word != "add":
                arrays = (self.wx[:, :, part], self.uh[:, :, part])
                of_w, of_u = _shares(word, *arrays)
                calls.append(_call(np.multiply, du[:, :, part], of_u, du[:, :, part]))
                calls.append(_call(np.multiply, dw[:, :, part], of_w, dw[:, :, part]))
        return calls


def _call(
    function: Callable[..., Any],
    a: Iterable[Array],
    b: Iterable[Array] | None,
    out: Iterable[Array],
) -> Call:
    return function, list(a), None if b is None else list(b), list(out)


def execute(program: list[Call], t: int) -> None:
    """Execute a program for one step.

    Args:
        program: From `Tape.forward` or `Tape.backward`.
        t: The step.
    """
    for function, a, b, out in program:
        if b is None:
            function(a[t], out[t])
        else:
            function(a[t], b[t], out[t])


def _slope(word: str, x: Array, y: Array) -> None:
    """The activation's derivative, from its input x and its output y, written over x."""
    match word:
        case "identity":
            x.fill(1.0)
        case "tanh":
            np.multiply(y, y, out=x)
            np.subtract(1.0, x, out=x)
        case "sigmoid":
            np.multiply(y, y, out=x)
            np.subtract(y, x, out=x)
        case "relu":
            np.greater(y, 0.0, out=x, casting="unsafe")
        case _:
            np.cos(x, out=x)


def _shares(combination: str, left: Array, right: Array) -> tuple[Array, Array]:
    """The derivatives of `elem_mult` or `max`; equal maxima get half each, as in autograd."""
    if combination == "elem_mult":
        return right, left
    more = ((left > right) + 0.5 * (left == right)).astype(left.dtype)
    return more, 1.0 - more
