"""The grid of recipes that the best network goes through after the search (section 4.1)."""

import math
from dataclasses import dataclass, replace
from itertools import product

from reinas.errors import SettingError
from reinas.tasks.recipes import Recipe
from reinas.types import Epoch, Outcome


@dataclass(frozen=True, slots=True)
class Grid:
    """Which values are tried; where none are given, those around the search's own recipe.

    `decays` are shares of the epochs after which the learning rate is first divided by 10; the
    second time is half-way from there to the end. They count for the schedule `step` only,
    `norm_epsilons` for networks with batch normalisation.
    """

    learning_rates: tuple[float, ...] = ()
    weight_decays: tuple[float, ...] = ()
    norm_epsilons: tuple[float, ...] = ()
    decays: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for key, least, most in (
            ("learning_rates", 0.0, 1000.0),
            ("weight_decays", -math.ulp(0.0), 1000.0),
            ("norm_epsilons", 0.0, 1000.0),
            ("decays", 0.0, 1.0),
        ):
            values = getattr(self, key)
            if len(set(values)) < len(values) or not all(least < v <= most for v in values):
                raise SettingError(
                    f"grid: {key} must be different numbers, {'at least' if least < 0 else 'above'}"
                    f" 0 and at most {most:g}; got {list(values)}"
                )

    def recipes(self, base: Recipe, *, normalised: bool) -> tuple[Recipe, ...]:
        """Every point, the search's own recipe among them unless other values were given.

        `normalised` says whether the network has batch normalisation.
        """
        rate, decay = base.learning_rate, base.weight_decay
        rates = self.learning_rates or (rate / 2, rate, 2 * rate)
        decays = self.weight_decays or ((decay, 5 * decay) if decay else (0.0, 1e-4))
        epsilons = self.norm_epsilons or (base.norm_epsilon, 100 * base.norm_epsilon)
        shares = [(share, (1 + share) / 2) for share in self.decays]
        return tuple(
            replace(base, learning_rate=r, weight_decay=w, norm_epsilon=e, decay_at=d)
            for r, w, e, d in product(
                rates,
                decays,
                epsilons if normalised else (base.norm_epsilon,),
                (shares or (base.decay_at, (0.7, 0.85)))
                if base.schedule == "step"
                else (base.decay_at,),
            )
        )


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
