"""Watching a search."""

from typing import TYPE_CHECKING, Any

from reinas.types import Trial

if TYPE_CHECKING:
    from reinas.study.study import Study


class Observer:
    """Watches a search: override what you want to know. What a method raises ends the search."""

    def on_start(self, study: "Study[Any]") -> None:
        """Everything is checked, and the first trial is about to begin."""

    def on_trial(self, trial: Trial) -> None:
        """A trial has finished, and is kept."""

    def on_report(self, trial: int, step: int, score: float) -> None:
        """A running trial has reported a score."""
