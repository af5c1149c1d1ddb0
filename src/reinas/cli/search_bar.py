"""The progress bar of a search."""

from typing import Any

from reinas.cli.output import Bar
from reinas.executors.base import AbstractExecutor
from reinas.report.report import make_report
from reinas.study.observer import Observer
from reinas.study.schedules import AbstractSchedule
from reinas.study.study import Study
from reinas.types import Trial


class SearchBar(Observer):
    """Trials done, the best reward so far, failures, and what executor and schedule are doing.

    Args:
        executor: Where children are evaluated.
        schedule: What runs the study.
        quiet: Show nothing.
    """

    def __init__(
        self, executor: AbstractExecutor, schedule: AbstractSchedule, *, quiet: bool
    ) -> None:
        self._executor, self._schedule = executor, schedule
        self._bar = Bar(quiet=quiet, status=self._status)
        self._best: float | None = None
        self._failed = 0

    def on_start(self, study: Study[Any]) -> None:
        """Show what is there already."""
        report = make_report(study.record, top=1)
        self._failed = report.failed
        self._best = report.best[0].reward if report.best else None
        self._task = self._bar.add_task(
            report.name, total=report.trials, completed=report.finished, note=self._note()
        )
        self._bar.start()

    def on_trial(self, trial: Trial) -> None:
        """Count one more trial."""
        self._failed += trial.state == "failed"
        if trial.state == "complete":
            self._best = trial.reward if self._best is None else max(trial.reward, self._best)
        self._bar.update(self._task, advance=1, note=self._note())

    def stop(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()

    def _note(self) -> str:
        best = "-" if self._best is None else f"{self._best:.4f}"
        return f"best {best}  failed {self._failed}"

    def _status(self) -> str:
        parts = (str(self._executor.status()), str(self._schedule.status()))
        return "  ".join(filter(None, parts))
