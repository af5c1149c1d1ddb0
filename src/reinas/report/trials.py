"""A search's finished trials, as reports need them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reinas.errors import TrialError
from reinas.types import TOO_COSTLY, Outcome, Trial

Kind = Literal["trained", "repeat", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class FinishedTrial:
    """A trial that has an outcome.

    Args:
        trial: The trial.
        outcome: What came of it.
    """

    trial: Trial
    outcome: Outcome

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.trial.number

    @property
    def kind(self) -> Kind:
        """Whether it took over an outcome, was pruned, failed, or has a reward of its own."""
        if self.trial.repeat_of is not None:
            return "repeat"
        if self.outcome.error is not None:
            return "failed"
        return "trained" if self.outcome.pruned is None else "pruned"

    @property
    def is_too_costly(self) -> bool:
        """Whether the child was not trained since it exceeds a limit."""
        return (self.outcome.error or "").startswith(TOO_COSTLY)


def finished_trials(trials: Iterable[Trial]) -> tuple[FinishedTrial, ...]:
    """The trials with their outcomes.

    Raises:
        TrialError: One of them has none yet.
    """
    return tuple(map(_finished, trials))


def _finished(trial: Trial) -> FinishedTrial:
    if trial.outcome is None:
        raise TrialError(f"trial {trial.number} has no outcome to report: it is {trial.state}")
    return FinishedTrial(trial, trial.outcome)
