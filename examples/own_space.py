"""A space of your own: a bottleneck's width, a shortcut around it or none, and its scale.

The dataclass declares the space, one function builds its networks; policies, store, executors and
reports work as they are. Run it: `python examples/own_space.py`.
"""

from dataclasses import dataclass

from torch import nn

import reinas


@dataclass(frozen=True)
class Bottleneck:
    """Its activation is decided only where it is wide."""

    width: int = reinas.choice(1, 2, 4, 8)
    activation: str | None = reinas.choice("relu", "tanh", when={"width": {4, 8}})


@reinas.build.register
def _(net: Bottleneck, task: reinas.AbstractTask) -> nn.Module:
    between = {"relu": nn.ReLU(), "tanh": nn.Tanh()}.get(net.activation or "", nn.Identity())
    return nn.Sequential(nn.Linear(13, net.width), between, nn.Linear(net.width, task.outputs))


space = reinas.DeclaredSpace(Bottleneck)
evaluator = reinas.TrainedEvaluator(reinas.Wine())
study = reinas.search(space, reinas.zoph_le(space), evaluator, budget=reinas.Budget(12))
print(f"best of {space.size} architectures: {study.best_architecture}")
