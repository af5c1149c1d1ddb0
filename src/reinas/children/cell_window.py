"""A window of steps of a recurrent cell as one function with its own derivative.

Autograd would record every node of every step. Here the tree is walked by the programs of
`tape.py`, and all weight gradients are formed in one product at the end.

Shapes: T steps, B sequences, n leaves, H units, D inputs a step.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from reinas.children.tape import Tape, run
from reinas.spaces.recurrent import Cell

ONEDNN: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


def product(x: Tensor, weight: Tensor) -> Tensor:
    """X [N, K] times weight [M, K] transposed: [N, M].

    By oneDNN where torch has it: on some processors it is twice as fast as what torch's own
    product calls (docs/design.md, "Surprises").
    """
    if ONEDNN is None or x.dtype != torch.float32:
        return x @ weight.t()
    result: Tensor = ONEDNN(x, weight, None, "none", [], "")
    return result


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
        wx = product(x.reshape(-1, inputs), w.reshape(-1, inputs)).numpy()
        tape = Tape(cell, wx.reshape(steps, batch, leaves, width), c.numpy())
        program = tape.up()
        root = torch.from_numpy(tape.output_of(len(cell.nodes) - 1))
        uh = torch.from_numpy(tape.uh).view(steps, batch, leaves * width)
        before = h.new_empty(steps, batch, width)
        across = u.reshape(-1, width)
        last = h
        with np.errstate(all="ignore"):  # what explodes is found in the loss
            for t, into in enumerate(before):
                if mask is None:
                    into.copy_(last)
                else:
                    torch.mul(last, mask, out=into)
                uh[t].copy_(product(into, across))
                run(program, t)
                last = root[t]
        ctx.tape, ctx.before, ctx.mask = tape, before, mask
        ctx.save_for_backward(x, w, u)
        state = np.array(tape.raw_of(cell.out)[-1])
        return root.clone(), last.clone(), torch.from_numpy(state)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u = ctx.saved_tensors
        inputs, width = x.shape[2], w.shape[1]
        tape: Tape = ctx.tape
        outputs, last_h, last_c = (grad.numpy() for grad in grads)
        gh = np.empty_like(last_h)
        gc = np.empty((len(outputs) + 1, *last_c.shape), last_c.dtype)
        gc[-1] = last_c
        across = u.reshape(-1, width).t()
        dw, du = (torch.from_numpy(d).view(-1, across.shape[1]) for d in (tape.dw, tape.du))
        back = last_h
        with np.errstate(all="ignore"):
            tape.prepare()
            program = tape.down(gh, gc)
            for t in reversed(range(len(outputs))):
                np.add(outputs[t], back, out=gh)
                run(program, t)
                down = product(du[t * len(gh) : (t + 1) * len(gh)], across)
                back = (down if ctx.mask is None else down.mul_(ctx.mask)).numpy()
        flat_x, flat_h = x.reshape(-1, inputs), ctx.before.view(-1, width)
        return (
            product(dw, w.reshape(-1, inputs).t()).view_as(x),
            torch.from_numpy(back),
            torch.from_numpy(gc[0].copy()),
            product(dw.t(), flat_x.t()).view_as(w),
            product(du.t(), flat_h.t()).view_as(u),
            None,
            None,
        )


def _shapes(x: Tensor, h: Tensor, w: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a window gives on the meta device, where products are counted, not computed."""
    width = w.shape[1]
    x.flatten(0, 1) @ w.flatten(0, 1).t()
    for _ in x:
        h @ u.flatten(0, 1).t()
    return x.new_empty(*x.shape[:2], width), h.new_empty(h.shape), h.new_empty(h.shape)


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
    if x.is_meta:
        return _shapes(x, h, w, u)
    result: tuple[Tensor, Tensor, Tensor]
    result = _Window.apply(x, h, c, w, u, mask, cell)  # type: ignore[no-untyped-call]
    return result
