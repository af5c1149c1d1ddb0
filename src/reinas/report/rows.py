"""A trial as one row: for data frames, files and trackers."""

from typing import Any

from reinas.spaces.base import AbstractSpace
from reinas.spaces.counting import active_decisions
from reinas.types import Choice, Trial


def trial_row(space: AbstractSpace[Any] | None, trial: Trial, text: str) -> dict[str, Any]:
    """What is known of a trial, by column.

    Args:
        space: Names the decisions; None leaves them out.
        trial: The trial, finished or not.
        text: Its architecture as one line.

    Returns:
        number, batch, state, reward, seconds, architecture, repeat_of, error, one entry per metric
        (`metrics.NAME`), and one per decision (`decisions.NAME`; None where it is not active).
    """
    outcome = trial.outcome
    row: dict[str, Any] = {
        "number": trial.number,
        "batch": trial.batch,
        "state": trial.state,
        "reward": None if outcome is None else outcome.reward,
        "seconds": None if outcome is None else outcome.seconds,
        "architecture": text,
        "repeat_of": trial.repeat_of,
        "error": None if outcome is None else outcome.error,
    }
    if outcome is not None:
        row |= {f"metrics.{name}": value for name, value in outcome.metrics.items()}
    if space is None:
        return row
    active = active_decisions(space.decisions, trial.answers)
    for decision, answer, live in zip(space.decisions, trial.answers, active, strict=False):
        value = decision.choices[answer] if isinstance(decision, Choice) else bool(answer)
        row[f"decisions.{decision.name}"] = value if live else None
    return row
