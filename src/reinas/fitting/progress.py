"""A progress bar for searches and fits in Python, in terminals and notebooks."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reinas.fitting.fit_observer import FitObserver
from reinas.types import Trial

if TYPE_CHECKING:
    from reinas.fitting.clock import Clock
    from reinas.fitting.plan import Plan
    from reinas.study.study import Study


class ProgressBar(FitObserver):
    """Shows how far a search or a fit is: `observer=reinas.ProgressBar()`.

    On standard error; in a notebook below the cell.

    Args:
        console: Where it is shown. None: as above.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            console=console or Console(stderr=True),
        )
        self._task: Any = None
        self._best: float | None = None
        self._phase, self._has_end = "", False

    def on_plan(self, plan: "Plan", clock: "Clock") -> None:
        """A fit begins: how many networks it will try nobody knows."""
        self._phase = "explore"

    def on_start(self, study: "Study[Any]") -> None:
        """Show what is there already."""
        _, finished = study.record.count()
        best = study.record.best()
        self._best = best[0].reward if best else None
        self._has_end = not self._phase
        total = study.record.trials if self._has_end else None
        self._task = self._bar.add_task(
            study.name, total=total, completed=finished, note=self._note()
        )
        self._bar.start()

    def on_phase(self, phase: str, until: float) -> None:
        """Name the phase of a fit; the last is the test."""
        self._phase = phase
        self._update(0)
        if phase == "test":
            self._bar.stop()

    def on_trial(self, trial: Trial) -> None:
        """Count one more trial."""
        if trial.state == "complete":
            self._best = trial.reward if self._best is None else max(trial.reward, self._best)
        self._update(1)
        if self._has_end and self._bar.finished:
            self._bar.stop()

    def _update(self, count: int) -> None:
        if self._task is not None:
            self._bar.update(self._task, advance=count, note=self._note())

    def _note(self) -> str:
        best = "" if self._best is None else f"best {self._best:.4f}"
        return "  ".join(filter(None, (self._phase, best)))
