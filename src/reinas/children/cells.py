"""A window of steps of a recurrent cell as one function with its own derivative.

Autograd would record every node of every step. Here the forward pass keeps what the derivative
needs in a few buffers over the whole window, the backward pass goes through the tree by
itself, and all weight gradients are formed in one product at the end. What is elementwise and
small is done by NumPy on the tensors' own memory: it takes a third of torch's time a call.

Shapes: T steps, B sequences, n leaves, H units, D inputs a step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reinas.spaces.recurrent import Cell

Array = NDArray[Any]


def _sigmoid(x: Array, out: Array) -> None:
    np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    np.add(out, 1.0, out=out)
    np.multiply(out, 0.5, out=out)


def _relu(x: Array, out: Array) -> None:
    np.maximum(x, 0.0, out=out)


FORWARD: dict[str, Callable[..., Any]] = {
    "identity": lambda x, out: np.copyto(out, x),
    "tanh": lambda x, out: np.tanh(x, out=out),
    "sigmoid": _sigmoid,
    "relu": _relu,
    "sin": lambda x, out: np.sin(x, out=out),
}


def _slope_of_sigmoid(x: Array, y: Array) -> None:
    np.multiply(y, y, out=x)
    np.subtract(y, x, out=x)


def _slope_of_tanh(x: Array, y: Array) -> None:
    np.multiply(y, y, out=x)
    np.subtract(1.0, x, out=x)


SLOPE: dict[str, Callable[..., Any]] = {
    "identity": lambda x, y: x.fill(1.0),
    "tanh": _slope_of_tanh,
    "sigmoid": _slope_of_sigmoid,
    "relu": lambda x, y: np.greater(y, 0.0, out=x, casting="unsafe"),
    "sin": lambda x, y: np.cos(x, out=x),
}
"""The activation's derivative, from its input x and its output y, written over x."""
COMBINE = {"add": np.add, "elem_mult": np.multiply, "max": np.maximum}


def _shares(combination: str, left: Array, right: Array) -> tuple[Array, Array]:
    """The derivatives of `elem_mult` or `max`; equal maxima share, as in autograd."""
    if combination == "elem_mult":
        return right, left
    more = ((left > right) + 0.5 * (left == right)).astype(left.dtype)
    return more, 1.0 - more


def product(x: Tensor, weight: Tensor) -> Tensor:
    """X [N, K] times weight [M, K] transposed: [N, M].

    By oneDNN where torch has it: on some processors it is twice as fast as what torch's own
    product calls (docs/design.md, "Surprises").
    """
    if ONEDNN is None or x.dtype != torch.float32:
        return x @ weight.t()
    result: Tensor = ONEDNN(x, weight, None, "none", [], "")
    return result


ONEDNN: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


@dataclass(frozen=True)
class Runs:
    """Which leaves can be done at once: (first, last + 1, combination or activation)."""

    combinations: tuple[tuple[int, int, str], ...]
    activations: tuple[tuple[int, int, str], ...]


@lru_cache(maxsize=1024)
def runs(cell: Cell) -> Runs:
    """Neighbouring leaves with the same operation."""
    leaves = cell.nodes[: cell.base]

    def of(words: list[str]) -> tuple[tuple[int, int, str], ...]:
        found, place = [], 0
        for word, group in groupby(words):
            count = len(list(group))
            found.append((place, place + count, word))
            place += count
        return tuple(found)

    return Runs(of([leaf.combination for leaf in leaves]), of([leaf.activation for leaf in leaves]))


