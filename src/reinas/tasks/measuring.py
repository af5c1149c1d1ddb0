"""How people want their task measured: the metric, and the weights of classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reinas.errors import InvalidSettingError, nearest
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.metrics import MetricSetting
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression
from reinas.tasks.base import Part

ClassWeight = str | Mapping[str, float] | Sequence[tuple[str, float]] | None
"""`balanced`, or a weight by class; None weighs all classes alike."""
Pairs = str | tuple[tuple[str, float], ...] | None
"""The same as a task holds it."""
BALANCED = "balanced"


def check_class_weight(given: ClassWeight) -> Pairs:
    """A class weight as a frozen task can hold it.

    Args:
        given: `balanced`, weights by class (1 where one is not named), or None.

    Raises:
        InvalidSettingError: It is something else, or a weight is not above 0.
    """
    if given is None or isinstance(given, str):
        if given in (None, BALANCED):
            return given
        raise InvalidSettingError(
            "task.class_weight", f"is 'balanced' or a weight by class, got '{given}'"
        )
    pairs = given.items() if isinstance(given, Mapping) else given
    weights = tuple((str(name), float(weight)) for name, weight in pairs)
    for name, weight in weights:
        if not 0 < weight < np.inf:
            raise InvalidSettingError(
                "task.class_weight", f"of class '{name}' must be above 0 and finite, got {weight}"
            )
    return weights


def measured(
    objective: Objective,
    metric: MetricSetting,
    class_weight: ClassWeight,
    data: Callable[[], tuple[Part, Sequence[str]]],
) -> Objective:
    """An objective with the metric and the class weights that are wanted.

    Args:
        objective: What the targets were recognised as.
        metric: Its score; `auto` is the objective's usual one.
        class_weight: How much each class counts in the loss.
        data: Gives the training part and the names of its classes; called where weights are given.

    Returns:
        The objective; the same one where nothing is wanted.

    Raises:
        InvalidSettingError: The objective has no such metric, or no such class.
    """
    if metric != "auto":
        if not isinstance(objective, Classification | MultiLabel | Regression):
            raise InvalidSettingError(
                "task.metric", f"is that of the objective: {objective.score_name}"
            )
        objective = replace(objective, metric=metric)
    if class_weight is None:
        return objective
    if not isinstance(objective, Classification):
        raise InvalidSettingError(
            "task.class_weight", f"is for classes, but this task is {objective.name}"
        )
    train, classes = data()
    return replace(objective, weights=_weights(check_class_weight(class_weight), train.y, classes))


def _weights(given: Pairs, y: Any, classes: Sequence[str]) -> tuple[float, ...]:
    """One weight per class; balanced ones are as scikit-learn's."""
    if given == BALANCED:
        counts = np.bincount(y, minlength=len(classes))
        # a class that training does not have is not learned, whatever its weight
        return tuple((len(y) / (len(classes) * np.maximum(counts, 1))).tolist())
    assert isinstance(given, tuple)
    by_name = dict(given)
    for name in by_name:
        if name not in classes:
            raise InvalidSettingError(
                "task.class_weight", f"'{name}' is no class: {nearest(name, classes)}"
            )
    return tuple(by_name.get(name, 1.0) for name in classes)
