"""A report as text in a terminal."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import rich.table
from rich.console import Console
from rich.markup import escape

from reinas.report.report import Report
from reinas.report.sections import (
    TERMINAL_ROWS,
    Preformatted,
    Section,
    Table,
    facts,
    sections,
)


def table(
    head: Sequence[str], rows: Iterable[Iterable[Any]], *, right: Iterable[int] = ()
) -> rich.table.Table:
    """A plain table; the columns in `right` hold numbers. Only the last column may be folded."""
    numbers = set(right)
    result = rich.table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate(head):
        if place in numbers:
            result.add_column(escape(name), justify="right", no_wrap=True)
        else:
            result.add_column(escape(name), overflow="fold", no_wrap=place < len(head) - 1)
    for row in rows:
        result.add_row(*(escape(str(cell)) for cell in row))
    return result


def headline(report: Report) -> str:
    """The search's name and its numbers in one line, as markup."""
    phrases = [fact.phrase for fact in facts(report) if fact.phrase]
    return f"[bold]{escape(report.name)}[/]: " + ", ".join(map(escape, phrases))


def print_report(console: Console, report: Report) -> None:
    """The numbers of the whole search, then every section that a terminal can show."""
    console.print(headline(report))
    if report.final:
        tested = report.final.summary
        console.print(escape(f"finished: trial {report.final.trial}, test {tested}"))
    for section in sections(report):
        if not section.page_only:
            _print_section(console, section)


def _print_section(console: Console, section: Section) -> None:
    """Nothing where it has figures only."""
    shown = [
        part
        for part in section.parts
        if isinstance(part, Table) or (isinstance(part, Preformatted) and not part.summary)
    ]
    for place, part in enumerate(shown):
        if place == 0:
            console.print(f"\n[bold]{escape(section.title)}[/]{_cut(part)}")
        if isinstance(part, Table):
            rows = islice(part.rows, TERMINAL_ROWS if part.cut else None)
            console.print(table(part.head, rows, right=part.numbers))
        else:
            console.print(part.text, soft_wrap=True, markup=False)


def _cut(part: Table | Preformatted) -> str:
    """How much of a table is shown, where that is not all."""
    if not isinstance(part, Table) or not part.cut or len(part.rows) <= TERMINAL_ROWS:
        return ""
    return f": the first {TERMINAL_ROWS} of {len(part.rows)}"
