"""Optuna.

A network defined by run (for images a convolutional one with 2 to 4 stages, 1 to 3 blocks each, 8
to 48 filters, kernels of 3 or 5, with or without shortcuts; for tables a multilayer perceptron
with 1 to 4 layers of 32 to 512), its training (rate, weight decay, label smoothing, dropout),
multivariate TPE, Hyperband's pruner over epochs, 60 % of the time. The best trial is then trained
anew on the training and validation part: for images for all of the time that is left, for tables
as long as a full trial.
"""

# /// script
# dependencies = ["torch==2.13.0", "numpy==2.4.6", "optuna==5.0.0"]
#
# [tool.versus]
# kinds = ["images", "table"]
# ///

import warnings
from typing import Any

from benchmarks.rivals.contract import Answer, Work, main


def image_setting(trial: Any) -> dict[str, Any]:
    """A convolutional network and its training."""
    return {
        "stages": trial.suggest_int("stages", 2, 4),
        "blocks": trial.suggest_int("blocks", 1, 3),
        "width": trial.suggest_int("width", 8, 48, log=True),
        "kernel": trial.suggest_categorical("kernel", [3, 5]),
        "residual": trial.suggest_categorical("residual", [True, False]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.4),
        "rate": trial.suggest_float("rate", 0.01, 0.5, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-5, 5e-3, log=True),
        "smoothing": trial.suggest_float("smoothing", 0.0, 0.2),
    }


def table_setting(trial: Any) -> dict[str, Any]:
    """A multilayer perceptron and its training."""
    layers = trial.suggest_int("layers", 1, 4)
    return {
        "widths": [trial.suggest_int(f"width_{n}", 32, 512, log=True) for n in range(layers)],
        "activation": trial.suggest_categorical("activation", ["relu", "silu", "tanh"]),
        "norm": trial.suggest_categorical("norm", [True, False]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "rate": trial.suggest_float("rate", 3e-4, 3e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-5, 0.1, log=True),
        "smoothing": trial.suggest_float("smoothing", 0.0, 0.1),
        "batch": trial.suggest_categorical("batch", [32, 64, 128, 256]),
    }


def rival(work: Work) -> Answer:
    """Search, then train the best."""
    import optuna
    from benchmarks.rivals.searching import SEARCH, searched

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of multivariate TPE
    search = searched(work)
    setting_of = image_setting if search.images else table_setting

    def objective(trial: Any) -> float:
        def report(epoch: int, score: float) -> None:
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        setting = setting_of(trial)
        trial.set_user_attr("setting", setting)
        return search.trial(setting, search.epochs, report)

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(multivariate=True, group=True, seed=work.seed),
        pruner=optuna.pruners.HyperbandPruner(1, search.epochs, 3),
    )
    study.optimize(objective, timeout=max(1.0, work.left(SEARCH)))
    note = f"{len(study.trials)} trials of up to {search.epochs} epochs"
    return search.final(study.best_trial.user_attrs["setting"], note)


if __name__ == "__main__":
    main(rival)
