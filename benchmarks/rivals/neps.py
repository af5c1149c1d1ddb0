"""NePS.

The space of optuna_cnn as far as NePS's flat spaces express it (all layers of a perceptron as
wide), PriorBand with a sensible prior for every choice, epochs as the fidelity (Hyperband's rungs
with eta 3), 60 % of the time. The best trial is then trained anew as in optuna_cnn.
"""

# /// script
# dependencies = ["torch==2.13.0", "numpy==2.4.6", "neural-pipeline-search==0.17.0"]
#
# [tool.versus]
# kinds = ["images", "table"]
# ///

import random
from typing import Any

import numpy as np

from benchmarks.rivals.contract import Answer, Work, main


def space_of(neps: Any, images: bool, epochs: int) -> Any:
    """The space with its priors."""
    whole, real, choice = neps.HPOInteger, neps.HPOFloat, neps.HPOCategorical
    fidelity = {"epochs": whole(1, epochs, is_fidelity=True)}
    if images:
        return neps.SearchSpace(
            fidelity
            | {
                "stages": whole(2, 4, prior=3),
                "blocks": whole(1, 3, prior=1),
                "width": whole(8, 48, log=True, prior=24),
                "kernel": choice([3, 5], prior=3),
                "residual": choice([True, False], prior=True),
                "dropout": real(0.0, 0.4, prior=0.1),
                "rate": real(0.01, 0.5, log=True, prior=0.1),
                "weight_decay": real(1e-5, 5e-3, log=True, prior=5e-4),
                "smoothing": real(0.0, 0.2, prior=0.1),
            }
        )
    return neps.SearchSpace(
        fidelity
        | {
            "layers": whole(1, 4, prior=2),
            "width": whole(32, 512, log=True, prior=128),
            "activation": choice(["relu", "silu", "tanh"], prior="relu"),
            "norm": choice([True, False], prior=True),
            "dropout": real(0.0, 0.5, prior=0.1),
            "rate": real(3e-4, 3e-2, log=True, prior=3e-3),
            "weight_decay": real(1e-5, 0.1, log=True, prior=1e-3),
            "smoothing": real(0.0, 0.1, prior=0.02),
            "batch": choice([32, 64, 128, 256], prior=64),
        }
    )


def rival(work: Work) -> Answer:
    """Ask and tell until 60 % of the time is over, then train the best."""
    import neps

    from benchmarks.rivals.searching import SEARCH, searched

    random.seed(work.seed)
    np.random.seed(work.seed)
    search = searched(work)
    optimizer = neps.AskAndTell(
        neps.algorithms.priorband(space_of(neps, search.images, search.epochs))
    )
    best: tuple[int, float] = (0, -float("inf"))
    chosen: dict[str, Any] = {}
    trials = 0
    while not trials or work.left(SEARCH) > 0:
        asked = optimizer.ask()
        setting = dict(asked.config)
        epochs = int(setting.pop("epochs"))
        if not search.images:
            setting["widths"] = [setting.pop("width")] * setting.pop("layers")
        score = search.trial(setting, epochs)
        optimizer.tell(asked.metadata.id, -score)
        trials += 1
        # of the longest trials the best: scores after few epochs do not compare
        if (epochs, score) > best:
            best, chosen = (epochs, score), setting
    return search.final(chosen, f"{trials} trials of up to {search.epochs} epochs")


if __name__ == "__main__":
    main(rival)
