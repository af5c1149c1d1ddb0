"""Everything that a report says about a search, as plain values."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import Any

from reinas.errors import TrialError
from reinas.fronts import front
from reinas.plugins import Kind
from reinas.registry import make
from reinas.report.drawing import draw
from reinas.report.formulas import formulas
from reinas.report.machines import Machines, machines
from reinas.report.trials import FinishedTrial, finished_trials
from reinas.spaces.base import AbstractSpace
from reinas.spaces.recurrent import RecurrentSpace
from reinas.store import AbstractRecord
from reinas.store.values import FinalRecord
from reinas.tasks.base import AbstractTask
from reinas.types import TOO_COSTLY, Answers, Trial


@dataclass(frozen=True)
class Best:
    """One of the best different architectures; `architecture` is one line of text."""

    trial: int
    reward: float
    architecture: str
    answers: Answers
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class Running:
    """A trial that a worker holds, and its last report; None where it has reported nothing yet."""

    trial: int
    worker: str
    step: int | None
    score: float | None
    architecture: str


@dataclass(frozen=True)
class RecipeResult:
    """A recipe by which the best network was trained after the search, and what that gave."""

    reward: float | None
    recipe: Mapping[str, Any]
    metrics: Mapping[str, float]
    error: str | None


@dataclass(frozen=True)
class Report:
    """A search so far.

    Args:
        name: The search's name.
        created: When it was created, ISO 8601.
        settings: Its settings, as the store has them.
        trials: How many trials it is to have.
        finished: How many of them have finished.
        failed: How many failed, those that were too costly included.
        pruned: How many were stopped early.
        too_costly: How many exceeded a limit.
        least_cost: By each measure the least cost of those that exceeded a limit.
        repeats: How many took over the outcome of an earlier trial.
        seconds: The time that children took, summed.
        best: The best different architectures, best first.
        formulas: What the best recurrent cell computes; None in other spaces.
        failures: How many trials failed for each reason, the most frequent first.
        diagnostics: What the policy reports of each batch, with the batch's number.
        grid: What the recipes of the final grid gave, best first.
        final: The final network's test result; None before it was tested.
        running: The trials that workers hold, in the order proposed.
        machines: Which workers did what; None where children had no workers.
        front: The numbers of the trials on the Pareto front; empty where there is one objective.
        texts: The architectures of these, by number; not part of `json`.
        in_front: These trials themselves; not part of `json`.
        record: The search that is reported; not part of `json`.
    """

    name: str
    created: str
    settings: Mapping[str, Any]
    trials: int
    finished: int
    failed: int
    pruned: int
    too_costly: int
    least_cost: Mapping[str, float]
    repeats: int
    seconds: float
    best: tuple[Best, ...]
    formulas: str | None
    failures: Mapping[str, int]
    diagnostics: tuple[Mapping[str, float], ...]
    grid: tuple[RecipeResult, ...]
    final: FinalRecord | None
    running: tuple[Running, ...]
    machines: Machines | None
    front: tuple[int, ...]
    texts: Mapping[int, str] = field(repr=False, compare=False)
    in_front: tuple[FinishedTrial, ...] = field(repr=False, compare=False)
    record: AbstractRecord = field(repr=False, compare=False)

    @cached_property
    def history(self) -> tuple[FinishedTrial, ...]:
        """The finished trials, in the order proposed; read when they are first asked for."""
        return finished_trials(self.record.finished())

    def json(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.compare}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def make_report(
    record: AbstractRecord,
    top: int = 10,
    *,
    working: bool = False,
    gone: Callable[[str], bool] | None = None,
) -> Report:
    """Read a search from its store.

    Args:
        record: The search.
        top: How many of the best architectures.
        working: Whether some process works on the search at the moment.
        gone: Whether a worker is known to have ended: its trials are not running. None: none is.
    """
    counts = record.counts()
    held = [t for t in record.held() if not (gone and gone(str(t.worker)))]
    best = _best(record, top)
    failures: Counter[str] = Counter()
    for count in counts:
        if count.error is not None:
            failures[count.error] += count.trials
    objectives = record.settings.get("policy", {}).get("objectives", ())
    too_costly = sum(n for error, n in failures.items() if error.startswith(TOO_COSTLY))
    trials = record.finished() if objectives or too_costly else []
    found = front(trials, objectives) if objectives else []
    return Report(
        name=record.name,
        created=record.created,
        settings=record.settings,
        trials=record.trials,
        finished=sum(count.trials for count in counts),
        failed=failures.total(),
        pruned=sum(count.trials for count in counts if count.pruned),
        too_costly=too_costly,
        least_cost=_least_cost(trials),
        repeats=sum(count.trials for count in counts if count.repeat),
        seconds=sum(count.seconds for count in counts),
        best=best,
        formulas=cell_formulas(record.settings, best),
        failures=dict(failures.most_common()),
        diagnostics=tuple({"batch": n, **values} for n, values in record.diagnostics()),
        grid=_grid(record),
        final=record.final(),
        running=_running(record, held),
        machines=machines(record.attempts(), record.updates(), working=working),
        front=tuple(trial.number for trial in found),
        texts=record.texts(trial.number for trial in found),
        in_front=finished_trials(found),
        record=record,
    )


def space_of(settings: Mapping[str, Any]) -> AbstractSpace[Any] | None:
    """A search's space; None where it is one that only the script that began it can make."""
    space: AbstractSpace[Any] | None = _made("space", settings.get("space"))
    return space


