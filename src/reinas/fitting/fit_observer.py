"""What `fit` reports while it runs."""

from typing import TYPE_CHECKING

from reinas.study.observer import Observer

if TYPE_CHECKING:
    from reinas.fitting.clock import Clock
    from reinas.fitting.plan import Plan


class FitObserver(Observer):
    """Watches a fit: override what you want to know. What a method raises ends the fit."""

    def on_plan(self, plan: "Plan", clock: "Clock") -> None:
        """It is planned what to do; the clock runs already."""

    def on_phase(self, phase: str, until: float) -> None:
        """A phase begins.

        Args:
            phase: explore, narrow, train, or test.
            until: When it will end, in seconds since the beginning.
        """
