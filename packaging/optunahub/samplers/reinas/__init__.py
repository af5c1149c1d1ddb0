"""The default policy of reinas as a sampler."""

from reinas.optuna import BayesSampler, ControllerSampler

__all__ = ["BayesSampler", "ControllerSampler"]
