"""A window of steps: what it computes, and its own derivative."""

import math

import pytest
import torch
from benchmarks.plain_cell import window as plain
from torch import nn

from reinas import RecurrentSpace
from reinas.children.cell_window import ONEDNN, product, window
from reinas.zoo import ZOO

T, B, D, H = 4, 3, 5, 4
CONTROL = RecurrentSpace(
    combinations=("add", "elem_mult", "max"),
    activations=("identity", "tanh", "sigmoid", "relu", "sin"),
)


def cell_of(name):
    return ZOO[name].architecture.cell


def tensors(base, seed=0, dtype=torch.float64, inputs=D, width=H, steps=T):
    """x, h, c, W and U, all asking for gradients."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(steps, B, inputs), (B, width), (B, width)]
    shapes += [(base, width, inputs), (base, width, width)]
    return [
        (0.7 * torch.randn(shape, generator=generator, dtype=dtype)).requires_grad_()
        for shape in shapes
    ]


# ---- the formulas --------------------------------------------------------------------------------


def test_figure_5_gives_exactly_its_five_formulas():
    """Written out by hand, step by step (section 3.4)."""
    x, h, c, w, u = (t.detach() for t in tensors(2))
    outputs, last_h, last_c = window(cell_of("figure-5"), x, h, c, w, u)
    for t in range(T):
        a0 = torch.tanh(x[t] @ w[0].T + h @ u[0].T)
        a1 = torch.relu((x[t] @ w[1].T) * (h @ u[1].T))
        a0_new = torch.relu(a0 + c)
        c = (x[t] @ w[1].T) * (h @ u[1].T)
        h = torch.sigmoid(a0_new * a1)
        torch.testing.assert_close(outputs[t], h)
    torch.testing.assert_close(last_h, h)
    torch.testing.assert_close(last_c, c)


def test_the_first_cell_of_figure_8_is_what_the_paper_draws():
    """Leaves 0 to 7, four, two, one; c_t is node 12, c_(t-1) enters node 8."""
    x, h, c, w, u = (t.detach() for t in tensors(8, seed=1))
    outputs, _, last_c = window(cell_of("zoph-le-cell"), x, h, c, w, u)
    sig, relu, tanh = torch.sigmoid, torch.relu, torch.tanh
    for t in range(T):
        p = [x[t] @ w[k].T for k in range(8)]
        q = [h @ u[k].T for k in range(8)]
        leaves = [
            *(sig(p[0] + q[0]), relu(p[1] + q[1]), sig(p[2] + q[2]), relu(p[3] * q[3])),
            *(tanh(p[4] + q[4]), sig(p[5] + q[5]), tanh(p[6] + q[6]), sig(p[7] + q[7])),
        ]
        n8 = tanh(tanh(leaves[0] * leaves[1]) + c)
        n9 = tanh(leaves[2] + leaves[3])
        n10 = tanh(leaves[4] * leaves[5])
        n11 = sig(leaves[6] + leaves[7])
        c = n8 * n9
        h = tanh(c * tanh(n10 + n11))
        torch.testing.assert_close(outputs[t], h)
    torch.testing.assert_close(last_c, c)


def test_the_second_cell_of_figure_8_is_what_the_paper_draws():
    """With max; c_t is node 12, c_(t-1) enters leaf 1."""
    x, h, c, w, u = (t.detach() for t in tensors(8, seed=2))
    outputs, _, last_c = window(cell_of("zoph-le-cell-max-sin"), x, h, c, w, u)
    sig, relu, tanh, most = torch.sigmoid, torch.relu, torch.tanh, torch.maximum
    for t in range(T):
        p = [x[t] @ w[k].T for k in range(8)]
        q = [h @ u[k].T for k in range(8)]
        leaf1 = tanh(most(p[1], q[1])) + c
        n8 = most(p[0], q[0]) + leaf1
        n9 = sig(tanh(p[2] + q[2]) + relu(p[3] + q[3]))
        n10 = sig(tanh(p[4] + q[4]) + (p[5] + q[5]))
        n11 = sig(tanh(p[6] + q[6]) + tanh(most(p[7], q[7])))
        c = n8 * n9
        h = tanh(c * sig(n10 * n11))
        torch.testing.assert_close(outputs[t], h)
    torch.testing.assert_close(last_c, c)


def test_the_zoos_lstm_is_torchs():
    """With matrices that sum to torch's: o from leaves 0 to 3, f from 4 and 5, i is 6, g is 7."""
    lstm = nn.LSTM(D, H, bias=False).double()
    x, *_, w, u = (t.detach() for t in tensors(8))
    w, u = torch.zeros_like(w), torch.zeros_like(u)
    of_x = dict(zip("ifgo", lstm.weight_ih_l0.detach().chunk(4), strict=True))
    of_h = dict(zip("ifgo", lstm.weight_hh_l0.detach().chunk(4), strict=True))
    for gate, leaves in (("o", (0, 1, 2, 3)), ("f", (4, 5)), ("i", (6,)), ("g", (7,))):
        for leaf in leaves:
            w[leaf], u[leaf] = of_x[gate] / len(leaves), of_h[gate] / len(leaves)
    zeros = x.new_zeros(B, H)
    outputs, h, c = window(cell_of("lstm"), x, zeros, zeros, w, u)
    with torch.no_grad():
        wanted, (last_h, last_c) = lstm(x)
    torch.testing.assert_close(outputs, wanted)
    torch.testing.assert_close(h, last_h[0])
    torch.testing.assert_close(c, last_c[0])


