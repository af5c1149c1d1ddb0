"""Everything that a report says about a search, as plain values."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reinas.registry import Kind, make
from reinas.spaces.base import AbstractSpace
from reinas.store import Log
from reinas.store.log import Final
from reinas.tasks.base import AbstractTask
from reinas.types import Answers, Trial


@dataclass(frozen=True)
class Best:
    """One of the best different architectures; `architecture` as one line of text."""

    trial: int
    reward: float
    architecture: str
    answers: Answers
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class Report:
    """A search so far. `movement` is what the policy said of each batch it learned from."""

    name: str
    created: str
    settings: Mapping[str, Any]
    trials: int
    finished: int
    failed: int
    repeats: int
    seconds: float
    best: tuple[Best, ...]
    failures: Mapping[str, int]
    movement: tuple[Mapping[str, float], ...]
    final: Final | None

    def json(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return asdict(self)


def space_of(log: Log) -> AbstractSpace[Any] | None:
    """The search's space; None where it is one of the user's own, known only to their script."""
    space: AbstractSpace[Any] | None = _made("space", log.settings.get("space"))
    return space


def task_of(log: Log) -> AbstractTask | None:
    """The search's task; None where it is one of the user's own, or there is none."""
    task: AbstractTask | None = _made("task", log.settings.get("evaluator", {}).get("task"))
    return task


def _made(kind: Kind, settings: Any) -> Any:
    try:
        return make(kind, settings)
    except (KeyError, TypeError, ValueError):
        return None


def gather(log: Log, top: int = 10) -> Report:
    """Read the store: the `top` best architectures, failures with reasons, the policy's way."""
    space = space_of(log)
    trials = log.finished()
    return Report(
        name=log.name,
        created=log.created,
        settings=log.settings,
        trials=log.trials,
        finished=len(trials),
        failed=sum(outcome_of(t).error is not None for t in trials),
        repeats=sum(t.repeat_of is not None for t in trials),
        seconds=sum(outcome_of(t).seconds for t in trials),
        best=tuple(_best(trial, space) for trial in log.best(top)),
        failures=dict(
            Counter(
                error for t in trials if (error := outcome_of(t).error) is not None
            ).most_common()
        ),
        movement=tuple({"batch": number, **said} for number, said in log.diagnostics()),
        final=log.final(),
    )


def number(value: float | None) -> str:
    """A measurement for people: whole numbers with separators, others to five digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() and value >= 1000 else f"{value:.5g}"


def outcome_of(trial: Trial) -> Any:
    """The outcome of a finished trial."""
    return trial.outcome


def _best(trial: Trial, space: AbstractSpace[Any] | None) -> Best:
    outcome = outcome_of(trial)
    text = str(space.decode(trial.answers)) if space else ",".join(map(str, trial.answers))
    return Best(trial.number, outcome.reward, text, trial.answers, outcome.metrics, outcome.seconds)
