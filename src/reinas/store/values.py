"""What a record holds beside trials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reinas.types import Answers


@dataclass(frozen=True, slots=True)
class Proposal:
    """A trial as it is first written.

    Args:
        number: The trial's number.
        answers: The decisions' answers.
        key: Equal for equal architectures.
        architecture: The architecture as one line of text, for reports.
        repeat_of: The earlier trial of the same architecture, where its outcome is reused.
    """

    number: int
    answers: Answers
    key: Answers
    architecture: str
    repeat_of: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on trials: nobody else is handed them before it `expires`.

    Args:
        worker: The machine, the process and the study object.
        expires: Seconds since 1970.
    """

    worker: str
    expires: float


@dataclass(frozen=True, slots=True)
class Report:
    """A score that was reported while a trial was running; `at` is in seconds since 1970."""

    trial: int
    step: int
    score: float
    at: float


@dataclass(frozen=True, slots=True)
class Count:
    """How many trials came to the same end.

    Args:
        error: Why they failed; None where they did not.
        pruned: Whether they were stopped early.
        repeat: Whether they took over the outcome of an earlier trial.
        trials: How many.
        seconds: The time that they took, summed.
    """

    error: str | None
    pruned: bool
    repeat: bool
    trials: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Update:
    """A batch's gradient as the parameter servers applied it (section 3.2, figure 3).

    Args:
        number: Its place in the order applied.
        batch: The batch that it was computed from.
        replica: The replica that computed it.
        version: How many steps the parameters had taken that it was computed at.
        applied_to: How many steps they had taken when it was applied.
        diagnostics: The policy's diagnostics of the batch.
    """

    number: int
    batch: int
    replica: int
    version: int
    applied_to: int
    diagnostics: Mapping[str, float] = field(default_factory=dict)

    @property
    def staleness(self) -> int:
        """How many steps the parameters were ahead of the gradient."""
        return self.applied_to - self.version


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt of a worker at a trial, and how it ended.

    Args:
        trial: The trial's number.
        worker: The machine and the process.
        begun: Seconds since 1970.
        ended: Seconds since 1970; None while it is under way.
        lost: How the worker was lost; None where it was not.
        finished: Whether the attempt gave the trial's outcome.
    """

    trial: int
    worker: str
    begun: float
    ended: float | None
    lost: str | None
    finished: bool


@dataclass(frozen=True, slots=True)
class FinalRecord:
    """The final network: which trial it is of, how it was trained, and its test result.

    Args:
        trial: The trial's number.
        recipe: The recipe of the final training.
        metrics: The test metrics.
        finished: When, in ISO 8601.
        summary: The test metrics as one line for people.
    """

    trial: int
    recipe: dict[str, Any]
    metrics: dict[str, float]
    finished: str
    summary: str
