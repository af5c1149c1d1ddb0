"""Your own network: one function builds it from an architecture of the space.

The rest (training by the task's recipe, the store, `finish`) is reinas's. An architecture type of
your own is registered in the same way: see own_space.py. Run it: `python examples/own_network.py`.
"""

from torch import nn

import reinas
from reinas.spaces.product import Assignment


@reinas.build.register
def network(architecture: Assignment, task: reinas.AbstractTask) -> nn.Module:
    """Maps rows [B, columns] to one number per class [B, classes]."""
    width, slope = (value for _, value in architecture.values)
    hidden = nn.Linear(task.inputs[0], width)
    return nn.Sequential(hidden, nn.LeakyReLU(slope), nn.Linear(width, task.outputs))


space = reinas.ProductSpace((("width", (4, 16, 64)), ("slope", (0.0, 0.1, 0.3))))
evaluator = reinas.TrainedEvaluator(reinas.Wine())
study = reinas.search(space, reinas.RandomSearch(space), evaluator, budget=reinas.Budget(trials=6))
print(f"best: {study.best_architecture}, reward {study.best_trial.reward:.3f}")
