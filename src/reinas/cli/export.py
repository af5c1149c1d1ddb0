"""`reinas export`."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field

from reinas.cli.interrupts import interruptible
from reinas.cli.options import NameArgument, with_options
from reinas.cli.output import Bar, print_line
from reinas.config.option import Option
from reinas.config.options import StoreOptions
from reinas.config.settings import Settings, read
from reinas.errors import SettingError
from reinas.store import opened_to_read

FILES = ("onnx", "pt2", "source")


class ExportOptions(StoreOptions):
    """What is exported, and where it goes."""

    onnx: Annotated[Path | None, Option("The network as ONNX.", metavar="FILE", flag="--onnx")] = (
        None
    )
    pt2: Annotated[
        Path | None,
        Option("The network as a program of torch.export.", metavar="FILE", flag="--pt2"),
    ] = None
    source: Annotated[
        Path | None,
        Option("The network as readable PyTorch code.", metavar="FOLDER", flag="--source"),
    ] = None
    with_data: Annotated[
        bool, Option("Beside the code, the data that it was trained on, for its train.py.")
    ] = False
    window: Annotated[
        int | None,
        Field(ge=1),
        Option(
            "ONNX and pt2 of language models: tokens read at once. Default: one step, with states.",
            metavar="T",
        ),
    ] = None
    folder: Annotated[
        Path | None,
        Option("Where the network is. Default: the name.", metavar="FOLDER", flag="--from"),
    ] = None
    follow: Annotated[bool, Option("With --to: go on while the search runs.")] = False


@with_options(ExportOptions)
def export(
    name: NameArgument,
    given: Settings,
    to: Annotated[
        list[str] | None,
        typer.Option(
            help="Send the trials to tensorboard:FOLDER, mlflow:URI, csv:FILE or parquet:FILE.",
            metavar="KIND:PLACE",
        ),
    ] = None,
) -> None:
    """Take away what was found: the network in other formats, the trials to other tools.

    ONNX and pt2 files take raw examples in batches of any size, and say what they are. `--source`
    writes a folder with the network as plain PyTorch, its weights, predict.py and train.py; it
    needs PyTorch and safetensors, not reinas. Each trial goes to a tracker once, however often
    the command is called or killed.

    Examples:
    - `reinas export demo --onnx demo.onnx --source demo-code`
    - `reinas export demo --from demo-network --pt2 demo.pt2`
    - `reinas export demo --to tensorboard:runs --follow`
    - `reinas export demo --to mlflow:sqlite:///mlflow.db --to csv:trials.csv`
    """
    options = read(ExportOptions, given)
    files = [key for key in FILES if getattr(options, key) is not None]
    if not files and not to:
        raise SettingError("say what to export: --onnx, --pt2, --source or --to KIND:PLACE")
    if files:
        _network(name, options)
    if to:
        _trials(name, to, options)


def _network(name: str, options: ExportOptions) -> None:
    from reinas.export.formats import export_onnx, export_pt2
    from reinas.export.saved import load
    from reinas.export.source.folder import export_source

    network = load(options.folder or Path(name.replace("/", "-")))
    for kind, path, write in (
        ("onnx", options.onnx, export_onnx),
        ("pt2", options.pt2, export_pt2),
    ):
        if path is not None:
            done = write(network, path, window=options.window)
            print_line(f"{kind}: {done.path}, {_checked(done.difference)}")
    if options.source is not None:
        task = _task(name, options.store) if options.with_data else None
        place = export_source(network, options.source, task=task)
        print_line(f"source: {place}; `python {place}/predict.py` says how it is used")


def _checked(difference: float | None) -> str:
    if difference is None:
        return "not checked: onnxruntime is not installed"
    return f"run and compared: the largest difference is {difference:.2g}"


def _task(name: str, store: str) -> Any:
    from reinas.report.report import task_of

    task = task_of(opened_to_read(store).get(name).settings)
    if task is None:
        raise SettingError(
            f"the data of '{name}' cannot be read here: export its code without --with-data"
        )
    return task


def _trials(name: str, targets: list[str], options: ExportOptions) -> None:
    from reinas.export.trackers.following import PAUSE, Sender, is_over
    from reinas.report.report import space_of

    store = opened_to_read(options.store)
    record = store.get(name)
    senders = [Sender(store, name, target, space_of(record.settings)) for target in targets]
    bar = Bar(quiet=False)
    task = bar.add_task("trials", total=record.trials, completed=0, note="")
    with interruptible(bar, lambda: "stopped; what was sent stays, the same command goes on"):
        bar.start()
        while True:
            ended = is_over(store, name)
            for sender in senders:
                sender.send()
            bar.update(task, completed=min(len(sender.known) for sender in senders))
            if ended or not options.follow:
                break
            time.sleep(PAUSE)
    bar.stop()
    for target, sender in zip(targets, senders, strict=True):
        print_line(f"{target}: {sender.written} trials sent, {len(sender.known)} there")
