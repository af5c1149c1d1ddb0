"""The toy's children, trained side by side: as each alone, and to the end."""

import numpy as np
import pytest
import torch
from torch import nn

from reinas.questions.toy_convergence import Training, losses_over_epochs, medians
from reinas.spaces.toy import ToySpace
from reinas.tasks.toy import Toy

SEEDS = 3


def alone(training, seeds, seed):
    """Each child as a module of its own with its own Adam, on the same draws."""
    from reinas.seeds import derive

    part = Toy().parts().train
    x, y = torch.from_numpy(part.x), torch.from_numpy(part.y)
    generator = torch.Generator().manual_seed(derive(seed, "toy", "convergence"))
    children = [child for child in ToySpace().enumerate() for _ in range(seeds)]
    weights = (2 * torch.rand(3, len(children), 1, generator=generator) - 1) * np.sqrt(3)
    orders = [
        torch.rand(len(children), 100, generator=generator).argsort(1)
        for _ in range(training.epochs[-1])
    ]
    losses = []
    for n, (h, g) in enumerate(children):
        layers = [nn.Linear(1, 1) for _ in range(3)]
        for layer, weight in zip(layers, weights[:, n], strict=True):
            nn.init.constant_(layer.weight, float(weight))
            nn.init.zeros_(layer.bias)
        network = nn.Sequential(
            layers[0],
            (nn.Identity(), nn.Sigmoid())[h],
            layers[1],
            (nn.Identity(), nn.Sigmoid())[g],
            layers[2],
        )
        adam = torch.optim.Adam(network.parameters(), training.rate)
        for order in orders:
            for rows in order[n].split(32):
                loss = nn.functional.mse_loss(network(x[rows]), y[rows])
                adam.zero_grad()
                loss.backward()
                adam.step()
        losses.append(nn.functional.mse_loss(network(x), y).item())
    return np.array(losses).reshape(4, seeds)


def test_children_side_by_side_are_children_alone():
    """Twelve modules with an Adam each end at the same losses."""
    training = Training("made", 0.01, (5, 40))
    found = losses_over_epochs(training, SEEDS, seed=2)
    assert list(found) == [5, 40]
    ours = np.array(list(found[40].values()))
    np.testing.assert_allclose(ours, alone(training, SEEDS, 2), rtol=1e-3)


def test_medians_are_over_the_seeds():
    """Of each child at each mark."""
    given = {7: {(0, 0): [3.0, 1.0, 2.0], (0, 1): [9.0, 9.0, 0.0]}}
    assert medians(given) == {7: {(0, 0): 2.0, (0, 1): 9.0}}


@pytest.mark.parametrize("child", [(0, 0), (1, 0)])
def test_trained_on_their_losses_fall(child):
    """2,000 epochs at the review's rate, then twice as many, of children that learn steadily."""
    found = losses_over_epochs(Training("made", 0.003, (300, 3000)), 2)
    early, late = (np.median(found[n][child]) for n in (300, 3000))
    assert late < early
