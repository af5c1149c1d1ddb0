"""A window of steps of a recurrent cell as one autograd function.

Plain autograd would record every node of every step. Here the programs of `tape.py` evaluate the
tree and its derivative, and each weight gradient is one matrix product at the end. That is for the
CPU; on other devices `cell_steps.py` computes the same by autograd.

Shapes: T steps, B sequences, n leaves, H units, D inputs per step.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from reinas.children.cell_steps import window as steps_window
from reinas.children.tape import Tape, execute
from reinas.spaces.recurrent import Cell

ONEDNN: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


def product(x: Tensor, weight: Tensor) -> Tensor:
    """The matrix product of x and the transposed weight.

    It uses oneDNN if torch has it: on some processors that is twice as fast as the library that
    torch's own product calls (docs/design.md, "Surprises").

    Args:
        x: [N, K].
        weight: [M, K].

    Returns:
        [N, M].
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
        program = tape.forward()
        root = torch.from_numpy(tape.output_of(len(cell.nodes) - 1))
        uh = torch.from_numpy(tape.uh).view(steps, batch, leaves * width)
        before = h.new_empty(steps, batch, width)
        across = u.reshape(-1, width)
        last = h
        with np.errstate(all="ignore"):  # divergence is detected in the loss
            for t, into in enumerate(before):
                if mask is None:
                    into.copy_(last)
                else:
                    torch.mul(last, mask, out=into)
                uh[t].copy_(product(into, across))
                execute(program, t)
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
            program = tape.backward(gh, gc)
            for t in reversed(range(len(outputs))):
                np.add(outputs[t], back, out=gh)
                execute(program, t)
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
    """The window on the meta device, where matrix products are counted and not computed."""
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
    """Run the cell over all steps of a window (section 3.4).

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
    if x.is_meta:
        return _shapes(x, h, w, u)
    if x.device.type != "cpu":
        return steps_window(cell, x, h, c, w, u, mask)
    result: tuple[Tensor, Tensor, Tensor]
    result = _Window.apply(x, h, c, w, u, mask, cell)  # type: ignore[no-untyped-call]
    return result
