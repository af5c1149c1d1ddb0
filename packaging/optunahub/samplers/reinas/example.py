"""Minimise a function of categories and numbers with the sampler of reinas."""

import optunahub

import optuna


def objective(trial: optuna.Trial) -> float:
    """Best at x = 0 and kind = square."""
    x = trial.suggest_float("x", -5, 5)
    kind = trial.suggest_categorical("kind", ["round", "square", "flat"])
    return x**2 + {"round": 1.0, "square": 0.0, "flat": 3.0}[kind]


if __name__ == "__main__":
    module = optunahub.load_module(package="samplers/reinas")
    study = optuna.create_study(sampler=module.BayesSampler(seed=0))
    study.optimize(objective, n_trials=60)
    print(study.best_params, study.best_value)