class _Tape:
    """What a window's forward pass keeps: arrays over all its steps.

    Leaves lie side by side, [T, B, n, H]; inner nodes have arrays [T, B, H] of their own.
    """

    def __init__(self, cell: Cell, wx: Array, steps: int, batch: int, width: int) -> None:
        kind = wx.dtype
        self.cell = cell
        self.wx = wx
        self.uh: list[Array] = []
        self.raw = np.empty_like(wx)
        self.value = np.empty_like(wx)
        inner = range(cell.base, len(cell.nodes))
        self.inner_raw = {k: np.empty((steps, batch, width), kind) for k in inner}
        self.inner_value = {k: np.empty((steps, batch, width), kind) for k in inner}
        self.injected_raw = np.empty((steps, batch, width), kind)
        self.injected = np.empty((steps, batch, width), kind)

    def raw_of(self, node: int) -> Array:
        """A node before its activation: [T, B, H]."""
        return self.inner_raw[node] if node >= self.cell.base else self.raw[:, :, node]

    def value_of(self, node: int) -> Array:
        """A node after its activation, before the injection: [T, B, H]."""
        return self.inner_value[node] if node >= self.cell.base else self.value[:, :, node]

    def output_of(self, node: int) -> Array:
        """What a node gives to the node above: [T, B, H]."""
        return self.injected if node == self.cell.into else self.value_of(node)

    def step(self, t: int, uh: Array, c: Array) -> None:
        """Go up the tree: U h [B, n, H] and c [B, H] of this step."""
        cell = self.cell
        plan = runs(cell)
        self.uh.append(uh)
        wx, raw, value = self.wx[t], self.raw[t], self.value[t]
        for a, b, combination in plan.combinations:
            COMBINE[combination](wx[:, a:b], uh[:, a:b], out=raw[:, a:b])
        for a, b, activation in plan.activations:
            FORWARD[activation](raw[:, a:b], out=value[:, a:b])
        if cell.into < cell.base:
            self._inject(t, c)
        for node in range(cell.base, len(cell.nodes)):
            left, right = cell.inputs(node)
            raw = self.inner_raw[node][t]
            what = cell.nodes[node]
            COMBINE[what.combination](self.output_of(left)[t], self.output_of(right)[t], out=raw)
            FORWARD[what.activation](raw, out=self.inner_value[node][t])
            if node == cell.into:
                self._inject(t, c)

    def _inject(self, t: int, c: Array) -> None:
        inject = self.cell.inject
        value = self.value_of(self.cell.into)[t]
        COMBINE[inject.combination](value, c, out=self.injected_raw[t])
        FORWARD[inject.activation](self.injected_raw[t], out=self.injected[t])