def test_the_zoos_tanh_cell_is_torchs_plain_rnn():
    """Its memory stays 0, so it adds nothing."""
    rnn = nn.RNN(D, H, bias=False).double()
    x, *_, w, u = (t.detach() for t in tensors(4))
    w[:2], u[:2] = rnn.weight_ih_l0.detach() / 2, rnn.weight_hh_l0.detach() / 2
    zeros = x.new_zeros(B, H)
    outputs, _, c = window(cell_of("tanh"), x, zeros, zeros, w, u)
    with torch.no_grad():
        torch.testing.assert_close(outputs, rnn(x)[0])
    assert not c.any()


# ---- the derivative ------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [1, 2, 4, 8])
def test_gradients_agree_with_autograd_through_every_node(base):
    """All outputs and all gradients, for a hundred random cells with max and sin."""
    space = RecurrentSpace(
        base=base, combinations=CONTROL.combinations, activations=CONTROL.activations
    )
    for seed, answers in enumerate(space.sample(100, base)):
        cell = space.decode(answers).cell
        given = tensors(base, seed)
        mask = None if seed % 2 else torch.rand(B, H, dtype=torch.float64)
        weights = [torch.randn(T, B, H).double(), torch.randn(B, H).double()]
        weights.append(torch.randn(B, H).double())

        def results(function, cell=cell, given=given, mask=mask, weights=weights):
            outputs = function(cell, *given, mask)
            total = sum((o * g).sum() for o, g in zip(outputs, weights, strict=True))
            return [*outputs, *torch.autograd.grad(total, given)]

        for ours, theirs in zip(results(window), results(plain), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10, msg=str(cell))


@pytest.mark.parametrize("name", ["figure-5", "zoph-le-cell", "lstm"])
def test_gradients_agree_with_finite_differences(name):
    """Torch's own check, in double precision."""
    cell = cell_of(name)
    given = tensors(cell.base, seed=3, steps=3, inputs=2, width=2)
    assert torch.autograd.gradcheck(lambda *g: window(cell, *g), given)


def test_what_is_not_asked_for_needs_no_gradient():
    """Only the last outputs, and only the gradient of U."""
    cell = cell_of("zoph-le-cell")
    given = tensors(8)
    (du,) = torch.autograd.grad(window(cell, *given)[0][-1].sum(), given[4])
    (wanted,) = torch.autograd.grad(plain(cell, *given)[0][-1].sum(), given[4])
    torch.testing.assert_close(du, wanted)


def test_going_back_twice_gives_the_same():
    """With the graph retained."""
    for answers in CONTROL.sample(20, 1):
        cell = CONTROL.decode(answers).cell
        given = tensors(8)
        total = window(cell, *given)[0].sum()
        first = torch.autograd.grad(total, given, retain_graph=True)
        second = torch.autograd.grad(total, given)
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


# ---- windows -------------------------------------------------------------------------------------


def test_two_windows_with_the_state_carried_over_equal_one():
    """Outputs and states, for cells with and without memory in leaves."""
    for answers in CONTROL.sample(20, 0):
        cell = CONTROL.decode(answers).cell
        x, h, c, w, u = (t.detach() for t in tensors(8, steps=7))
        whole = window(cell, x, h, c, w, u)
        first = window(cell, x[:3], h, c, w, u)
        second = window(cell, x[3:], first[1], first[2], w, u)
        torch.testing.assert_close(torch.cat([first[0], second[0]]), whole[0])
        torch.testing.assert_close(second[1:], whole[1:])


def test_what_went_in_is_left_alone():
    """Inputs, states and matrices are the same afterwards, forward and back."""
    cell = cell_of("zoph-le-cell")
    given = tensors(8)
    before = [t.detach().clone() for t in given]
    outputs, h, c = window(cell, *given)
    kept = outputs.detach().clone(), c.detach().clone()
    (outputs.sum() + h.sum() + c.sum()).backward()
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))
    assert torch.equal(outputs, kept[0])
    assert torch.equal(c, kept[1])


def test_what_explodes_gives_no_warning():
    """Products of products: infinite numbers, found later in the loss."""
    space = RecurrentSpace(combinations=("elem_mult",), activations=("identity",))
    cell = space.decode(space.sample(1, 0)[0]).cell
    given = [1e9 * t.detach().float() for t in tensors(8)]
    given = [t.requires_grad_() for t in given]
    outputs, _, _ = window(cell, *given)
    outputs.sum().backward()
    assert not math.isfinite(float(outputs.detach().sum()))


# ---- products ------------------------------------------------------------------------------------


def test_products_are_torchs():
    """Single precision goes through oneDNN here; transposed views too."""
    a, b = torch.randn(7, 5), torch.randn(5, 6)
    assert ONEDNN is not None
    torch.testing.assert_close(product(a, b.t()), a @ b)
    torch.testing.assert_close(product(b.t(), a), b.t() @ a.t())
