"""`reinas list` and `reinas show`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from reinas.cli.options import JsonOption, NameArgument, with_options
from reinas.cli.output import out, print_json, print_line, print_written, write
from reinas.config.options import StoreOptions
from reinas.config.settings import Settings, read
from reinas.errors import SettingError
from reinas.report.report import Report, cell_formulas, drawing, make_report
from reinas.report.terminal import print_report, table
from reinas.store import opened_to_read
from reinas.study.claims import is_gone


@with_options(StoreOptions)
def list_(given: Settings, json: JsonOption = False) -> None:
    """List the searches in the store.

    Example: `reinas list --store results.db`
    """
    store = opened_to_read(read(StoreOptions, given).store)
    summaries = store.summaries()
    if json:
        print_json([asdict(s) for s in summaries])
        return
    if not summaries:
        print_line(f"no searches in {store.location}: begin one with `reinas search conv`")
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


@with_options(StoreOptions)
def show(
    name: NameArgument,
    given: Settings,
    html: Annotated[
        Path | None,
        typer.Option(help="Write the page of `reinas watch` as one file.", metavar="FILE.html"),
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Write a drawing of the best network.", metavar="FILE.svg")
    ] = None,
    latex: Annotated[
        bool, typer.Option("--latex", help="Print the best cell as LaTeX and nothing else.")
    ] = False,
    top: Annotated[int, typer.Option(help="How many of the best architectures.", min=1)] = 10,
    json: JsonOption = False,
) -> None:
    """Show what a search found, what runs, what failed and why, and the policy's diagnostics.

    Examples:
    - `reinas show demo`
    - `reinas show demo --html demo.html --svg demo.svg`
    """
    if latex and json:
        raise SettingError("--latex and --json: give one of them")
    store = opened_to_read(read(StoreOptions, given).store)
    report = make_report(store.get(name), top, working=store.working(name), gone=is_gone)
    if html:
        from reinas.web.single import page

        write(page(store, report), html)
    if svg:
        write(drawing(report), svg)
    if latex:
        _print_latex(report)
    elif json:
        print_json(report.json())
    else:
        print_report(out, report)
        print_written(html, svg)


def _print_latex(report: Report) -> None:
    text = cell_formulas(report.settings, report.best, latex=True)
    if text is None:
        raise SettingError(f"--latex: search '{report.name}' has no recurrent cell yet")
    out.print(text, soft_wrap=True, markup=False)
