"""A comparison for people: tables of text, and one self-contained HTML page."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from reinas.compare import figures
from reinas.compare.comparison import Comparison
from reinas.compare.statistics import Interval
from reinas.compare.summary import WINDOW, Row, Rows, own_milliseconds, summarise
from reinas.report.page import duration, figure_html, table, whole

Table = tuple[str, list[str], list[list[str]]]
"""A title, the head, and the rows."""


def digits(comparison: Comparison, rows: Rows) -> int:
    """How many decimals tell the rewards of the last checkpoint apart."""
    every = [by[comparison.at[-1]].reward for by in rows.values()]
    widths = [i.high - i.low for i in every] + [abs(i.mean - every[0].mean) for i in every]
    spread = max((width for width in widths if width > 0), default=0.0)
    return next((n for n in range(2, 9) if spread * 10**n >= 20), 4 if not spread else 9)


def words(interval: Interval | None, decimals: int, sign: int = 1) -> str:
    """As 0.067 [0.051, 0.084]; rewards to be minimised are shown as they are, with `sign` -1."""
    if interval is None:
        return "-"
    low, high = sorted((sign * interval.low, sign * interval.high))
    mean, low, high = (round(value, decimals) + 0.0 for value in (sign * interval.mean, low, high))
    text = f"{mean:.{decimals}f}"  # adding 0 makes -0.0 a 0
    return text if math.isnan(low) else f"{text} [{low:.{decimals}f}, {high:.{decimals}f}]"


def percent(interval: Interval | None) -> str:
    """A share as 95 % [89, 98]."""
    if interval is None:
        return "-"
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.mean:.0f} % [{low:.0f}, {high:.0f}]"


def p_words(p: float | None) -> str:
    """A p-value for people."""
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def tables(comparison: Comparison, rows: Rows) -> list[Table]:
    """One table a quantity, a column a checkpoint; then the last checkpoint in detail."""
    problem = comparison.problem
    decimals = digits(comparison, rows)
    sign = 1 if problem.maximise else -1

    def over(title: str, cell: Callable[[Row], str]) -> Table:
        body = [[label, *(cell(by[at]) for at in comparison.at)] for label, by in rows.items()]
        return title, ["policy", *(f"at {at}" for at in comparison.at)], body

    result = []
    if comparison.best is not None:
        same = len(set(comparison.best)) == 1
        best = f", {sign * comparison.best[0]:.{decimals}f}" if same else ""
        result += [
            over(f"Regret: what is lacking to the best{best}", lambda r: words(r.regret, decimals)),
            over("Share of seeds that hold the best", lambda r: percent(r.hit)),
        ]
    else:
        result.append(over("The best found", lambda r: words(r.reward, decimals, sign)))
    if problem.report is not None:
        result.append(
            over(f"{problem.report} of the best found", lambda r: words(r.reported, decimals))
        )
    return [*result, *_differences(comparison, rows, decimals), _detail(comparison, rows, decimals)]


def _differences(comparison: Comparison, rows: Rows, decimals: int) -> list[Table]:
    """How much better than the baseline everybody else is, and whether that is luck."""
    others = {label: by for label, by in rows.items() if label != comparison.baseline}
    if not others:
        return []
    head = ["policy", *(f"at {at}" for at in comparison.at)]

    def body(cell: Callable[[Row], str]) -> list[list[str]]:
        return [[label, *(cell(by[at]) for at in comparison.at)] for label, by in others.items()]

    count = len(others) * len(comparison.at)
    least = 2 * 0.5 ** len(comparison.seeds)  # all differences of one sign
    doubt = "; too few seeds for less than 0.05" if count * least > 0.05 else ""
    return [
        (
            f"Better than {comparison.baseline} by (pairs of the same seed)",
            head,
            body(lambda row: words(row.difference, decimals)),
        ),
        (
            f"Is it? p-values of that (Wilcoxon; Holm's correction for {count} comparisons{doubt})",
            head,
            body(lambda row: p_words(row.p_corrected)),
        ),
    ]


def _detail(comparison: Comparison, rows: Rows, decimals: int) -> Table:
    at = comparison.at[-1]
    sign = 1 if comparison.problem.maximise else -1
    failures = any(by[at].failed for by in rows.values())
    body = []
    for label, by in rows.items():
        row = by[at]
        body.append(
            [
                label,
                words(row.reward, decimals, sign),
                words(row.last, decimals, sign),
                f"{row.distinct:.1f}",
                *([f"{row.failed:.1f}"] if failures else []),
                duration(row.seconds),
                f"{own_milliseconds(comparison, label):.2f} ms",
            ]
        )
    head = [
        "policy",
        comparison.problem.reward,
        f"mean of the last {min(WINDOW, at)}",
        "different",
        *(["failed"] if failures else []),
        "cost",
        "own time",
    ]
    return f"After {at} evaluation{'s' if at > 1 else ''}", head, body


def page(comparison: Comparison, rows: Rows) -> str:
    """The page: what was compared, figures, tables, settings."""
    title = comparison.problem.name
    body = _sections(comparison, rows, first=True)
    return whole(f"reinas: {title}", [f"<h1>{escape(title)}</h1>", *body])


def study_page(
    question: str, protocol: str, comparisons: Sequence[Comparison], beside: Sequence[Table]
) -> str:
    """The page of a question: its own tables, then each comparison."""
    sections = [f"<h1>{escape(question)}</h1>", f'<p class="quiet">{escape(protocol)}</p>']
    sections += html_tables(beside)
    for place, comparison in enumerate(comparisons):
        sections.append(f"<h1>{escape(comparison.problem.name)}</h1>")
        sections += _sections(comparison, summarise(comparison), first=place == 0)
    return whole(f"reinas: {question}", sections)


def _sections(comparison: Comparison, rows: Rows, *, first: bool) -> list[str]:
    """Figures, tables and settings of one comparison; the page's `first` one brings the library."""
    seeds = len(comparison.seeds)
    sections = [
        f'<p class="quiet">{seeds} seed{"s" if seeds > 1 else ""}, {comparison.evaluations}'
        " evaluations each; intervals are 95 % bootstrap intervals of the mean over seeds (of"
        " shares, Wilson's).</p>",
        "<h2>Progress</h2>",
        figure_html(figures.progress(comparison), first=first),
    ]
    if comparison.best is not None:
        sections.append('<p class="quiet">Regret 0 is drawn at the lower edge.</p>')
    if len(comparison.policies) > 1:
        sections.append(
            '<p class="quiet">What follows is figure 6 of the paper, for rewards: above 0 is good.'
            " A curve begins where every run has so many different models.</p>"
        )
        for count in figures.TOPS:
            sections += [
                f"<h2>The best {count}, against {escape(comparison.baseline)}</h2>",
                figure_html(figures.figure_6(comparison, count), first=False),
            ]
        sections += [
            "<h2>Ranks, seed by seed</h2>",
            '<p class="quiet">By the mean over all evaluations of the best so far; in brackets the'
            " mean rank.</p>",
            figure_html(figures.rank_plot(comparison), first=False),
        ]
    sections += html_tables(tables(comparison, rows))
    return [
        *sections,
        "<h2>Settings</h2>",
        table(["policy", "settings"], _settings(comparison), ()),
    ]


def html_tables(tables: Sequence[Table]) -> list[str]:
    """The tables as sections of a page."""
    return [
        f"<h2>{escape(title)}</h2>"
        + table(head, [map(escape, row) for row in body], numbers=range(1, len(head)))
        for title, head, body in tables
    ]


def _settings(comparison: Comparison) -> list[Any]:
    pairs: list[tuple[str, Any]] = [(c.label, c.settings) for c in comparison.policies]
    pairs.append((comparison.problem.name, comparison.problem.settings))
    return [
        (escape(name), f"<code>{escape(', '.join(f'{k}={v}' for k, v in value.items()))}</code>")
        for name, value in pairs
    ]
