"""`reinas fit`."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field
from rich.markup import escape

from reinas.cli.interrupts import interruptible
from reinas.cli.options import JsonOption, set_option, set_settings, with_options
from reinas.cli.output import Bar, out, print_json, print_line, print_notes, print_written, typed
from reinas.cli.output import write as write_page
from reinas.config.execution import make_executor
from reinas.config.objects import make_parts
from reinas.config.option import Option
from reinas.config.options import (
    ExecutorOptions,
    LimitOptions,
    NameOptions,
    SeedOptions,
    StoreOptions,
    TargetOptions,
    WorkerOptions,
)
from reinas.config.settings import Setting, Settings, cited, merged, read
from reinas.devices import Precision
from reinas.fitting.fit_observer import FitObserver
from reinas.report.report import make_report
from reinas.store import Store
from reinas.types import Trial

PATIENCE = 2.0
"""Seconds in which the page's views of the policy are computed."""


class FitOptions(LimitOptions, WorkerOptions, SeedOptions, NameOptions, StoreOptions):
    """How long a fit may take, and where its network goes."""

    minutes: Annotated[
        float,
        Field(gt=0, allow_inf_nan=False),
        Option("How long it may take, everything included."),
    ] = 10.0
    ensemble: Annotated[
        int | None,
        Field(ge=1),
        Option("Networks in the ensemble at most. Default: what suits the data.", metavar="K"),
    ] = None
    device: Annotated[
        str,
        Option("Where networks train: auto, cpu, cuda, cuda:N or mps.", metavar="DEVICE"),
    ] = "auto"
    precision: Annotated[
        Precision,
        Option("What networks compute with; auto is what is fastest on the device."),
    ] = "auto"
    folder: Annotated[
        Path | None,
        Option("Folder for the network. Default: the name.", metavar="FOLDER", flag="--to"),
    ] = None


@with_options(TargetOptions, FitOptions)
def fit(
    data: Annotated[
        str,
        typer.Argument(
            help="A folder of images, FILE.csv, FILE.npz, FILE.txt, or a name of `reinas tasks`;"
            " files of other names as table:FILE, arrays:FILE or text:FILE.",
            metavar="DATA",
        ),
    ],
    given: Settings,
    set_: Annotated[
        list[str] | None, set_option("A parameter, such as task.size=32 or recipe.flip=true.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Find a good network for your data within some minutes.

    Looks at the data, chooses a space and a recipe, tries many networks for a short time, trains
    the best to the end, tests them once as one network, saves it with a page about how it was
    found. Stopped, the same command with its --name goes on with the time that was left.

    Examples:
    - `reinas fit photos --minutes 20`
    - `reinas fit data.npz --minutes 5 --max-parameters 200000`
    - `reinas fit houses.csv --target price --minutes 2 --to houses-network`
    - `reinas fit digits --minutes 1`
    """
    begun = time.time()
    options = read(FitOptions, given)
    settings = merged(given, {"task.name": Setting(data, flag="DATA")}, set_settings(set_))
    with cited(settings):
        task, recipe = make_parts(settings)
        home = Store(options.store)
        with home.called(options.name, f"fit-{task.name}") as name:
            _run(options, home, name, task, recipe, begun, as_json=json)


def _run(
    options: FitOptions,
    home: Store,
    name: str,
    task: Any,
    recipe: dict[str, Any],
    begun: float,
    *,
    as_json: bool,
) -> None:
    from dataclasses import replace

    from reinas.devices import Placement
    from reinas.evaluators.limits import Limits
    from reinas.fitting.fit import fit as fit_task
    from reinas.fitting.plan import plan_for

    if not as_json:
        print_notes((*home.database.notes, *task.notes))
    plan = plan_for(task)
    plan = replace(plan, recipe=replace(plan.recipe, **recipe))
    latency = None if options.max_latency is None else options.max_latency / 1000
    placement = Placement(options.device, options.precision).resolved()
    bar = _FitBar(quiet=as_json)
    with interruptible(
        bar,
        lambda: (
            f"stopped; the same command with --name {typed(name, home.location)} goes on with the"
            " time that was left"
        ),
    ):
        fitted = fit_task(
            task,
            minutes=options.minutes,
            seed=options.seed,
            plan=plan,
            limits=Limits(options.max_parameters, options.max_flops, latency),
            ensemble=options.ensemble,
            placement=placement,
            executor=make_executor(ExecutorOptions(workers=options.workers), placement),
            store=home,
            name=name,
            folder=options.folder,
            observer=bar,
            begun=begun,
        )
    from reinas.web.single import page

    file = fitted.folder / "report.html"
    write_page(page(home, make_report(fitted.study.record), patience=PATIENCE), file)
    if as_json:
        print_json(_document(name, fitted))
    else:
        _print(name, fitted, file)


def _document(name: str, fitted: Any) -> dict[str, Any]:
    return {
        "name": name,
        "members": [
            {"trial": m.trial.number, "weight": m.weight, "architecture": str(m.architecture)}
            for m in fitted.members
        ],
        "test": fitted.metrics,
        "summary": fitted.summary,
        "seconds": fitted.seconds,
        "folder": fitted.folder,
    }


def _print(name: str, fitted: Any, file: Path) -> None:
    metrics = fitted.metrics
    tried = fitted.study.record.count()[0]
    out.print(
        f"[bold]{escape(name)}[/]: test {escape(fitted.summary)} on {metrics['examples']:,}"
        f" examples; {metrics['parameters']:,} parameters; {tried} networks tried in"
        f" {fitted.seconds / 60:.1f} minutes",
        soft_wrap=True,
    )
    for member in fitted.members:
        share = "" if len(fitted.members) == 1 else f"{100 * member.weight:3.0f} %  "
        print_line(f"  {share}{member.architecture}")
    folder = str(fitted.folder)
    print_line(
        f"saved in {folder}, for `reinas predict`; in Python: reinas.load({folder!r})", style="dim"
    )
    print_written(file)


class _FitBar(FitObserver):
    """The time that has gone of the time that there is, the phase, and the best reward so far."""

    def __init__(self, *, quiet: bool) -> None:
        self._bar = Bar(quiet=quiet, status=self._status)
        self._phase, self._tried, self._quiet = "", 0, quiet
        self._best: float | None = None
        self._clock: Any = None

    def on_plan(self, plan: Any, clock: Any) -> None:
        """Say what is planned, and begin with the time that is gone already."""
        if not self._quiet:
            print_notes(plan.notes)
        self._clock = clock
        self._task = self._bar.add_task("fit", total=round(clock.seconds), note="seconds")
        self._bar.start()

    def on_phase(self, phase: str, until: float) -> None:
        """Name the phase."""
        self._phase = phase

    def on_trial(self, trial: Trial) -> None:
        """Count one more network."""
        self._tried += 1
        if trial.state == "complete":
            self._best = trial.reward if self._best is None else max(self._best, trial.reward)

    def stop(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()

    def _status(self) -> str:
        if self._clock is not None:
            done = min(self._clock.spent, self._clock.seconds)
            self._bar.update(self._task, completed=round(done))
        best = "" if self._best is None else f"  best {self._best:.4f}"
        return f"{self._phase}: {self._tried} networks{best}"