class _Window(torch.autograd.Function):
    """See `window`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor,
        c: Tensor,
        w: Tensor,
        u: Tensor,
        mask: Tensor | None,
        cell: Cell,
    ) -> tuple[Tensor, Tensor, Tensor]:
        steps, batch, inputs = x.shape
        leaves, width, _ = w.shape
        wx = product(x.reshape(-1, inputs), w.reshape(-1, inputs))
        tape = _Tape(cell, wx.numpy().reshape(steps, batch, leaves, width), steps, batch, width)
        root = torch.from_numpy(tape.output_of(len(cell.nodes) - 1))
        before = h.new_empty(steps, batch, width)
        across = u.reshape(-1, width)
        out = tape.raw_of(cell.out)
        last, state = h, c.numpy()
        with np.errstate(all="ignore"):  # what explodes is found in the loss
            for t, into in enumerate(before):
                if mask is None:
                    into.copy_(last)
                else:
                    torch.mul(last, mask, out=into)
                tape.step(t, product(into, across).numpy().reshape(batch, leaves, width), state)
                last, state = root[t], out[t]
        ctx.tape, ctx.before, ctx.mask = tape, before, mask
        ctx.save_for_backward(x, c, w, u)
        return root.clone(), last.clone(), torch.from_numpy(np.array(state))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, c, w, u = ctx.saved_tensors
        inputs, width = x.shape[2], w.shape[1]
        outputs, gh, gc = (grad.numpy() for grad in grads)
        across = u.reshape(-1, width).t()
        with np.errstate(all="ignore"):
            down = _Down(ctx.tape, c.numpy())
            for t in reversed(range(len(outputs))):
                gc = down.step(t, outputs[t] + gh, gc)
                back = product(torch.from_numpy(down.du[t]).view(-1, across.shape[1]), across)
                gh = (back if ctx.mask is None else back.mul_(ctx.mask)).numpy()
        dw, du = (torch.from_numpy(d).view(-1, across.shape[1]) for d in (down.dw, down.du))
        flat_x, flat_h = x.reshape(-1, inputs), ctx.before.view(-1, width)
        return (
            product(dw, w.reshape(-1, inputs).t()).view_as(x),
            torch.from_numpy(gh),
            torch.from_numpy(np.array(gc)),
            product(dw.t(), flat_x.t()).view_as(w),
            product(du.t(), flat_h.t()).view_as(u),
            None,
            None,
        )


class _Down:
    """The way back through the tree.

    The slopes of all activations are worked out beforehand, for all steps at once, over what
    the tape has of the nodes before their activation. `du` and `dw` are the gradients of
    U h and W x, [T, B, n, H]: the same array if every leaf adds the two.
    """

    def __init__(self, tape: _Tape, c: Array) -> None:
        self.tape, self.cell = tape, tape.cell
        cell = self.cell
        self.top = len(cell.nodes) - 1
        # c_(t-1) of every step: the given one, then what each step kept
        self.states = np.concatenate([c[None], tape.raw_of(cell.out)[:-1]])
        for node in range(cell.base, len(cell.nodes)):
            SLOPE[cell.nodes[node].activation](tape.inner_raw[node], tape.inner_value[node])
        for a, b, activation in runs(cell).activations:
            SLOPE[activation](tape.raw[:, :, a:b], tape.value[:, :, a:b])
        SLOPE[cell.inject.activation](tape.injected_raw, tape.injected)
        self.apart = [run for run in runs(cell).combinations if run[2] != "add"]
        self.dw = np.empty_like(tape.wx)
        self.du = np.empty_like(tape.wx) if self.apart else self.dw

    def step(self, t: int, gh: Array, gc: Array) -> Array:
        """One step back: the gradients of h_t and c_t -> that of c_(t-1); fills du and dw."""
        cell, tape = self.cell, self.tape
        leaves = self.dw[t]
        grads: dict[int, Array] = {self.top: gh}
        passed: Array | None = None
        for node in range(self.top, cell.base - 1, -1):
            grad = grads.pop(node)
            if node == cell.into:
                grad, passed = self._through_injection(t, grad)
            if cell.nodes[node].activation != "identity":
                grad = grad * tape.inner_raw[node][t]
            if node == cell.out:
                grad = grad + gc
            self._split(t, node, grad, leaves, grads)
        if self.top < cell.base:  # one leaf alone
            leaves[:, 0] = gh
        if passed is None:
            leaves[:, cell.into], passed = self._through_injection(t, leaves[:, cell.into])
        np.multiply(leaves, tape.raw[t], out=leaves)
        if cell.out < cell.base:
            leaves[:, cell.out] += gc
        if self.apart:
            self._separate(t, leaves)
        return passed

    def _through_injection(self, t: int, grad: Array) -> tuple[Array, Array]:
        """The gradients of the node's own value and of c_(t-1)."""
        grad = grad * self.tape.injected_raw[t]
        if self.cell.inject.combination == "add":
            return grad, grad
        value = self.tape.value_of(self.cell.into)[t]
        shares = _shares(self.cell.inject.combination, value, self.states[t])
        return grad * shares[0], grad * shares[1]

    def _split(
        self, t: int, node: int, grad: Array, leaves: Array, grads: dict[int, Array]
    ) -> None:
        """Hand the gradient of a node before its activation down to its two inputs."""
        one, other = self.cell.inputs(node)
        combination = self.cell.nodes[node].combination
        if combination == "add":
            if other < self.cell.base:
                leaves[:, one] = leaves[:, other] = grad
            else:
                grads[one] = grads[other] = grad
            return
        left, right = (self.tape.output_of(child)[t] for child in (one, other))
        shares = _shares(combination, left, right)
        for child, share in ((one, shares[0]), (other, shares[1])):
            if child < self.cell.base:
                np.multiply(grad, share, out=leaves[:, child])
            else:
                grads[child] = grad * share

    def _separate(self, t: int, leaves: Array) -> None:
        """From the gradients of the leaves before their activation to those of U h and W x."""
        wx, uh, du = self.tape.wx[t], self.tape.uh[t], self.du[t]
        np.copyto(du, leaves)
        for a, b, combination in self.apart:
            of_w, of_u = _shares(combination, wx[:, a:b], uh[:, a:b])
            np.multiply(du[:, a:b], of_u, out=du[:, a:b])
            np.multiply(leaves[:, a:b], of_w, out=leaves[:, a:b])


def window(
    cell: Cell,
    x: Tensor,
    h: Tensor,
    c: Tensor,
    w: Tensor,
    u: Tensor,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """All steps of the cell: x [T, B, D] -> outputs [T, B, H], the last h and c [B, H].

    `w` [n, H, D] and `u` [n, H, H] are the leaves' matrices, `h` and `c` the states before;
    `mask` [B, H] multiplies h before every step (recurrent dropout).
    """
    result: tuple[Tensor, Tensor, Tensor]
    result = _Window.apply(x, h, c, w, u, mask, cell)  # type: ignore[no-untyped-call]
    return result
