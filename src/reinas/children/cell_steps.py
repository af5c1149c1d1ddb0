"""A window of steps of a recurrent cell in PyTorch's own operations, for accelerators and export.

`cell_window.py` is faster on the CPU, whose operations it calls through NumPy; an accelerator's
memory is out of NumPy's reach. Both compute the same (section 3.4).

Shapes: T steps, B sequences, n leaves, H units, D inputs per step.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from reinas.spaces.recurrent import Cell, Node

COMBINE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "elem_mult": torch.mul,
    "max": torch.maximum,
}
ACTIVATE: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "sin": torch.sin,
}


def window(
    cell: Cell,
    x: Tensor,
    h: Tensor,
    c: Tensor,
    w: Tensor,
    u: Tensor,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run the cell over all steps of a window; autograd records every node of every step.

    Args:
        cell: The cell.
        x: Inputs [T, B, D].
        h: The hidden state before the window [B, H].
        c: The cell state before the window [B, H].
        w: The leaves' input matrices [n, H, D].
        u: The leaves' recurrent matrices [n, H, H].
        mask: [B, H]; multiplies h before every step (recurrent dropout).

    Returns:
        The outputs [T, B, H], and the last h and c [B, H].
    """
    leaves, width, _ = w.shape
    from_x = (x @ w.flatten(0, 1).t()).unflatten(-1, (leaves, width))
    across = u.flatten(0, 1).t()
    outputs = []
    for inputs in from_x:
        into = h if mask is None else h * mask
        from_h = (into @ across).unflatten(-1, (leaves, width))
        h, c = _step(cell, inputs.unbind(1), from_h.unbind(1), c)
        outputs.append(h)
    return torch.stack(outputs), h, c


def _step(
    cell: Cell, from_x: tuple[Tensor, ...], from_h: tuple[Tensor, ...], c: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of the tree: h and c, [B, H] each, of the leaves' products, [B, H] each."""
    raw: list[Tensor] = []
    values: list[Tensor] = []
    for number, node in enumerate(cell.nodes):
        if number < cell.base:
            left, right = from_x[number], from_h[number]
        else:
            left, right = (values[n] for n in cell.inputs(number))
        before, value = _apply(node, left, right)
        if number == cell.into:
            value = _apply(cell.inject, value, c)[1]
        raw.append(before)
        values.append(value)
    return values[-1], raw[cell.out]


def _apply(node: Node, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """A node's value before and after its activation."""
    before = COMBINE[node.combination](left, right)
    return before, ACTIVATE[node.activation](before)
