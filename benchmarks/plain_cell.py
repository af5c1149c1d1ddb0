"""A recurrent cell node by node and step by step, by autograd: slow, as a reference."""

import torch
from torch import Tensor

from reinas.spaces.recurrent import Cell, Node

COMBINE = {"add": torch.add, "elem_mult": torch.mul, "max": torch.maximum}
ACTIVATE = {
    "identity": lambda x: x,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "sin": torch.sin,
}


def apply(node: Node, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """The combination of both, before and after the activation."""
    before = COMBINE[node.combination](left, right)
    return before, ACTIVATE[node.activation](before)


def step(
    cell: Cell, x: Tensor, h: Tensor, c: Tensor, w: Tensor, u: Tensor
) -> tuple[Tensor, Tensor]:
    """One step: x [B, D], h and c [B, H], w [base, H, D], u [base, H, H] -> h, c."""
    before: list[Tensor] = []
    values: list[Tensor] = []
    for number, node in enumerate(cell.nodes):
        if number < cell.base:
            left, right = x @ w[number].T, h @ u[number].T
        else:
            one, other = cell.inputs(number)
            left, right = values[one], values[other]
        raw, value = apply(node, left, right)
        if number == cell.into:
            value = apply(cell.inject, value, c)[1]
        before.append(raw)
        values.append(value)
    return values[-1], before[cell.out]


def window(
    cell: Cell, x: Tensor, h: Tensor, c: Tensor, w: Tensor, u: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """All steps of x [T, B, D] -> outputs [T, B, H], last h, last c; `mask` [B, H] is on h."""
    outputs = []
    for now in x:
        h, c = step(cell, now, h if mask is None else h * mask, c, w, u)
        outputs.append(h)
    return torch.stack(outputs), h, c
