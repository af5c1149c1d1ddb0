"""A report as one self-contained HTML page."""

from html import escape

from reinas.errors import ReinasError, SettingError
from reinas.report.html import figure_html, quiet, table, whole
from reinas.report.report import Report
from reinas.report.sections import (
    Drawing,
    Figure,
    Part,
    Preformatted,
    Section,
    Table,
    facts,
    sections,
)

CODE = ("architecture", "value")
"""The titles of columns that are set in a fixed-width font."""


def page(report: Report) -> str:
    """Render a report: the facts of the whole search, then every section.

    Args:
        report: The report.

    Returns:
        The HTML document, with all scripts, styles and figures inside.
    """
    blocks = [f"<h1>{escape(report.name)}</h1>", quiet(_subtitle(report)), _facts(report)]
    if not report.best:
        blocks.append("<p>No child has been trained yet.</p>")
    has_library = False
    for section in sections(report):
        blocks += _section(section, first=not has_library)
        has_library |= any(isinstance(part, Figure) for part in section.parts)
    return whole(f"reinas: {report.name}", blocks)


def _subtitle(report: Report) -> str:
    named = {k: report.settings.get(k, {}) for k in ("space", "policy")}
    named["task"] = report.settings.get("evaluator", {}).get("task")
    words = [f"{k} {v['name']}" for k, v in named.items() if isinstance(v, dict) and "name" in v]
    return ", ".join([*words, f"seed {report.settings.get('seed')}", f"begun {report.created}"])


def _facts(report: Report) -> str:
    cards = "".join(
        f'<div class="fact"><span class="quiet">{escape(fact.label)}</span>'
        f"<b>{escape(fact.value)}</b></div>"
        for fact in facts(report)
    )
    return f'<div class="facts">{cards}</div>'


def _section(section: Section, *, first: bool) -> list[str]:
    """The blocks of a section; the `first` figure of the page includes the plotting library."""
    blocks = [f"<h2>{escape(section.title)}</h2>"]
    if section.note:
        blocks.append(quiet(section.note))
    for part in section.parts:
        blocks.append(_part(part, first=first))
        first &= not isinstance(part, Figure)
    return blocks


def _part(part: Part, *, first: bool) -> str:
    match part:
        case Figure():
            try:
                return figure_html(part.make(), first=first)
            except SettingError as error:  # the page says all the rest without Plotly
                return quiet(f"Not drawn: {error}")
        case Drawing():
            try:
                return f'<div class="drawing">{part.make()}</div>'
            except ReinasError as error:
                return quiet(f"It cannot be drawn: {error}")
        case Preformatted():
            text = f"<pre>{escape(part.text)}</pre>"
            if not part.summary:
                return text
            return f"<details><summary>{escape(part.summary)}</summary>{text}</details>"
        case Table():
            return _table(part)


def _table(part: Table) -> str:
    def cell(title: str, text: str) -> str:
        return f"<code>{escape(text)}</code>" if title in CODE else escape(text)

    rows = [
        [cell(title, text) for title, text in zip(part.head, row, strict=True)] for row in part.rows
    ]
    return table(part.head, rows, numbers=part.numbers)
