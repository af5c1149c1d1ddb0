"""What the rows of a search's tables hold, and how values become rows and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Row

from reinas.types import Answers, Curve, Epoch, Outcome, Trial


@dataclass(frozen=True, slots=True)
class Proposal:
    """A trial as it is first written: its answers, and the trial that it repeats, if any."""

    number: int
    answers: Answers
    key: Answers
    repeat_of: int | None


@dataclass(frozen=True, slots=True)
class Update:
    """A batch's gradient as it was applied (figure 3), and what the policy said of the batch.

    `number` is its place in the order applied. It came from the parameters after `version` steps
    and was added to those after `applied_to`.
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
    """A worker's go at a trial: what `Attempt` says, how it ended, when (None: under way)."""

    trial: int
    worker: str
    begun: float
    ended: float | None
    lost: str | None
    finished: bool


@dataclass(frozen=True, slots=True)
class FinalRecord:
    """The network that was retrained and tested once."""

    trial: int
    recipe: dict[str, Any]
    metrics: dict[str, float]
    finished: str


def key_text(answers: Answers) -> str:
    """Answers as text: equal for equal answers."""
    return ",".join(map(str, answers))


def _curve_json(curve: Curve) -> dict[str, Any]:
    rows = [[e.number, e.train_loss, e.loss, e.score] for e in curve.epochs]
    return {"epochs": rows, "stopped": curve.stopped}


def _curve(data: dict[str, Any] | None) -> Curve | None:
    if data is None:
        return None
    return Curve(tuple(Epoch(*row) for row in data["epochs"]), data["stopped"])


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """What is written of an outcome that has come now."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "reward": outcome.reward,
        "seconds": outcome.seconds,
        "metrics": dict(outcome.metrics),
        "curve": None if outcome.curve is None else _curve_json(outcome.curve),
        "error": outcome.error,
    }


def outcome_of(row: Row[Any]) -> Outcome:
    """A finished trial's outcome."""
    return Outcome(row.reward, row.seconds, row.metrics, _curve(row.curve), row.error)


def recipe_key(recipe: Mapping[str, Any]) -> str:
    """A recipe as text: equal for equal recipes."""
    return json.dumps(recipe, sort_keys=True)


def attempt_record_of(row: Any) -> AttemptRecord:
    """An attempt that came to an outcome ended when that was written."""
    done = row.ended is None and row.finished is not None
    ended = datetime.fromisoformat(row.finished).timestamp() if done else row.ended
    return AttemptRecord(row.trial, row.worker, row.begun, ended, row.lost, done)


def trial_of(row: Row[Any]) -> Trial:
    """A trial, finished or not."""
    outcome = None if row.finished is None else outcome_of(row)
    return Trial(row.number, row.batch, tuple(row.answers), outcome, row.repeat_of)
