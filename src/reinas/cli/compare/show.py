"""What a comparison prints and writes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reinas.cli.compare.options import CompareOptions
from reinas.cli.compare.setup import STANDARD_OUTPUT
from reinas.cli.output import json_text, out, print_wide, print_written, write
from reinas.compare import page
from reinas.compare.comparison import Comparison
from reinas.compare.summary import document, summarise
from reinas.questions.result import QuestionResult
from reinas.report.terminal import table
from reinas.report.words import counted


def show(options: CompareOptions, comparison: Comparison) -> None:
    """Tables in the terminal, or JSON; the page."""
    rows = summarise(comparison)
    if options.html_file is not None:
        write(page.page(comparison, rows), options.html_file)
    if options.json_file is not None:
        _write_json(document(comparison, rows), options.json_file)
    if options.json_file == STANDARD_OUTPUT:
        return
    out.print(
        f"{comparison.problem.name}: {counted(len(comparison.seeds), 'seed')},"
        f" {comparison.evaluations} evaluations each; 95 % intervals",
        soft_wrap=True,
        markup=False,
    )
    _print_tables(page.tables(comparison, rows))
    print_written(options.json_file, options.html_file)


def show_question(options: CompareOptions, result: QuestionResult) -> None:
    """The answer to one of the review's questions, in the same ways."""
    if options.html_file is not None:
        text = page.study_page(result.question, result.protocol, result.comparisons, result.tables)
        write(text, options.html_file)
    if options.json_file is not None:
        _write_json(result.document(), options.json_file)
    if options.json_file == STANDARD_OUTPUT:
        return
    out.print(result.question, style="bold", soft_wrap=True, markup=False)
    out.print(result.protocol, soft_wrap=True, markup=False)
    _print_tables(result.tables)
    for comparison in result.comparisons:
        out.print(f"\n{comparison.problem.name}", style="bold underline", markup=False)
        _print_tables(page.tables(comparison, summarise(comparison)))
    print_written(options.json_file, options.html_file)


def _print_tables(tables: Sequence[page.TextTable]) -> None:
    """Each with its title."""
    for title, head, body in tables:
        out.print(f"\n{title}", style="bold", soft_wrap=True, markup=False)
        print_wide(table(head, body, right=range(1, len(head))))


def _write_json(data: Any, path: Path) -> None:
    if path == STANDARD_OUTPUT:
        sys.stdout.write(json_text(data))
    else:
        write(json_text(data), path)
