"""The cell in PyTorch's own operations, which accelerators run."""

import pytest
import torch

from reinas.children.cell_steps import window
from reinas.children.cell_window import window as fast
from reinas.zoo import ZOO

CELLS = [name for name, entry in ZOO.items() if hasattr(entry.architecture, "cell")]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dropped", [False, True])
def test_it_computes_what_the_fast_cell_of_the_cpu_does(name, dropped):
    """Outputs, states and all five gradients, in float64, for the zoo's cells."""
    cell = ZOO[name].architecture.cell
    generator = torch.Generator().manual_seed(1)
    shapes = [(4, 3, 5), (3, 4), (3, 4), (cell.base, 4, 5), (cell.base, 4, 4)]
    mask = torch.tensor([[2.0, 0, 2, 2]] * 3, dtype=torch.float64) if dropped else None
    found = []
    data = [0.7 * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    for function in (window, fast):
        given = [t.clone().requires_grad_() for t in data]
        results = function(cell, *given, mask)
        sum((n + 1) * r.square().sum() for n, r in enumerate(results)).backward()
        found.append([*results, *(t.grad for t in given)])
    torch.testing.assert_close(found[0], found[1])
