"""`reinas finish`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from reinas.cli.leaving import interruptible
from reinas.cli.options import STORE, FolderOption, JsonOption, StoreOption
from reinas.cli.output import out, print_json, progress, stop
from reinas.config import restored
from reinas.errors import InterruptError
from reinas.report.page import result_words
from reinas.report.terminal import typed
from reinas.store import Store
from reinas.tasks.recipes import Recipe
from reinas.types import Epoch


def finish(
    name: Annotated[str, typer.Argument(help="The search's name; see `reinas list`.")],
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of the final training. Default: 3 times a child's.", min=1),
    ] = None,
    to: FolderOption = None,
    store: StoreOption = STORE,
    json: JsonOption = False,
) -> None:
    """Retrain the best network on training and validation data, test it once, save it.

    The folder gets network.json (what it is) and weights.safetensors (the numbers); in Python
    `reinas.load(FOLDER)` gives the network, which takes raw examples. The test part is measured
    once a search: asked again, the command gives the same network and the same result.

    Example: `reinas finish demo --to demo-network`
    """
    home = Store(store)
    done = _run(home, name, to, epochs, quiet=json)
    metrics = done.final.metrics
    if json:
        print_json(
            {
                "name": name,
                "trial": done.final.trial,
                "architecture": str(done.architecture),
                "test": metrics,
                "folder": done.folder,
                "again": done.again,
            }
        )
        return
    out.print(
        f"[bold]{escape(name)}[/]: trial {done.final.trial}, trained on all but the test part\n"
        f"  {escape(str(done.architecture))}\n"
        f"test {result_words(metrics)} on {metrics['examples']:,} examples,"
        f" {metrics['parameters']:,} parameters",
        soft_wrap=True,
    )
    if done.again:
        out.print("(measured when the search was first finished; the test part is read once)")
    saved = f"saved in {done.folder}; in Python: reinas.load({str(done.folder)!r})"
    out.print(escape(saved), style="dim", soft_wrap=True)


def _run(store: Store, name: str, to: Path | None, epochs: int | None, *, quiet: bool) -> Any:
    """Finish the search with a progress bar."""
    config = restored(store.get(name).settings, {})
    from reinas import final

    bar = progress(quiet=quiet)
    task = bar.add_task("final training", note="")

    def start(recipe: Recipe) -> None:
        bar.update(task, total=recipe.epochs)
        bar.start()

    def show(epoch: Epoch) -> None:
        note = f"loss {epoch.loss:.4f}  {config.task.score} {epoch.score:.4f}"
        bar.update(task, completed=epoch.number, note=note)

    try:
        with interruptible():
            return final.finish(
                store,
                name,
                config.space,
                config.task,
                folder=to,
                epochs=epochs,
                on_start=start,
                on_epoch=show,
            )
    except KeyboardInterrupt:
        raise InterruptError(
            "stopped before the end: `reinas finish"
            f" {typed(name, store.location)}` starts the final training anew"
        ) from None
    finally:
        stop(bar)
