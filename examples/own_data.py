"""Your own data and objective: counts in arrays, trained by the Poisson loss.

`DatasetTask` takes a `torch.utils.data.Dataset` instead; files need no code at all: see `images:`,
`arrays:`, `table:` and `text:` in the README. Run it: `python examples/own_data.py`.
"""

import numpy as np
from torch import Tensor
from torch.nn.functional import poisson_nll_loss

import reinas


class Poisson(reinas.Objective):
    """Outputs are the logarithms of expected counts; loss and score are enough."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return poisson_nll_loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> float:
        return -float(poisson_nll_loss(outputs, targets))


x = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
task = reinas.ArrayTask(x, np.exp(x[:, :1]).round(), objective=Poisson())
space, budget = reinas.MlpSpace(depth=1), reinas.Budget(trials=6)
evaluator = reinas.TrainedEvaluator(task)
study = reinas.search(space, reinas.RandomSearch(space), evaluator, budget=budget)
print(f"best: {study.best_architecture}, reward {study.best_trial.reward:.3f}")
