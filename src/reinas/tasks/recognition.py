"""What targets given as arrays are: classes, numbers, or labels that hold or not."""

from typing import Any, Literal, get_args

from numpy.typing import NDArray

from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.labels import are_column, are_flags, are_one_hot, are_whole
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression

Kind = Literal["auto", "classification", "multilabel", "regression"]
KINDS = get_args(Kind)


def recognise(y: NDArray[Any]) -> Objective:
    """Tell what targets are.

    Args:
        y: [N], [N, targets], or one-hot [N, classes].

    Returns:
        Classification for text, whole numbers and one-hot rows, several labels for other rows
        of 0 and 1, regression for all else.
    """
    if are_flags(y):
        return Classification() if are_one_hot(y) else MultiLabel()
    return Classification() if are_column(y) and are_whole(y) else Regression()


def objective_of(kind: Kind, y: NDArray[Any]) -> Objective:
    """The objective of that kind; `auto` looks at the targets."""
    known: dict[Kind, Objective] = {
        "classification": Classification(),
        "multilabel": MultiLabel(),
        "regression": Regression(),
    }
    return recognise(y) if kind == "auto" else known[kind]
