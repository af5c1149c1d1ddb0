"""The grid of recipes that the best network goes through after the search (section 4.1)."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from reinas.errors import SettingError
from reinas.objectives.base import Objective
from reinas.tasks.recipes import Recipe

BOUNDS = {
    "learning_rates": (False, 1000.0),
    "weight_decays": (True, 1000.0),
    "norm_epsilons": (False, 1000.0),
    "decays": (False, 1.0),
    "decay_afters": (True, 1e6),
    "initials": (False, 1000.0),
    "embedding_dropouts": (True, 1 - 1e-9),
    "recurrent_dropouts": (True, 1 - 1e-9),
}
"""For every kind of value whether 0 is one, and the greatest."""
FIELDS = {
    "learning_rates": "learning_rate",
    "weight_decays": "weight_decay",
    "norm_epsilons": "norm_epsilon",
    "decays": "decay_at",
    "decay_afters": "decay_after",
    "initials": "initial",
    "embedding_dropouts": "embedding_dropout",
    "recurrent_dropouts": "recurrent_dropout",
}
"""The recipe's field of each kind of value."""


@dataclass(frozen=True, slots=True)
class RecipeGrid:
    """Which values are tried; where none are given, those around the search's own recipe.

    `decays` are shares of the epochs after which the learning rate is first divided by 10; the
    second time is half-way from there to the end. They count for the schedule `step`,
    `decay_afters` (epochs) for `exponential`, `norm_epsilons` for networks with batch
    normalisation, initial ranges and dropouts where the objective says that they matter (for
    language models).
    """

    learning_rates: tuple[float, ...] = ()
    weight_decays: tuple[float, ...] = ()
    norm_epsilons: tuple[float, ...] = ()
    decays: tuple[float, ...] = ()
    decay_afters: tuple[int, ...] = ()
    initials: tuple[float, ...] = ()
    embedding_dropouts: tuple[float, ...] = ()
    recurrent_dropouts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for key, (zero, most) in BOUNDS.items():
            values = getattr(self, key)
            good = all((v >= 0 if zero else v > 0) and v <= most for v in values)
            if len(set(values)) < len(values) or not good:
                raise SettingError(
                    f"grid: {key} must be different numbers, {'at least' if zero else 'above'}"
                    f" 0 and at most {most:g}; got {list(values)}"
                )

    def recipes(
        self, base: Recipe, objective: Objective, *, normalised: bool
    ) -> tuple[Recipe, ...]:
        """Every combination of values; the search's own recipe among them by default.

        Args:
            base: The search's own recipe.
            objective: Says which further fields matter, and which values are usual for them.
            normalised: Whether the network has batch normalisation.

        Returns:
            The recipes.

        Raises:
            SettingError: Values were given that would change nothing.
        """
        usual = _usual_values(base, normalised) | dict(objective.recipe_axes(base))
        axes = {}
        for field, given in self.given().items():
            if given and field not in usual:
                raise SettingError(
                    f"grid: other values of {field} would change nothing for this network and the"
                    f" schedule {base.schedule}: leave them away"
                )
            if field in usual:
                axes[field] = given or usual[field]
        return tuple(
            replace(base, **dict(zip(axes, values, strict=True)))
            for values in product(*axes.values())
        )

    def given(self) -> dict[str, tuple[Any, ...]]:
        """The recipe's fields with the values that were given for them, in the grid's order."""
        values = {field: getattr(self, key) for key, field in FIELDS.items()}
        values["decay_at"] = tuple((share, (1 + share) / 2) for share in self.decays)
        return values


def _usual_values(base: Recipe, normalised: bool) -> dict[str, tuple[Any, ...]]:
    """Values around the search's own, for the fields that matter whatever the objective is."""
    rate, decay, epsilon = base.learning_rate, base.weight_decay, base.norm_epsilon
    usual: dict[str, tuple[Any, ...]] = {
        "learning_rate": (rate / 2, rate, 2 * rate),
        "weight_decay": (decay, 5 * decay) if decay else (0.0, 1e-4),
    }
    if normalised:
        usual["norm_epsilon"] = (epsilon, 100 * epsilon)
    if base.schedule == "step":
        usual["decay_at"] = (base.decay_at, (0.7, 0.85))
    if base.schedule == "exponential":
        usual["decay_after"] = (base.decay_after,)
    return usual
