"""NePS.

Its Bayesian optimisation as it comes: a Gaussian process, log expected improvement with noise.
"""

# /// script
# dependencies = ["torch==2.13.0", "neural-pipeline-search==0.17.0"]
# ///

from collections.abc import Sequence
from typing import Any

from benchmarks.samplers.contract import Choices, main


class Neps:
    """NePS by ask and tell."""

    def __init__(self, choices: Sequence[Choices], seed: int, evaluations: int) -> None:
        import random

        import neps
        import numpy as np
        import torch

        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        space = neps.SearchSpace(
            {
                c.name: neps.HPOInteger(0, c.options - 1)
                if c.ordered
                else neps.HPOCategorical(list(range(c.options)))
                for c in choices
            }
        )
        self._neps = neps.AskAndTell(neps.algorithms.bayesian_optimization(space))

    def ask(self) -> tuple[Any, dict[str, int]]:
        trial = self._neps.ask()
        return trial, dict(trial.config)

    def tell(self, token: Any, cost: float) -> None:
        self._neps.tell(token, cost)


if __name__ == "__main__":
    main(Neps)
