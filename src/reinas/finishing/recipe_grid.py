"""The grid of recipes that the best network goes through after the search (section 4.1)."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from reinas.errors import SettingError
from reinas.tasks.recipes import Recipe
from reinas.types import Epoch, Outcome

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


@dataclass(frozen=True, slots=True)
class RecipeGrid:
    """Which values are tried; where none are given, those around the search's own recipe.

    `decays` are shares of the epochs after which the learning rate is first divided by 10; the
    second time is half-way from there to the end. They count for the schedule `step`,
    `decay_afters` (epochs) for `exponential`, `norm_epsilons` for networks with batch
    normalisation, initial ranges and dropouts for language models.
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
        self, base: Recipe, *, normalised: bool, language: bool = False
    ) -> tuple[Recipe, ...]:
        """Every point, the search's own recipe among them unless other values were given.

        `normalised` says whether the network has batch normalisation, `language` whether it is
        a language model. `SettingError` for values that would change nothing.
        """
        rate, decay, epsilon = base.learning_rate, base.weight_decay, base.norm_epsilon
        steps, after = base.schedule == "step", base.schedule == "exponential"
        both = (base.decay_at, (0.7, 0.85))
        shares = tuple((share, (1 + share) / 2) for share in self.decays)
        dropouts = tuple(sorted({0.0, base.recurrent_dropout}))
        # the recipe's field, whether it matters, the values given, those around the search's own
        axes: tuple[tuple[str, bool, tuple[Any, ...], tuple[Any, ...]], ...] = (
            ("learning_rate", True, self.learning_rates, (rate / 2, rate, 2 * rate)),
            ("weight_decay", True, self.weight_decays, _decays(decay, language)),
            ("norm_epsilon", normalised, self.norm_epsilons, (epsilon, 100 * epsilon)),
            ("decay_at", steps, shares, both),
            ("decay_after", after, self.decay_afters, (base.decay_after,)),
            ("initial", language, self.initials, (base.initial,)),
            ("embedding_dropout", language, self.embedding_dropouts, (base.embedding_dropout,)),
            ("recurrent_dropout", language, self.recurrent_dropouts, dropouts),
        )
        for field, matters, given, _ in axes:
            if given and not matters:
                raise SettingError(
                    f"grid: other values of {field} would change nothing for this network and the"
                    f" schedule {base.schedule}: leave them away"
                )
        used = [(field, given or usual) for field, matters, given, usual in axes if matters]
        fields = [field for field, _ in used]
        return tuple(
            replace(base, **dict(zip(fields, values, strict=True)))
            for values in product(*(values for _, values in used))
        )


def _decays(decay: float, language: bool) -> tuple[float, ...]:
    """Weight decays around the search's own."""
    if decay:
        return decay, 5 * decay
    return (0.0,) if language else (0.0, 1e-4)


class Watcher:
    """What `finish` tells about its progress; every method may be overridden."""

    def grid(self, points: int, done: int) -> None:
        """A grid of so many points begins, so many of them trained already."""

    def point(self, recipe: Recipe, outcome: Outcome) -> None:
        """One more point is trained."""

    def training(self, recipe: Recipe) -> None:
        """The final training begins."""

    def epoch(self, epoch: Epoch) -> None:
        """One more epoch of the final training is over."""
