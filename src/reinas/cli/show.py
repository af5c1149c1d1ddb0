"""`reinas list` and `reinas show`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from reinas.cli.options import STORE, JsonOption, StoreOption
from reinas.cli.output import out, print_json
from reinas.errors import FileError, SettingError
from reinas.report.report import cell_formulas, make_report
from reinas.report.terminal import print_report, table
from reinas.store import Store


def list_(store: StoreOption = STORE, json: JsonOption = False) -> None:
    """List the searches in the store.

    Example: `reinas list --store results.db`
    """
    summaries = Store(store).summaries()
    if json:
        print_json([asdict(s) for s in summaries])
        return
    if not summaries:
        text = f"no searches in {store}: begin one with `reinas search conv --task digits`"
        out.print(escape(text), soft_wrap=True)
        return
    rows = [
        (
            s.name,
            s.space,
            s.task,
            s.policy,
            f"{s.finished}/{s.trials}",
            s.failed,
            "-" if s.best is None else f"{s.best:.4f}",
            s.created[:16].replace("T", " "),
        )
        for s in summaries
    ]
    head = ["name", "space", "task", "policy", "trials", "failed", "best", "begun"]
    out.print(table(head, rows, right=(4, 5, 6)))


def show(
    name: Annotated[str, typer.Argument(help="The search's name; see `reinas list`.")],
    html: Annotated[
        Path | None,
        typer.Option(help="Write one self-contained page with figures.", metavar="FILE.html"),
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Write a drawing of the best network.", metavar="FILE.svg")
    ] = None,
    latex: Annotated[
        bool, typer.Option("--latex", help="Print the best cell as LaTeX and nothing else.")
    ] = False,
    top: Annotated[int, typer.Option(help="How many of the best architectures.", min=1)] = 10,
    store: StoreOption = STORE,
    json: JsonOption = False,
) -> None:
    """Show what a search found, what failed and why, and how the policy moved.

    Examples:
    - `reinas show demo`
    - `reinas show demo --html demo.html --svg demo.svg`
    """
    home = Store(store)
    log, working = home.get(name), home.working(name)
    if html:
        from reinas.report.page import page, write

        write(page(log, working=working), html)
    if svg:
        from reinas.report.page import drawing, write

        text = drawing(log)
        if text is None:
            raise FileError(f"search '{name}' has no network to draw yet")
        write(text, svg)
    if latex and json:
        raise SettingError("--latex and --json: give one of them")
    if latex:
        text = cell_formulas(log, latex=True)
        if text is None:
            raise SettingError(f"--latex: search '{name}' has no recurrent cell yet")
        out.print(text, soft_wrap=True, markup=False)
        return
    report = make_report(log, top, working=working)
    if json:
        print_json(report.json())
        return
    print_report(out, report)
    for path in filter(None, (html, svg)):
        out.print(escape(f"written: {path}"), style="dim", soft_wrap=True)
