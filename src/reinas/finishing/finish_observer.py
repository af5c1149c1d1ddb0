"""What `finish` reports while it runs."""

from reinas.tasks.recipes import Recipe
from reinas.types import Epoch, Outcome


class FinishObserver:
    """Is called while `finish` runs; every method does nothing and may be overridden."""

    def grid(self, points: int, done: int) -> None:
        """A grid begins.

        Args:
            points: Number of recipes.
            done: How many of them were trained by an earlier call.
        """

    def point(self, recipe: Recipe, outcome: Outcome) -> None:
        """One more recipe of the grid has been tried.

        Args:
            recipe: The recipe.
            outcome: What the network came to by it.
        """

    def training(self, recipe: Recipe) -> None:
        """The final training begins.

        Args:
            recipe: The recipe; its epochs are the most that there will be.
        """

    def epoch(self, epoch: Epoch) -> None:
        """One more epoch of the final training is over.

        Args:
            epoch: Its losses and score.
        """
