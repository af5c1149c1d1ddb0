"""Syne Tune's CQR.

As it comes: conformalized quantile regression with gradient-boosted trees, Thompson sampling.
"""

# /// script
# dependencies = ["syne-tune[gpsearchers]==0.16.0", "huggingface_hub"]
# ///

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from benchmarks.samplers.contract import Choices, main


class Cqr:
    """CQR by suggest and on_trial_complete."""

    def __init__(self, choices: Sequence[Choices], seed: int, evaluations: int) -> None:
        import numpy as np
        from syne_tune.config_space import choice, randint
        from syne_tune.optimizer.baselines import CQR

        np.random.seed(seed % 2**32)
        space = {
            c.name: randint(0, c.options - 1) if c.ordered else choice(list(range(c.options)))
            for c in choices
        }
        self._cqr = CQR(space, metric="cost", do_minimize=True, random_seed=seed % 2**32)
        self._trials = 0

    def ask(self) -> tuple[Any, dict[str, int]]:
        config = self._cqr.suggest().config
        return config, config

    def tell(self, token: Any, cost: float) -> None:
        from syne_tune.backend.trial_status import Trial

        trial = Trial(self._trials, token, datetime.now())
        self._trials += 1
        self._cqr.on_trial_complete(trial, {"cost": cost})


if __name__ == "__main__":
    main(Cqr)
