"""Samplers for Optuna: the policies of reinas in studies of Optuna.

>>> import optuna
>>> from reinas.optuna import BayesSampler
>>> optuna.logging.set_verbosity(optuna.logging.ERROR)
>>> study = optuna.create_study(sampler=BayesSampler(seed=0))
>>> study.optimize(lambda trial: trial.suggest_float("x", -5, 5) ** 2, n_trials=20)
>>> study.best_value < 1
True
"""

from reinas.optuna.samplers import BayesSampler, ControllerSampler, PolicySampler

__all__ = ["BayesSampler", "ControllerSampler", "PolicySampler"]
