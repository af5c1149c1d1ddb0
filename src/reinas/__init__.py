"""reinas: REINforce Architecture Search.

A learned controller designs neural networks (Zoph & Le 2016), beside its rivals at equal cost.

>>> import reinas
>>> space, task = reinas.MlpSpace(depth=2), reinas.Wine()
>>> policy = reinas.zoph_le(space, learning_rate=0.01)
>>> evaluator = reinas.TrainedEvaluator(task)
>>> study = reinas.search(space, policy, evaluator, budget=reinas.Budget(trials=2))
>>> study.best_trial.state
'complete'

Names are imported when they are first used, so that `import reinas` is quick.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reinas import rewards
    from reinas.children import build
    from reinas.devices import Placement
    from reinas.errors import ReinasError
    from reinas.evaluators.base import AbstractEvaluator
    from reinas.evaluators.function import FunctionEvaluator
    from reinas.evaluators.limits import Limits
    from reinas.evaluators.tabular import TabularEvaluator
    from reinas.evaluators.trained import TrainedEvaluator
    from reinas.executors.base import AbstractExecutor
    from reinas.executors.processes import Processes
    from reinas.executors.ray import Cluster
    from reinas.executors.serial import Serial
    from reinas.export.formats import export_onnx, export_pt2
    from reinas.export.network import FoundNetwork
    from reinas.export.saved import load
    from reinas.export.source.folder import export_source
    from reinas.export.trackers.following import export_trials
    from reinas.finishing.finish import finish
    from reinas.finishing.finish_observer import FinishObserver
    from reinas.finishing.recipe_grid import RecipeGrid
    from reinas.fitting.fit import Fitted, fit
    from reinas.fitting.fit_observer import FitObserver
    from reinas.fitting.plan import Plan, plan_for
    from reinas.fitting.progress import ProgressBar
    from reinas.objectives.base import Objective
    from reinas.objectives.classification import Classification
    from reinas.objectives.language import LanguageModelling
    from reinas.objectives.multi_label import MultiLabel
    from reinas.objectives.regression import Regression
    from reinas.policies.base import AbstractPolicy
    from reinas.policies.bayes import BayesianSearch
    from reinas.policies.controller import Controller
    from reinas.policies.evolution import Evolution
    from reinas.policies.exact import exact_gradient, expected_reward
    from reinas.policies.independent import IndependentSoftmaxes
    from reinas.policies.local import LocalSearch
    from reinas.policies.optuna_samplers import Tpe
    from reinas.policies.pareto import Pareto, ParetoEvolution
    from reinas.policies.random import RandomSearch
    from reinas.policies.reinforce import Reinforce, independent, reinforce_loss, zoph_le
    from reinas.policies.starting import StartingWith
    from reinas.report.drawing import draw
    from reinas.report.formulas import formulas
    from reinas.spaces.base import AbstractSpace
    from reinas.spaces.conv import ConvSpace, conv_blocks
    from reinas.spaces.declared import DeclaredSpace, choice, nested, repeated
    from reinas.spaces.growth import Growth
    from reinas.spaces.lstm import LstmSpace
    from reinas.spaces.mlp import MlpSpace
    from reinas.spaces.nasbench201 import NasBench201Space
    from reinas.spaces.product import ProductSpace
    from reinas.spaces.recurrent import RecurrentSpace
    from reinas.spaces.stages import StagesSpace
    from reinas.spaces.tabular import TabularSpace
    from reinas.spaces.toy import ToySpace
    from reinas.store import AbstractRecord, AbstractStore, MemoryStore, Store
    from reinas.study.budget import Budget
    from reinas.study.observer import Observer
    from reinas.study.schedules import AbstractSchedule, Synchronous
    from reinas.study.search import search
    from reinas.study.servers.asynchronous import Asynchronous
    from reinas.study.stopping import AbstractStopping, Asha, Hyperband, Median, Progress
    from reinas.study.study import Study
    from reinas.tables.array_table import BenchmarkTable
    from reinas.tasks.arrays import Arrays
    from reinas.tasks.base import AbstractTask
    from reinas.tasks.images import Images
    from reinas.tasks.in_memory import ArrayTask, DatasetTask
    from reinas.tasks.public_images import Cifar10, Mnist
    from reinas.tasks.recipes import Recipe
    from reinas.tasks.sklearn_data import BreastCancer, Diabetes, Digits, Wine
    from reinas.tasks.tables import Table
    from reinas.tasks.text import Text
    from reinas.tasks.toy import Toy
    from reinas.types import Choice, Curve, Epoch, Job, Link, Outcome, Pruned, Trial, When
    from reinas.web.serve import watch
    from reinas.zoo import published

_HOMES = {
    "reinas.children": ("build",),
    "reinas.fitting.fit": ("Fitted", "fit"),
    "reinas.fitting.fit_observer": ("FitObserver",),
    "reinas.fitting.plan": ("Plan", "plan_for"),
    "reinas.policies.starting": ("StartingWith",),
    "reinas.errors": ("ReinasError",),
    "reinas.evaluators.base": ("AbstractEvaluator",),
    "reinas.evaluators.tabular": ("TabularEvaluator",),
    "reinas.tables.array_table": ("BenchmarkTable",),
    "reinas.devices": ("Placement",),
    "reinas.evaluators.limits": ("Limits",),
    "reinas.evaluators.trained": ("TrainedEvaluator",),
    "reinas.executors.base": ("AbstractExecutor",),
    "reinas.executors.processes": ("Processes",),
    "reinas.executors.ray": ("Cluster",),
    "reinas.executors.serial": ("Serial",),
    "reinas.export.network": ("FoundNetwork",),
    "reinas.export.saved": ("load",),
    "reinas.policies.pareto": ("Pareto", "ParetoEvolution"),
    "reinas.fitting.progress": ("ProgressBar",),
    "reinas.export.trackers.following": ("export_trials",),
    "reinas.export.source.folder": ("export_source",),
    "reinas.export.formats": ("export_onnx", "export_pt2"),
    "reinas.finishing.finish": ("finish",),
    "reinas.finishing.finish_observer": ("FinishObserver",),
    "reinas.finishing.recipe_grid": ("RecipeGrid",),
    "reinas.spaces.growth": ("Growth",),
    "reinas.study.budget": ("Budget",),
    "reinas.study.observer": ("Observer",),
    "reinas.study.schedules": ("AbstractSchedule", "Synchronous"),
    "reinas.study.search": ("search",),
    "reinas.study.stopping": ("AbstractStopping", "Asha", "Hyperband", "Median", "Progress"),
    "reinas.study.study": ("Study",),
    "reinas.objectives.base": ("Objective",),
    "reinas.objectives.classification": ("Classification",),
    "reinas.objectives.language": ("LanguageModelling",),
    "reinas.objectives.multi_label": ("MultiLabel",),
    "reinas.objectives.regression": ("Regression",),
    "reinas.policies.base": ("AbstractPolicy",),
    "reinas.policies.controller": ("Controller",),
    "reinas.policies.evolution": ("Evolution",),
    "reinas.policies.exact": ("exact_gradient", "expected_reward"),
    "reinas.policies.independent": ("IndependentSoftmaxes",),
    "reinas.policies.local": ("LocalSearch",),
    "reinas.policies.random": ("RandomSearch",),
    "reinas.policies.bayes": ("BayesianSearch",),
    "reinas.policies.reinforce": ("Reinforce", "independent", "reinforce_loss", "zoph_le"),
    "reinas.policies.optuna_samplers": ("Tpe",),
    "reinas.report.drawing": ("draw",),
    "reinas.report.formulas": ("formulas",),
    "reinas.study.servers.asynchronous": ("Asynchronous",),
    "reinas.spaces.base": ("AbstractSpace",),
    "reinas.spaces.nasbench201": ("NasBench201Space",),
    "reinas.spaces.conv": ("ConvSpace", "conv_blocks"),
    "reinas.spaces.declared": ("DeclaredSpace", "choice", "nested", "repeated"),
    "reinas.evaluators.function": ("FunctionEvaluator",),
    "reinas.spaces.product": ("ProductSpace",),
    "reinas.spaces.lstm": ("LstmSpace",),
    "reinas.spaces.mlp": ("MlpSpace",),
    "reinas.spaces.recurrent": ("RecurrentSpace",),
    "reinas.spaces.stages": ("StagesSpace",),
    "reinas.spaces.tabular": ("TabularSpace",),
    "reinas.spaces.toy": ("ToySpace",),
    "reinas.store": ("AbstractRecord", "AbstractStore", "MemoryStore", "Store"),
    "reinas.tasks.arrays": ("Arrays",),
    "reinas.tasks.base": ("AbstractTask",),
    "reinas.tasks.sklearn_data": ("BreastCancer", "Diabetes", "Digits", "Wine"),
    "reinas.tasks.images": ("Images",),
    "reinas.tasks.in_memory": ("ArrayTask", "DatasetTask"),
    "reinas.tasks.public_images": ("Cifar10", "Mnist"),
    "reinas.tasks.recipes": ("Recipe",),
    "reinas.tasks.tables": ("Table",),
    "reinas.tasks.text": ("Text",),
    "reinas.tasks.toy": ("Toy",),
    "reinas.types": (
        "Choice",
        "Curve",
        "Epoch",
        "Job",
        "Link",
        "Outcome",
        "Pruned",
        "Trial",
        "When",
    ),
    "reinas.web.serve": ("watch",),
    "reinas.zoo": ("published",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

_MODULES = ("rewards",)

__version__ = "0.2.0"

__all__ = [
    "AbstractEvaluator",
    "AbstractExecutor",
    "AbstractPolicy",
    "AbstractRecord",
    "AbstractSchedule",
    "AbstractSpace",
    "AbstractStopping",
    "AbstractStore",
    "AbstractTask",
    "ArrayTask",
    "Arrays",
    "Asha",
    "Asynchronous",
    "BayesianSearch",
    "BenchmarkTable",
    "BreastCancer",
    "Budget",
    "Choice",
    "Cifar10",
    "Classification",
    "Cluster",
    "Controller",
    "ConvSpace",
    "Curve",
    "DatasetTask",
    "DeclaredSpace",
    "Diabetes",
    "Digits",
    "Epoch",
    "Evolution",
    "FinishObserver",
    "FitObserver",
    "Fitted",
    "FoundNetwork",
    "FunctionEvaluator",
    "Growth",
    "Hyperband",
    "Images",
    "IndependentSoftmaxes",
    "Job",
    "LanguageModelling",
    "Limits",
    "Link",
    "LocalSearch",
    "LstmSpace",
    "Median",
    "MemoryStore",
    "MlpSpace",
    "Mnist",
    "MultiLabel",
    "NasBench201Space",
    "Objective",
    "Observer",
    "Outcome",
    "Pareto",
    "ParetoEvolution",
    "Placement",
    "Plan",
    "Processes",
    "ProductSpace",
    "Progress",
    "ProgressBar",
    "Pruned",
    "RandomSearch",
    "Recipe",
    "RecipeGrid",
    "RecurrentSpace",
    "Regression",
    "ReinasError",
    "Reinforce",
    "Serial",
    "StagesSpace",
    "StartingWith",
    "Store",
    "Study",
    "Synchronous",
    "Table",
    "TabularEvaluator",
    "TabularSpace",
    "Text",
    "Toy",
    "ToySpace",
    "Tpe",
    "TrainedEvaluator",
    "Trial",
    "When",
    "Wine",
    "build",
    "choice",
    "conv_blocks",
    "draw",
    "exact_gradient",
    "expected_reward",
    "export_onnx",
    "export_pt2",
    "export_source",
    "export_trials",
    "finish",
    "fit",
    "formulas",
    "independent",
    "load",
    "nested",
    "plan_for",
    "published",
    "reinforce_loss",
    "repeated",
    "rewards",
    "search",
    "watch",
    "zoph_le",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name in _MODULES:
        return import_module(f"reinas.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'reinas' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """All public names, imported or not."""
    return sorted([*__all__, "__version__"])


def _shown_in_notebooks() -> None:
    """Trials and architectures are drawn where IPython shows them."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        from reinas.report.notebook import register

        register(shell.display_formatter.formatters["text/html"])


_shown_in_notebooks()
