"""Objectives from their settings, as network.json keeps them."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from reinas.errors import SettingError, nearest
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.language import LanguageModelling
from reinas.objectives.regression import Regression

NAMED: dict[str, type[Objective]] = {
    kind.name: kind for kind in (Classification, LanguageModelling, Regression)
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
    if name in NAMED:
        return NAMED[name](**parameters)
    module, colon, path = name.partition(":")
    if not colon:
        raise SettingError(f"objective '{name}' is not known: {nearest(name, NAMED)}")
    try:
        found: Any = import_module(module)
        for attribute in path.split("."):
            found = getattr(found, attribute)
    except (ImportError, AttributeError) as error:
        raise SettingError(
            f"objective '{name}' cannot be imported ({error}): make its module importable"
        ) from None
    if not (isinstance(found, type) and issubclass(found, Objective)):
        raise SettingError(f"'{name}' is no objective: expected a subclass of reinas.Objective")
    return found(**parameters)
