"""Architectures made flesh: `build` gives the module, `fit` trains it."""

from reinas.children import conv, mlp, recurrent, stacked, toy
from reinas.children.build import build, parameters, tuned
from reinas.children.training import fit

__all__ = ["build", "conv", "fit", "mlp", "parameters", "recurrent", "stacked", "toy", "tuned"]
