"""Objectives from their settings, as network.json keeps them."""

from collections.abc import Mapping
from typing import Any

from reinas.errors import SettingError, nearest
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.language import LanguageModelling
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.regression import Regression
from reinas.plugins import load_object

OBJECTIVES: dict[str, type[Objective]] = {
    kind.name: kind for kind in (Classification, LanguageModelling, MultiLabel, Regression)
}


def objective_from(settings: Mapping[str, Any]) -> Objective:
    """The objective with these settings.

    Args:
        settings: What `Objective.settings` gave: the name, or `module:Name`, and parameters.

    Returns:
        The objective.

    Raises:
        SettingError: There is none of that name.
    """
    parameters = dict(settings)
    name = str(parameters.pop("name"))
    if name in OBJECTIVES:
        return OBJECTIVES[name](**parameters)
    if ":" not in name:
        raise SettingError(f"objective '{name}' is not known: {nearest(name, OBJECTIVES)}")
    found = load_object(name)
    if not (isinstance(found, type) and issubclass(found, Objective)):
        raise SettingError(f"'{name}' is no objective: expected a subclass of reinas.Objective")
    return found(**parameters)