def task_of(settings: Mapping[str, Any]) -> AbstractTask | None:
    """A search's task; None where it cannot be made here, or there is none."""
    task: AbstractTask | None = _made("task", settings.get("evaluator", {}).get("task"))
    return task


def _made(kind: Kind, settings: Any) -> Any:
    try:
        return make(kind, settings)
    except (KeyError, TypeError, ValueError):
        return None


def cell_formulas(
    settings: Mapping[str, Any], best: Sequence[Best], *, latex: bool = False
) -> str | None:
    """What the best cell computes; None where there is none, or the space has no cells."""
    space = space_of(settings)
    if not isinstance(space, RecurrentSpace) or not best:
        return None
    return formulas(space.decode(best[0].answers).cell, latex=latex)


def drawing(report: Report) -> str:
    """The best network as SVG.

    A network whose space or task cannot be made here is drawn as the text that describes it.

    Raises:
        TrialError: There is no best network yet.
        ReinasError: The task's data, on which its sizes depend, cannot be read.
    """
    if not report.best:
        raise TrialError(f"search '{report.name}' has no trained network to draw yet")
    space, task = space_of(report.settings), task_of(report.settings)
    best = report.best[0]
    if space is None or task is None:
        return draw(best.architecture, _NoTask())
    return draw(space.decode(best.answers), task)


@dataclass(frozen=True)
class _NoTask:
    """The task of a search whose own task cannot be made here."""

    name: str = "unknown"
    inputs: tuple[int, ...] = ()
    outputs: int = 0


def _best(record: AbstractRecord, top: int) -> tuple[Best, ...]:
    trials = finished_trials(record.best(top))
    texts = record.texts(t.number for t in trials)
    return tuple(
        Best(
            t.number,
            t.trial.reward,
            texts[t.number],
            t.trial.answers,
            t.outcome.metrics,
            t.outcome.seconds,
        )
        for t in trials
    )


def _running(record: AbstractRecord, held: Sequence[Trial]) -> tuple[Running, ...]:
    texts = record.texts(trial.number for trial in held)
    found = []
    for trial in held:
        step, score = next(reversed(record.reports(trial.number)), (None, None))
        worker, number = str(trial.worker), trial.number
        found.append(Running(number, worker, step, score, texts[number]))
    return tuple(found)


def _least_cost(trials: Iterable[Trial]) -> dict[str, float]:
    costs = [t.outcome.metrics for t in finished_trials(trials) if t.is_too_costly]
    costs = [cost for cost in costs if cost]
    return {key: min(cost[key] for cost in costs) for key in (costs[0] if costs else ())}


def _grid(record: AbstractRecord) -> tuple[RecipeResult, ...]:
    points = [
        RecipeResult(outcome.reward, recipe, outcome.metrics, outcome.error)
        for recipe, outcome in record.points().values()
    ]
    return tuple(sorted(points, key=lambda p: -math.inf if p.reward is None else p.reward))[::-1]
