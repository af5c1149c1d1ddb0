"""`reinas zoo`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from reinas.cli.options import JsonOption
from reinas.cli.output import out, print_json, print_written, write
from reinas.config.objects import make_task
from reinas.errors import SettingError
from reinas.report.formulas import formulas
from reinas.report.terminal import table
from reinas.spaces.conv_architecture import shapes
from reinas.spaces.recurrent import RecurrentArchitecture
from reinas.zoo import NOT_IN_THE_SPACE, ZOO, Published, published

CIFAR10 = "cifar10"


def zoo(
    name: Annotated[
        str | None, typer.Argument(help="Which one to build and show. Default: list them all.")
    ] = None,
    task: Annotated[
        str,
        typer.Option(help="For whose images networks are built: a task's name, or images:FOLDER."),
    ] = CIFAR10,
    svg: Annotated[
        Path | None, typer.Option(help="Write a drawing of it.", metavar="FILE.svg")
    ] = None,
    latex: Annotated[
        bool, typer.Option("--latex", help="Print a cell's formulas as LaTeX and nothing else.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List, draw and build published networks and recurrent cells.

    In Python: `reinas.published("zoph-le-15").architecture`.

    Examples:
    - `reinas zoo`
    - `reinas zoo zoph-le-15 --svg figure7.svg`
    - `reinas zoo zoph-le-cell --latex`
    """
    if latex and json:
        raise SettingError("--latex and --json: give one of them")
    made = make_task(task)
    if name is None:
        if svg or latex:
            raise SettingError(f"--{'svg' if svg else 'latex'}: of which one? Give its name")
        _list(made, as_json=json)
        return
    entry = published(name)
    document = _described(entry, made)
    if svg:
        from reinas.report.drawing import draw

        write(draw(entry.architecture, made), svg)
    if latex:
        _print_latex(entry)
    elif json:
        print_json(document)
    elif isinstance(entry.architecture, RecurrentArchitecture):
        _print_cell(entry)
    else:
        _print_network(entry, made, document)
    if not (json or latex):
        print_written(svg)


def _described(entry: Published, task: Any) -> dict[str, Any]:
    """What it is; what a network costs is counted on the built module, without allocating it."""
    document = {
        "name": entry.name,
        "source": entry.source,
        "result": entry.result,
        "space": dict(entry.space.settings),
        "answers": entry.answers,
        "architecture": str(entry.architecture),
    }
    if isinstance(entry.architecture, RecurrentArchitecture):
        return document | {"formulas": formulas(entry.architecture.cell)}
    from reinas.training.costs import costs

    parameters, flops = costs(entry.architecture, task)
    return document | {
        "task": task.name,
        "parameters": parameters,
        "multiply_adds": flops,
        "reported_parameters": entry.parameters,
    }


def _list(task: Any, *, as_json: bool) -> None:
    documents = [_described(entry, task) for entry in ZOO.values()]
    if as_json:
        print_json(documents)
        return
    head = ["name", "parameters", "paper", "result", "where"]
    rows = [
        (
            d["name"],
            f"{d['parameters']:,}" if "parameters" in d else "a cell",
            d.get("reported_parameters") or "-",
            d["result"],
            d["source"],
        )
        for d in documents
    ]
    out.print(table(head, rows, right=(1, 2)))
    out.print(
        f"parameters for {task.name}; results are the paper's: errors on CIFAR-10, perplexity on"
        f" Penn Treebank with 54M parameters; {NOT_IN_THE_SPACE}",
        style="dim",
    )


def _print_latex(entry: Published) -> None:
    if not isinstance(entry.architecture, RecurrentArchitecture):
        raise SettingError(f"--latex: '{entry.name}' is no cell, so it has no formulas")
    out.print(formulas(entry.architecture.cell, latex=True), soft_wrap=True, markup=False)


def _print_cell(entry: Published) -> None:
    cell = entry.architecture.cell
    out.print(f"[bold]{entry.name}[/]: {entry.source}, {entry.result}")
    out.print(f"  {cell}", soft_wrap=True, markup=False)
    out.print(formulas(cell), soft_wrap=True, markup=False)
    out.print("x is x_t, h is h_(t-1), c is c_(t-1); vectors multiply elementwise", style="dim")


def _print_network(entry: Published, task: Any, document: dict[str, Any]) -> None:
    architecture = entry.architecture
    channels, height, width = task.inputs
    rows = [
        (
            number,
            f"{layer}".partition("<-")[0],
            f"{shape.channels_in} -> {shape.channels}",
            f"{shape.height} x {shape.width}",
            f"{shape.parameters:,}",
            ", ".join(map(str, layer.inputs)),
        )
        for number, (layer, shape) in enumerate(
            zip(architecture.layers, shapes(architecture, (channels, height, width)), strict=True),
            1,
        )
    ]
    out.print(f"[bold]{entry.name}[/]: {entry.source}, {entry.result}")
    head = ["layer", "filter", "channels", "pixels", "parameters", "inputs"]
    out.print(table(head, rows, right=(0, 4)))
    paper = f" (the paper: {entry.parameters})" if entry.parameters and task.name == CIFAR10 else ""
    out.print(
        f"for {escape(task.name)}: {document['parameters']:,} parameters{paper},"
        f" {document['multiply_adds']:,} multiply-adds per image",
        soft_wrap=True,
    )
