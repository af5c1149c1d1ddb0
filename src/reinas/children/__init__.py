"""Children: builds PyTorch modules from architectures."""

from reinas.children import conv, lstm, mlp, nasbench201, recurrent, stages, tabular, toy
from reinas.children.build import adjust_recipe, build, parameters

__all__ = [
    "adjust_recipe",
    "build",
    "conv",
    "lstm",
    "mlp",
    "nasbench201",
    "parameters",
    "recurrent",
    "stages",
    "tabular",
    "toy",
]
