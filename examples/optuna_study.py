"""Bayesian search over choices in a study of Optuna, which may exist already."""

import optuna
from reinas.optuna import BayesSampler


def objective(trial: optuna.Trial) -> float:
    """Lowest at 4 layers of relu with a rate of 0.001."""
    layers = trial.suggest_int("layers", 1, 9)
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    activation = trial.suggest_categorical("activation", ["relu", "tanh", "gelu"])
    return abs(layers - 4) + abs(rate - 1e-3) * 100 + (activation != "relu")


optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(sampler=BayesSampler(seed=0))
study.optimize(objective, n_trials=40)
print(f"best: {study.best_params}, value {study.best_value:.3f}")
