"""`reinas finish`."""

import math
from typing import Annotated, Any

import typer
from rich.markup import escape

from reinas.cli.interrupts import interruptible
from reinas.cli.options import STORE, FolderOption, JsonOption, StoreOption, WorkersOption
from reinas.cli.output import out, print_json, progress, stop
from reinas.config.run_options import RunOptions, make_executor
from reinas.config.settings import make_grid, parse_set, restored
from reinas.errors import InterruptError, SettingError
from reinas.finishing.recipe_grid import Watcher
from reinas.report.page import result_words
from reinas.report.terminal import typed
from reinas.store import Store
from reinas.tasks.recipes import Recipe
from reinas.types import Epoch, Outcome


def finish(
    name: Annotated[str, typer.Argument(help="The search's name; see `reinas list`.")],
    epochs: Annotated[
        int | None,
        typer.Option(help="Most epochs of the final training. Default: 3 times a child's.", min=1),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Stop when the validation loss has not fallen for so many epochs; 0 never stops."
            " Default: a third of the epochs.",
            min=0,
        ),
    ] = None,
    no_grid: Annotated[
        bool, typer.Option("--no-grid", help="Keep the search's recipe, try no others.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="The grid's values: grid.learning_rates, grid.weight_decays, grid.norm_epsilons,"
            " grid.decays (shares of the epochs); of language models also grid.initials,"
            " grid.embedding_dropouts, grid.recurrent_dropouts, grid.decay_afters (epochs).",
            metavar="KEY=[VALUES]",
        ),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Even if the search is not over.")
    ] = False,
    workers: WorkersOption = None,
    to: FolderOption = None,
    store: StoreOption = STORE,
    json: JsonOption = False,
) -> None:
    """Send the best network through a grid of recipes, train it to the end, test it once, save it.

    The recipe that is best on the validation part trains the network until its validation loss
    falls no more. The folder gets network.json (what it is) and weights.safetensors (the
    numbers); in Python `reinas.load(FOLDER)` gives the network, which takes raw examples. The
    test part is measured once a search: asked again, the command gives the same network and the
    same result. Stopped half-way, it goes on where it was.

    Examples:
    - `reinas finish demo --to demo-network`
    - `reinas finish demo --set grid.learning_rates=[0.05,0.1] --epochs 300 --patience 50`
    """
    home = Store(store)
    log = home.get(name)
    if log.final() is not None and (set_ or no_grid or patience is not None):
        raise SettingError(
            f"search '{name}' is finished already, and the test part is measured once: leave"
            " --set, --no-grid and --patience away to get that network again"
        )
    grid = make_grid(parse_set(set_ or ()))
    config = restored(log.settings, {})
    from reinas.finishing import finish as final

    watcher = _Bars(config.task.score, quiet=json)
    try:
        with interruptible():
            done = final.finish(
                home,
                name,
                config.space,
                config.task,
                folder=to,
                grid=None if no_grid else grid,
                epochs=epochs,
                patience=patience,
                anyway=anyway,
                executor=make_executor(RunOptions(workers=workers)),
                watcher=watcher,
            )
    except KeyboardInterrupt:
        watcher.stop()
        raise InterruptError(
            f"stopped before the end: `reinas finish {typed(name, home.location)}` goes on; what"
            " was trained of the grid is kept, the final training starts anew"
        ) from None
    finally:
        watcher.stop()
    if json:
        print_json(
            {
                "name": name,
                "trial": done.final.trial,
                "architecture": str(done.architecture),
                "recipe": done.final.recipe,
                "test": done.final.metrics,
                "folder": done.folder,
                "again": done.again,
            }
        )
        return
    _print(name, done)


def _print(name: str, done: Any) -> None:
    metrics, recipe = done.final.metrics, done.final.recipe
    out.print(
        f"[bold]{escape(name)}[/]: trial {done.final.trial}, learning rate"
        f" {recipe['learning_rate']:g}, weight decay {recipe['weight_decay']:g}\n"
        f"  {escape(str(done.architecture))}\n"
        f"test {result_words(metrics)} on {metrics['examples']:,} examples,"
        f" {metrics['parameters']:,} parameters",
        soft_wrap=True,
    )
    if done.again:
        out.print("(measured when the search was first finished; the test part is read once)")
    if done.better is not None:
        out.print(
            f"trial {done.better} has a better reward by now; to test it takes another search,"
            " since the test part has been seen",
            soft_wrap=True,
        )
    saved = f"saved in {done.folder}; in Python: reinas.load({str(done.folder)!r})"
    out.print(escape(saved), style="dim", soft_wrap=True)


class _Bars(Watcher):
    """Two progress bars: the points of the grid, then the epochs of the final training."""

    def __init__(self, score: str, *, quiet: bool) -> None:
        self._score = score
        self._bar = progress(quiet=quiet)
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
        stop(self._bar)

    def _begin(self, what: str, total: int, done: int) -> None:
        self._task = self._bar.add_task(what, total=total, completed=done, note="")
        if not self._bar.live.is_started:
            self._bar.start()
