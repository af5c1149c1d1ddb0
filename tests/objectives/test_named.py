"""Objectives from their settings."""

import pytest

from reinas.errors import SettingError
from reinas.objectives.classification import Classification
from reinas.objectives.language import LanguageModelling
from reinas.objectives.multi_label import MultiLabel
from reinas.objectives.named import objective_from
from reinas.objectives.regression import Regression


@pytest.mark.parametrize(
    "objective",
    [Classification(), Regression(), MultiLabel(), LanguageModelling(), LanguageModelling("char")],
)
def test_settings_make_the_same_objective_again(objective):
    """Parameters included."""
    assert objective_from(objective.settings) == objective


def test_an_unknown_name_names_the_nearest():
    """A slip of the pen is explained."""
    with pytest.raises(SettingError, match="did you mean 'regression'"):
        objective_from({"name": "regresion"})


@pytest.mark.parametrize("name", ["reinas.errors:SettingError", "reinas.names:object_name"])
def test_what_is_no_objective_is_not_called(name):
    """A name in a file is data: it must be that of a subclass."""
    with pytest.raises(SettingError, match="is no objective"):
        objective_from({"name": name})
