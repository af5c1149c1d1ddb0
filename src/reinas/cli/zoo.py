"""`reinas zoo`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from reinas.cli.options import JsonOption
from reinas.cli.output import out, print_json
from reinas.config import make_task
from reinas.errors import SettingError
from reinas.report.terminal import table
from reinas.spaces.layers import shapes
from reinas.zoo import ZOO, Published, published

CIFAR10 = "cifar10"


def zoo(
    name: Annotated[
        str | None, typer.Argument(help="Which one to build and show. Default: list them all.")
    ] = None,
    task: Annotated[
        str,
        typer.Option(help="For whose images: a name (see `reinas tasks`) or images:FOLDER."),
    ] = CIFAR10,
    svg: Annotated[
        Path | None, typer.Option(help="Write a drawing of it.", metavar="FILE.svg")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List, draw and build published architectures.

    In Python: `reinas.published("zoph-le-15").architecture`.

    Examples:
    - `reinas zoo`
    - `reinas zoo zoph-le-15 --svg figure7.svg`
    - `reinas zoo zoph-le-15-chain --task digits --json`
    """
    made = make_task(task)
    if name is None:
        if svg:
            raise SettingError("--svg: which network shall be drawn? Give its name")
        _list(made, as_json=json)
        return
    entry = published(name)
    document = _built(entry, made)
    if svg:
        from reinas.report.drawing import draw
        from reinas.report.page import write

        write(draw(entry.architecture, made), svg)
    if json:
        print_json(document)
        return
    _print(entry, made, document)
    if svg:
        out.print(escape(f"written: {svg}"), style="dim", soft_wrap=True)


def _built(entry: Published, task: Any) -> dict[str, Any]:
    """What the built network costs: counted on the module itself, without allocating it."""
    from reinas.children.costs import costs

    parameters, flops = costs(entry.architecture, task)
    return {
        "name": entry.name,
        "source": entry.source,
        "space": dict(entry.space.settings),
        "answers": entry.answers,
        "architecture": str(entry.architecture),
        "task": task.name,
        "parameters": parameters,
        "multiply_adds": flops,
        "reported_parameters": entry.reported,
        "reported_error": entry.error,
    }


def _list(task: Any, *, as_json: bool) -> None:
    documents = [_built(entry, task) for entry in ZOO.values()]
    if as_json:
        print_json(documents)
        return
    head = ["name", "parameters", "multiply-adds", "paper", "error", "where"]
    rows = [
        (
            d["name"],
            f"{d['parameters']:,}",
            f"{d['multiply_adds']:,}",
            d["reported_parameters"] or "-",
            f"{d['reported_error']:.2f} %",
            d["source"],
        )
        for d in documents
    ]
    out.print(table(head, rows, right=(1, 2, 3, 4)))
    out.print(f"for {task.name}; the errors are the paper's, on CIFAR-10", style="dim")


def _print(entry: Published, task: Any, document: dict[str, Any]) -> None:
    architecture = entry.architecture
    channels, height, width = task.inputs
    rows = [
        (
            number,
            f"{layer}".partition("<-")[0],
            ", ".join(map(str, layer.inputs)),
            f"{shape.channels_in} -> {shape.channels}",
            f"{shape.height} x {shape.width}",
            f"{shape.parameters:,}",
        )
        for number, (layer, shape) in enumerate(
            zip(architecture.layers, shapes(architecture, (channels, height, width)), strict=True),
            1,
        )
    ]
    out.print(f"[bold]{entry.name}[/]: {entry.source}, error {entry.error:.2f} % on CIFAR-10")
    head = ["layer", "filter", "inputs", "channels", "pixels", "parameters"]
    out.print(table(head, rows, right=(0, 5)))
    reported = f" (the paper: {entry.reported})" if entry.reported and task.name == CIFAR10 else ""
    out.print(
        f"for {escape(task.name)}: {document['parameters']:,} parameters{reported},"
        f" {document['multiply_adds']:,} multiply-adds an image",
        soft_wrap=True,
    )
