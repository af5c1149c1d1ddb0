"""HEBO.

As it comes: a Gaussian process on warped inputs and outputs, an ensemble of acquisition functions.
"""

# /// script
# dependencies = [
#     "torch==2.13.0", "numpy<2", "pandas", "scikit-learn", "gpytorch", "GPy", "pymoo==0.6.0.1",
#     "catboost", "disjoint-set",
# ]
#
# [tool.versus]
# bare = ["HEBO==0.3.6"]  # it asks for numpy below 1.25, which its own dependencies no longer have
# ///

from collections.abc import Sequence
from typing import Any

from benchmarks.samplers.contract import Choices, main


class Hebo:
    """HEBO by suggest and observe."""

    def __init__(self, choices: Sequence[Choices], seed: int, evaluations: int) -> None:
        import numpy as np
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        space = DesignSpace().parse(
            [
                {"name": c.name, "type": "int", "lb": 0, "ub": c.options - 1}
                if c.ordered
                else {"name": c.name, "type": "cat", "categories": list(range(c.options))}
                for c in choices
            ]
        )
        self._hebo = HEBO(space, scramble_seed=seed % 2**31)

    def ask(self) -> tuple[Any, dict[str, int]]:
        frame = self._hebo.suggest(n_suggestions=1)
        return frame, frame.iloc[0].to_dict()

    def tell(self, token: Any, cost: float) -> None:
        import numpy as np

        self._hebo.observe(token, np.array([[cost]]))


if __name__ == "__main__":
    main(Hebo)
