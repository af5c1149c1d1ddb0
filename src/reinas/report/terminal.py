"""A report as text in a terminal."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reinas.report.machines import tables
from reinas.report.page import duration, result_words
from reinas.report.report import Report, grid_rows, number

ROWS = 8  # how many lines tell the policy's way


def table(
    head: Sequence[str], rows: Iterable[Iterable[Any]], *, right: Iterable[int] = ()
) -> Table:
    """A plain table; the columns in `right` hold numbers. Only the last column may be folded."""
    numbers = set(right)
    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate(head):
        if place in numbers:
            result.add_column(escape(name), justify="right", no_wrap=True)
        else:
            result.add_column(escape(name), overflow="fold", no_wrap=place < len(head) - 1)
    for row in rows:
        result.add_row(*(escape(str(cell)) for cell in row))
    return result


def typed(name: str, location: str) -> str:
    """A search's name as the next command takes it: quoted, with the store if it is not usual."""
    quoted = shlex.quote(name)
    return quoted if location == "reinas.db" else f"{quoted} --store {shlex.quote(location)}"


def print_result(
    console: Console, report: Report, location: str, stopped: str | None = None
) -> None:
    """What a search has found, in a few lines, why it was `stopped`, and how to go on."""
    name = typed(report.name, location)
    console.print(_headline(report))
    if stopped is not None:
        text = f"stopped early: {stopped}; `reinas resume {name}` goes on"
        console.print(escape(text), soft_wrap=True)
    if not report.finished:
        return
    if not report.best:
        console.print(escape(f"no child could be trained: `reinas show {name}` gives the reasons"))
        return
    best = report.best[0]
    reward = _reward(report)
    text = f"best: trial {best.trial}, {reward} {best.reward:.4f}, {_metrics(best.metrics)}"
    console.print(escape(text), soft_wrap=True)
    console.print(f"  {escape(best.architecture)}", soft_wrap=True)
    if report.final:
        tested = f"trial {report.final.trial} was trained to the end and tested already"
        console.print(f"{tested}; `reinas show {escape(name)}` has it all", style="dim")
        return
    console.print(
        escape(
            f"next: `reinas show {name}` for the whole story, `reinas finish {name}` to train,"
            " test and save the best"
        ),
        style="dim",
        soft_wrap=True,
    )


def print_report(console: Console, report: Report) -> None:
    """The whole story: the best architectures, failures, how the policy moved."""
    console.print(_headline(report))
    if report.final:
        console.print(
            f"finished: trial {report.final.trial}, test {result_words(report.final.metrics)}"
        )
    if report.best:
        names = list(report.best[0].metrics)
        rows = [
            (
                b.trial,
                f"{b.reward:.4f}",
                *(number(b.metrics.get(n)) for n in names),
                b.architecture,
            )
            for b in report.best
        ]
        console.print("\n[bold]The best architectures[/]")
        head = ["trial", "reward", *names, "architecture"]
        console.print(table(head, rows, right=range(len(head) - 1)))
    if report.formulas:
        console.print("\n[bold]The best cell[/]")
        console.print(report.formulas, soft_wrap=True, markup=False)
    if report.failures:
        console.print("\n[bold]Failures[/]")
        rows = [(count, text) for text, count in report.failures.items()]
        console.print(table(["trials", "reason"], rows, right=[0]))
    if report.grid:
        head, points = grid_rows(report.grid)
        of = f": the best {ROWS} of {len(points)} recipes" if len(points) > ROWS else ""
        console.print(f"\n[bold]The grid of the best network[/]{of}")
        console.print(table(head, points[:ROWS], right=range(len(head))))
    if report.machines:
        for title, head, cells in tables(report.machines, duration):
            console.print(f"\n[bold]{title}[/]")
            console.print(table(head, cells, right=range(1, len(head))))
    if report.movement:
        console.print("\n[bold]How the policy moved[/]")
        console.print(_movement(report.movement))


def _reward(report: Report) -> str:
    """What the reward is, where it is not what everybody would expect."""
    task = report.settings.get("evaluator", {}).get("task", {})
    return "reward (accuracy cubed)" if task.get("reward") == "cubed" else "reward"


def _headline(report: Report) -> str:
    parts = [f"{report.finished} of {report.trials} trials"]
    if report.repeats:
        parts.append(f"{report.repeats} repeat{'s' * (report.repeats > 1)}")
    if report.too_costly:
        least = ", ".join(f"{number(v)} {k}" for k, v in report.least_cost.items())
        parts.append(f"{report.too_costly} too costly (the least has {least})")
    if report.failed > report.too_costly:
        parts.append(f"{report.failed - report.too_costly} failed")
    parts.append(f"{duration(report.seconds)} of training")
    return f"[bold]{escape(report.name)}[/]: " + ", ".join(parts)


def _metrics(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in metrics.items())


def _movement(movement: Sequence[Mapping[str, float]]) -> Table:
    """The diagnostics in at most `ROWS` groups of consecutive batches, averaged."""
    size = -(-len(movement) // ROWS)
    keys = list(dict.fromkeys(k for row in movement for k in row if k != "batch"))
    rows = []
    for start in range(0, len(movement), size):
        group = movement[start : start + size]
        first, last = int(group[0]["batch"]), int(group[-1]["batch"])
        label = f"{first}" if first == last else f"{first}-{last}"
        said = [[row[k] for row in group if k in row] for k in keys]
        rows.append((label, *(f"{sum(v) / len(v):.4g}" if v else "-" for v in said)))
    return table(["batches", *keys], rows, right=range(1, len(keys) + 1))
