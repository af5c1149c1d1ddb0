"""The contract of a tracker, and what it is given."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reinas.report.rows import trial_row
from reinas.spaces.base import AbstractSpace
from reinas.store import AbstractRecord
from reinas.types import Trial


@dataclass(frozen=True)
class StudyOf:
    """Which study is exported.

    Args:
        name: Its name in the store.
        created: When it was created: tells it from another one of that name.
        settings: Everything that changes its results.
    """

    name: str
    created: str
    settings: Mapping[str, Any]

    @property
    def identity(self) -> str:
        """The same for no two studies."""
        return f"{self.name} {self.created}"


@dataclass(frozen=True)
class TrackedTrial:
    """A finished trial, as trackers take it.

    Args:
        number: The trial's number.
        state: `complete`, `pruned` or `failed`.
        reward: None where it has none.
        params: Its architecture and its decisions, by name.
        metrics: Numbers by name, the seconds of training among them.
        curve: Numbers by name and epoch, in order.
        error: Why it failed.
        begun: Seconds since 1970.
        ended: Seconds since 1970.
        row: All of it as one row.
    """

    number: int
    state: str
    reward: float | None
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    curve: Sequence[tuple[int, Mapping[str, float]]]
    error: str | None
    begun: float
    ended: float
    row: Mapping[str, Any]


class Tracker(ABC):
    """A place where finished trials go; each of them once.

    Args:
        study: Whose trials.
    """

    def __init__(self, study: StudyOf) -> None:
        self.study = study

    @abstractmethod
    def known(self) -> set[int]:
        """The numbers of the trials that are there; what was written in part is not."""

    @abstractmethod
    def add(self, trials: Sequence[TrackedTrial]) -> None:
        """Write finished trials that are not there yet.

        Args:
            trials: In the order of their numbers.
        """


def tracked_trials(
    record: AbstractRecord, space: AbstractSpace[Any] | None, without: set[int]
) -> list[TrackedTrial]:
    """The finished trials of a study, in the order proposed.

    Args:
        record: The study.
        space: Names the decisions; None leaves them out.
        without: Numbers of trials that are not wanted.
    """
    trials = [trial for trial in record.finished() if trial.number not in without]
    if not trials:
        return []
    texts = record.texts(trial.number for trial in trials)
    times = {a.trial: (a.begun, a.ended) for a in record.attempts()}
    last = 0.0
    result = []
    for trial in trials:
        begun, ended = times.get(trial.number, (last, last))  # a repeat took no time
        last = begun if ended is None else ended
        result.append(_tracked(trial, space, texts[trial.number], begun, last))
    return result


def _tracked(
    trial: Trial, space: AbstractSpace[Any] | None, text: str, begun: float, ended: float
) -> TrackedTrial:
    outcome = trial.outcome
    assert outcome is not None, "only finished trials are asked for"
    row = trial_row(space, trial, text)
    params = {"architecture": text}
    params |= {
        name.removeprefix("decisions."): value
        for name, value in row.items()
        if name.startswith("decisions.") and value is not None
    }
    metrics = {**outcome.metrics, "seconds": outcome.seconds}
    curve: list[tuple[int, Mapping[str, float]]]
    if outcome.curve is not None:
        curve = [
            (e.number, {"train_loss": e.train_loss, "loss": e.loss, "score": e.score})
            for e in outcome.curve.epochs
        ]
    else:
        curve = [(step, {"score": score}) for step, score in outcome.reports]
    return TrackedTrial(
        trial.number,
        trial.state,
        outcome.reward,
        params,
        metrics,
        curve,
        outcome.error,
        begun,
        ended,
        row,
    )
