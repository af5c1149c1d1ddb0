"""A report as HTML: what the page says without its charts."""

from html import escape

from reinas.errors import ReinasError
from reinas.report.drawing import unstyled
from reinas.report.html import quiet, table
from reinas.report.report import Report
from reinas.report.sections import (
    Drawing,
    Part,
    Preformatted,
    Section,
    Table,
    facts,
    sections,
)

CODE = ("architecture", "value")
"""The titles of columns that are set in a fixed-width font."""


def body(report: Report) -> str:
    """Render a report: the facts of the whole search, then every section.

    Args:
        report: The report.

    Returns:
        HTML elements, for the body of a page.
    """
    blocks = [f"<h1>{escape(report.name)}</h1>", quiet(_subtitle(report)), _facts(report)]
    if not report.best:
        blocks.append("<p>No child has been trained yet.</p>")
    for section in sections(report):
        blocks += _section(section)
    return "\n".join(blocks)


def _subtitle(report: Report) -> str:
    named = {k: report.settings.get(k, {}) for k in ("space", "policy")}
    named["task"] = report.settings.get("evaluator", {}).get("task")
    words = [f"{k} {v['name']}" for k, v in named.items() if isinstance(v, dict) and "name" in v]
    return ", ".join([*words, f"seed {report.settings.get('seed')}", f"begun {report.created}"])


def _facts(report: Report) -> str:
    cards = "".join(
        f"<div><dt>{escape(fact.label)}</dt><dd>{escape(fact.value)}</dd></div>"
        for fact in facts(report)
    )
    return f'<dl class="facts">{cards}</dl>'


def _section(section: Section) -> list[str]:
    blocks = [f"<h2>{escape(section.title)}</h2>"]
    if section.note:
        blocks.append(quiet(section.note))
    return blocks + [_part(part) for part in section.parts]


def _part(part: Part) -> str:
    match part:
        case Drawing():
            try:
                return f'<div class="drawing">{unstyled(part.make())}</div>'
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
