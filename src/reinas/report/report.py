"""Everything that a report says about a search, as plain values."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reinas.plugins import Kind
from reinas.registry import make
from reinas.report.formulas import formulas
from reinas.report.machines import Machines, machines
from reinas.spaces.base import AbstractSpace
from reinas.spaces.recurrent import RecurrentSpace
from reinas.store import AbstractRecord
from reinas.store.values import FinalRecord
from reinas.tasks.base import AbstractTask
from reinas.types import TOO_COSTLY, Answers, Trial


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
class RecipeResult:
    """One recipe that the best network was trained by after the search; best reward first."""

    reward: float | None
    recipe: Mapping[str, Any]
    metrics: Mapping[str, float]
    error: str | None


@dataclass(frozen=True)
class Report:
    """A search so far. `movement` is what the policy said of each batch it learned from."""

    name: str
    created: str
    settings: Mapping[str, Any]
    trials: int
    finished: int
    failed: int
    too_costly: int
    least_cost: Mapping[str, float]
    repeats: int
    seconds: float
    best: tuple[Best, ...]
    formulas: str | None
    failures: Mapping[str, int]
    movement: tuple[Mapping[str, float], ...]
    grid: tuple[RecipeResult, ...]
    final: FinalRecord | None
    machines: Machines | None

    def json(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return asdict(self)


def space_of(log: AbstractRecord) -> AbstractSpace[Any] | None:
    """The search's space; None where it is one of the user's own, known only to their script."""
    space: AbstractSpace[Any] | None = _made("space", log.settings.get("space"))
    return space


def task_of(log: AbstractRecord) -> AbstractTask | None:
    """The search's task; None where it is one of the user's own, or there is none."""
    task: AbstractTask | None = _made("task", log.settings.get("evaluator", {}).get("task"))
    return task


def _made(kind: Kind, settings: Any) -> Any:
    try:
        return make(kind, settings)
    except (KeyError, TypeError, ValueError):
        return None


def make_report(log: AbstractRecord, top: int = 10, *, working: bool = False) -> Report:
    """Read the store: the `top` best architectures, failures with reasons, the policy's way.

    `working` is whether somebody runs the search at the moment.
    """
    space = space_of(log)
    trials = log.finished()
    return Report(
        name=log.name,
        created=log.created,
        settings=log.settings,
        trials=log.trials,
        finished=len(trials),
        failed=sum(outcome_of(t).error is not None for t in trials),
        too_costly=sum((outcome_of(t).error or "").startswith(TOO_COSTLY) for t in trials),
        least_cost=_least_cost(trials),
        repeats=sum(t.repeat_of is not None for t in trials),
        seconds=sum(outcome_of(t).seconds for t in trials),
        best=tuple(_best(trial, space) for trial in log.best(top)),
        formulas=cell_formulas(log),
        failures=dict(
            Counter(
                error for t in trials if (error := outcome_of(t).error) is not None
            ).most_common()
        ),
        movement=tuple({"batch": number, **said} for number, said in log.diagnostics()),
        grid=_grid(log),
        final=log.final(),
        machines=machines(log.attempts(), log.updates(), working=working),
    )


def _least_cost(trials: Sequence[Trial]) -> dict[str, float]:
    """The least that the children cost which were too costly, by each measure."""
    costs = [
        outcome_of(t).metrics
        for t in trials
        if (outcome_of(t).error or "").startswith(TOO_COSTLY) and outcome_of(t).metrics
    ]
    return {key: min(cost[key] for cost in costs) for key in (costs[0] if costs else ())}


def cell_formulas(log: AbstractRecord, *, latex: bool = False) -> str | None:
    """What the best cell so far computes; None where the search is not for cells."""
    space, best = space_of(log), log.best()
    if not isinstance(space, RecurrentSpace) or not best:
        return None
    return formulas(space.decode(best[0].answers).cell, latex=latex)


def _grid(log: AbstractRecord) -> tuple[RecipeResult, ...]:
    points = [
        RecipeResult(outcome.reward, recipe, outcome.metrics, outcome.error)
        for recipe, outcome in log.points().values()
    ]
    return tuple(sorted(points, key=lambda p: -math.inf if p.reward is None else p.reward))[::-1]


def number(value: float | None) -> str:
    """A measurement for people: whole numbers with separators, others to five digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() and value >= 1000 else f"{value:.5g}"


def grid_rows(grid: Sequence[RecipeResult]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Head and rows: of each point of the grid what it tried and what that gave."""
    tried = [k for k in grid[0].recipe if len({str(p.recipe[k]) for p in grid}) > 1]
    measured = [k for k in grid[0].metrics if k != "parameters"]
    rows = [
        (
            "failed" if point.reward is None else f"{point.reward:.4f}",
            *(number(point.metrics.get(k)) for k in measured),
            *(_value(point.recipe[k]) for k in tried),
        )
        for point in grid
    ]
    return ["reward", *measured, *(k.replace("_", " ") for k in tried)], rows


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def outcome_of(trial: Trial) -> Any:
    """The outcome of a finished trial."""
    return trial.outcome


def _best(trial: Trial, space: AbstractSpace[Any] | None) -> Best:
    outcome = outcome_of(trial)
    text = str(space.decode(trial.answers)) if space else ",".join(map(str, trial.answers))
    return Best(trial.number, outcome.reward, text, trial.answers, outcome.metrics, outcome.seconds)
