"""`reinas finish`."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from rich.markup import escape

from reinas.cli.interrupts import interruptible
from reinas.cli.options import JsonOption, NameArgument, set_option, set_settings, with_options
from reinas.cli.output import Bar, out, print_json, print_line, typed
from reinas.config.execution import make_executor
from reinas.config.objects import make_grid, restored
from reinas.config.option import Option
from reinas.config.options import ExecutorOptions, PlacementOptions, StoreOptions, WorkerOptions
from reinas.config.settings import Settings, read
from reinas.errors import SettingError
from reinas.finishing.finish_observer import FinishObserver
from reinas.store import AbstractRecord, Store
from reinas.tasks.recipes import Recipe
from reinas.types import Epoch, Outcome

GRID = (
    "The grid's values: grid.learning_rates, grid.weight_decays, grid.norm_epsilons, grid.decays"
    " (shares of the epochs); of language models also grid.initials, grid.embedding_dropouts,"
    " grid.recurrent_dropouts, grid.decay_afters (epochs)."
)


class FinishOptions(StoreOptions, PlacementOptions, WorkerOptions):
    """How the best network is trained to the end, and where it goes."""

    epochs: Annotated[
        int | None,
        Field(ge=1),
        Option("Most epochs of the final training. Default: 3 times a child's."),
    ] = None
    patience: Annotated[
        int | None,
        Field(ge=0),
        Option(
            "Stop when the validation loss has not fallen for this many epochs; 0 never stops."
            " Default: a third of the epochs."
        ),
    ] = None
    grid: Annotated[
        bool,
        Option("Keep the search's recipe, and try no others.", flag="--no-grid"),
    ] = True
    trial: Annotated[
        int | None,
        Option(
            "Finish this trial, such as one on the Pareto front. Default: the best.", metavar="N"
        ),
    ] = None
    anyway: Annotated[bool, Option("Even if the search has not ended.")] = False
    folder: Annotated[
        Path | None,
        Option("Folder for the network. Default: the name.", metavar="FOLDER", flag="--to"),
    ] = None


@with_options(FinishOptions)
def finish(
    name: NameArgument,
    given: Settings,
    set_: Annotated[list[str] | None, set_option(GRID, "KEY=[VALUES]")] = None,
    json: JsonOption = False,
) -> None:
    """Send the best network through a grid of recipes, train it to the end, test it once, save it.

    The recipe that is best on the validation part trains the network until its validation loss
    stops falling. The folder gets network.json (what it is) and weights.safetensors (the
    numbers); in Python `reinas.load(FOLDER)` gives the network, which takes raw examples. The
    test part is measured once per search: the same command again gives the same network and the
    same result. Stopped half-way, it continues where it was.

    Examples:
    - `reinas finish demo --to demo-network`
    - `reinas finish demo --device cuda:1`
    - `reinas finish demo --set grid.learning_rates=[0.05,0.1] --epochs 300 --patience 50`
    """
    options = read(FinishOptions, given)
    store = Store(options.store)
    log = store.get(name)
    grid = make_grid(set_settings(set_))
    _check(options, log, typed(name, store.location))
    config = restored(log.settings, {})
    chosen = options.given("device", "precision") | ({"compile": True} if options.compile else {})
    placement = replace(config.placement, **chosen).resolved()
    from reinas.finishing.finish import finish as finish_search

    bars = _Bars(config.task.objective.score_name, quiet=json)
    with interruptible(
        bars,
        lambda: (
            f"stopped before the end: `reinas finish {typed(name, store.location)}` continues;"
            " what was trained of the grid is kept, the final training starts anew"
        ),
    ):
        done = finish_search(
            store,
            name,
            config.space,
            config.task,
            folder=options.folder,
            grid=grid if options.grid else None,
            epochs=options.epochs,
            patience=options.patience,
            anyway=options.anyway,
            trial=options.trial,
            executor=make_executor(ExecutorOptions(workers=options.workers), placement),
            observer=bars,
            placement=placement,
        )
    if json:
        print_json(_document(name, done))
    else:
        _print(name, done)


def _check(options: FinishOptions, log: AbstractRecord, shown: str) -> None:
    """Raise `SettingError` where the search is not over."""
    finished = log.count()[1]
    if log.final() is None and finished < log.trials and not options.anyway:
        raise SettingError(
            f"search '{log.name}' has finished {finished} of {log.trials} trials, and the test"
            f" part is measured once: `reinas resume {shown}` first, or add --anyway"
        )


def _document(name: str, done: Any) -> dict[str, Any]:
    return {
        "name": name,
        "trial": done.final.trial,
        "architecture": str(done.architecture),
        "recipe": done.final.recipe,
        "test": done.final.metrics,
        "folder": done.folder,
        "again": done.again,
    }


def _print(name: str, done: Any) -> None:
    metrics, recipe = done.final.metrics, done.final.recipe
    out.print(
        f"[bold]{escape(name)}[/]: trial {done.final.trial}, learning rate"
        f" {recipe['learning_rate']:g}, weight decay {recipe['weight_decay']:g}\n"
        f"  {escape(str(done.architecture))}\n"
        f"test {escape(done.final.summary)} on {metrics['examples']:,} examples,"
        f" {metrics['parameters']:,} parameters",
        soft_wrap=True,
    )
    if done.again:
        print_line("(measured when the search was first finished; the test part is read once)")
    if done.better is not None:
        print_line(
            f"trial {done.better} has a better reward by now; to test it takes another search,"
            " since the test part has been seen"
        )
    folder = str(done.folder)
    saved = f"saved in {folder}, for `reinas predict`; in Python: reinas.load({folder!r})"
    print_line(saved, style="dim")


class _Bars(FinishObserver):
    """Two progress bars: the points of the grid, then the epochs of the final training."""

    def __init__(self, score: str, *, quiet: bool) -> None:
        self._score = score
        self._bar = Bar(quiet=quiet)
        self._best = -math.inf

    def grid(self, points: int, done: int) -> None:
        """Show the grid's bar."""
        self._begin("grid", points, done)

    def point(self, recipe: Recipe, outcome: Outcome) -> None:
        """Count one more point."""
        self._best = max(self._best, outcome.metrics.get(self._score, -math.inf))
        note = f"best {self._score} {self._best:.4f}" if math.isfinite(self._best) else ""
        self._bar.update(self._task, advance=1, note=note)

    def training(self, recipe: Recipe) -> None:
        """Show the final training's bar."""
        self._begin("final training", recipe.epochs, 0)

    def epoch(self, epoch: Epoch) -> None:
        """Count one more epoch."""
        note = f"loss {epoch.loss:.4f}  {self._score} {epoch.score:.4f}"
        self._bar.update(self._task, completed=epoch.number, note=note)

    def stop(self) -> None:
        """Leave the bars as they are."""
        self._bar.stop()

    def _begin(self, what: str, total: int, done: int) -> None:
        self._task = self._bar.add_task(what, total=total, completed=done, note="")
        self._bar.start()
