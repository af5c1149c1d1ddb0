"""A search that is finished already: the same call gives the same network, others are refused."""

from typing import Any

from reinas.errors import InvalidSettingError
from reinas.finishing.recipe_choice import own_recipe
from reinas.finishing.recipe_grid import FIELDS, RecipeGrid
from reinas.store import AbstractRecord
from reinas.store.values import FinalRecord
from reinas.tasks.recipes import Recipe
from reinas.types import Trial

PLURALS = {field: key for key, field in FIELDS.items()}
"""What the grid calls each field of a recipe."""


def check_trial(record: AbstractRecord, final: FinalRecord, trial: int | None) -> Trial:
    """The trial that was tested already; `InvalidSettingError` where another is asked for."""
    if trial is not None and trial != final.trial:
        raise InvalidSettingError(
            "trial",
            f"cannot become {trial}: search '{record.name}' is finished already, with trial"
            f" {final.trial}, and the test part is measured once",
        )
    return record.trial(final.trial)


def check_recipe(
    record: AbstractRecord,
    final: FinalRecord,
    architecture: Any,
    *,
    grid: RecipeGrid | None,
    epochs: int | None,
    patience: int | None,
) -> Recipe:
    """The recipe that trained the tested network.

    Args:
        record: The search.
        final: Its tested network.
        architecture: What that is.
        grid: The recipes that are asked for now; None is the search's own.
        epochs: The epochs that are asked for now; None is what there was.
        patience: The patience that is asked for now; None is what there was.

    Returns:
        The recipe, to train the same network again.

    Raises:
        InvalidSettingError: Something is asked for that cannot have given this network.
    """
    recipe = Recipe(**final.recipe)
    for key, wanted in (("epochs", epochs), ("patience", patience)):
        if wanted is not None and wanted != getattr(recipe, key):
            raise _refused(record, key, f"cannot become {wanted}", f"{key} {getattr(recipe, key)}")
    asked: dict[str, tuple[Any, ...]]
    if grid is None:
        base = own_recipe(record, record.trial(final.trial), architecture)
        asked = {key: (getattr(base, key),) for key in FIELDS.values()}
    else:
        asked = grid.given()
    for key, values in asked.items():
        used = getattr(recipe, key)
        if values and used not in values:
            named = "grid" if grid is None else f"grid.{PLURALS[key]}"
            raise _refused(record, named, "has other recipes", f"{key} {used}")
    return recipe


def _refused(record: AbstractRecord, key: str, problem: str, was: str) -> InvalidSettingError:
    return InvalidSettingError(
        key,
        f"{problem}: search '{record.name}' is finished already, with {was}, and the test part is"
        " measured once; leave it out to get that network again",
    )
