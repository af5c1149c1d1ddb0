"""A comparison as tables of text and as one self-contained HTML page."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

from reinas.compare import figures
from reinas.compare.comparison import Comparison
from reinas.compare.statistics import Interval
from reinas.compare.summary import WINDOW, Row, Rows, own_milliseconds, summarise
from reinas.report.html import figure_html, table, whole
from reinas.report.words import duration


class TextTable(NamedTuple):
    """A table of text.

    Args:
        title: Its title.
        head: The column headings.
        rows: The cells, row by row.
    """

    title: str
    head: list[str]
    rows: list[list[str]]


def digits(comparison: Comparison, rows: Rows) -> int:
    """The number of decimals that distinguishes the rewards of the last checkpoint.

    Args:
        comparison: The comparison.
        rows: Its summary.

    Returns:
        2 to 9.
    """
    every = [by[comparison.at[-1]].reward for by in rows.values()]
    widths = [i.high - i.low for i in every] + [abs(i.mean - every[0].mean) for i in every]
    spread = max((width for width in widths if width > 0), default=0.0)
    return next((n for n in range(2, 9) if spread * 10**n >= 20), 4 if not spread else 9)


def interval_text(interval: Interval | None, decimals: int, sign: int = 1) -> str:
    """An interval such as 0.067 [0.051, 0.084].

    Args:
        interval: The interval; None gives a dash.
        decimals: Number of decimals.
        sign: -1 shows rewards that are stored negated as the losses that they are.

    Returns:
        The text.
    """
    if interval is None:
        return "-"
    low, high = sorted((sign * interval.low, sign * interval.high))
    mean, low, high = (round(value, decimals) + 0.0 for value in (sign * interval.mean, low, high))
    text = f"{mean:.{decimals}f}"  # adding 0 makes -0.0 a 0
    return text if math.isnan(low) else f"{text} [{low:.{decimals}f}, {high:.{decimals}f}]"


def percent(interval: Interval | None) -> str:
    """A share such as 95 % [89, 98]; None gives a dash."""
    if interval is None:
        return "-"
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.mean:.0f} % [{low:.0f}, {high:.0f}]"


def p_text(p: float | None) -> str:
    """A p-value with three decimals; None gives a dash."""
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def tables(comparison: Comparison, rows: Rows) -> list[TextTable]:
    """One table per quantity with one column per checkpoint; then the last checkpoint in detail.

    Args:
        comparison: The comparison.
        rows: Its summary.

    Returns:
        The tables.
    """
    problem = comparison.problem
    decimals = digits(comparison, rows)
    sign = 1 if problem.maximise else -1

    def over(title: str, cell: Callable[[Row], str]) -> TextTable:
        body = [[label, *(cell(by[at]) for at in comparison.at)] for label, by in rows.items()]
        return TextTable(title, ["policy", *(f"at {at}" for at in comparison.at)], body)

    result = []
    if comparison.best is not None:
        same = len(set(comparison.best)) == 1
        best = f" ({sign * comparison.best[0]:.{decimals}f})" if same else ""
        result += [
            over(
                f"Regret: best of all{best} minus best found",
                lambda r: interval_text(r.regret, decimals),
            ),
            over("Share of seeds that found the best", lambda r: percent(r.hit)),
        ]
        _add_expectation(comparison, result[0], decimals)
    else:
        result.append(over("Best reward found", lambda r: interval_text(r.reward, decimals, sign)))
    if problem.report is not None:
        result.append(
            over(
                f"{problem.report} of the best found", lambda r: interval_text(r.reported, decimals)
            )
        )
    return [*result, *_differences(comparison, rows, decimals), _detail(comparison, rows, decimals)]


def _add_expectation(comparison: Comparison, regret: TextTable, decimals: int) -> None:
    """Put random search's exact expected regret above what was measured."""
    if comparison.random_best is None or comparison.best is None:
        return
    exact = [f"{comparison.best[0] - held:.{decimals}f}" for held in comparison.random_best]
    regret.rows.insert(0, ["random, expected", *exact])


def _differences(comparison: Comparison, rows: Rows, decimals: int) -> list[TextTable]:
    """The improvement of each policy over the baseline, with its p-values."""
    exact = comparison.random_best is not None
    others = {label: by for label, by in rows.items() if exact or label != comparison.baseline}
    if not others:
        return []
    head = ["policy", *(f"at {at}" for at in comparison.at)]

    def body(cell: Callable[[Row], str]) -> list[list[str]]:
        return [[label, *(cell(by[at]) for at in comparison.at)] for label, by in others.items()]

    count = len(others) * len(comparison.at)
    smallest = 2 * 0.5 ** len(comparison.seeds)  # all differences have the same sign
    doubt = "; too few seeds for p < 0.05" if count * smallest > 0.05 and not exact else ""
    over = "the exact expectation of random search" if exact else comparison.baseline
    return [
        TextTable(
            f"Improvement over {over}{'' if exact else ' (paired by seed)'}",
            head,
            body(lambda row: interval_text(row.difference, decimals)),
        ),
        TextTable(
            f"p-values of the improvement ({'Student' if exact else 'Wilcoxon'}, Holm-corrected for"
            f" {count} comparisons{doubt})",
            head,
            body(lambda row: p_text(row.p_corrected)),
        ),
    ]


def _detail(comparison: Comparison, rows: Rows, decimals: int) -> TextTable:
    at = comparison.at[-1]
    sign = 1 if comparison.problem.maximise else -1
    failures = any(by[at].failed for by in rows.values())
    stops = any(by[at].pruned for by in rows.values())
    body = []
    for label, by in rows.items():
        row = by[at]
        body.append(
            [
                label,
                interval_text(row.reward, decimals, sign),
                interval_text(row.last, decimals, sign),
                f"{row.distinct:.1f}",
                *([f"{row.failed:.1f}"] if failures else []),
                *([f"{row.pruned:.1f}", f"{row.spent:.1f}"] if stops else []),
                duration(row.seconds),
                f"{own_milliseconds(comparison, label):.2f} ms",
            ]
        )
    head = [
        "policy",
        comparison.problem.reward,
        f"mean of the last {min(WINDOW, at)}",
        "distinct",
        *(["failed"] if failures else []),
        *(["pruned", "whole trainings"] if stops else []),
        "cost",
        "policy time",
    ]
    return TextTable(f"After {at} evaluation{'s' if at > 1 else ''}", head, body)


def page(comparison: Comparison, rows: Rows) -> str:
    """The page of a comparison: figures, tables and settings.

    Args:
        comparison: The comparison.
        rows: Its summary.

    Returns:
        HTML.
    """
    title = comparison.problem.name
    body = _sections(comparison, rows, first=True)
    return whole(f"reinas: {title}", [f"<h1>{escape(title)}</h1>", *body])


def study_page(
    question: str, protocol: str, comparisons: Sequence[Comparison], beside: Sequence[TextTable]
) -> str:
    """The page of a question: its tables, then each comparison.

    Args:
        question: The question.
        protocol: How it was measured.
        comparisons: The comparisons that answer it.
        beside: Further tables.

    Returns:
        HTML.
    """
    sections = [f"<h1>{escape(question)}</h1>", f'<p class="quiet">{escape(protocol)}</p>']
    sections += html_tables(beside)
    for place, comparison in enumerate(comparisons):
        sections.append(f"<h1>{escape(comparison.problem.name)}</h1>")
        sections += _sections(comparison, summarise(comparison), first=place == 0)
    return whole(f"reinas: {question}", sections)


def _sections(comparison: Comparison, rows: Rows, *, first: bool) -> list[str]:
    """One comparison; only the `first` one of a page includes the plotting library."""
    seeds = len(comparison.seeds)
    sections = [
        f'<p class="quiet">{seeds} seed{"s" if seeds > 1 else ""}, {comparison.evaluations}'
        " evaluations each; intervals are 95 % intervals of the mean over seeds (Student's t; for"
        " shares, Wilson's).</p>",
        "<h2>Progress</h2>",
        figure_html(figures.progress(comparison), first=first),
    ]
    if any(run.costs is not None for runs in comparison.runs.values() for run in runs):
        sections.append(figure_html(figures.progress_over_cost(comparison), first=False))
    if comparison.best is not None:
        sections.append('<p class="quiet">Regret 0 is drawn at the lower edge.</p>')
    if len(comparison.policies) > 1:
        sections.append(
            '<p class="quiet">As in figure 6 of the paper, for rewards: above 0 is better.'
            " A curve starts where every run has that many different models.</p>"
        )
        for count in figures.TOPS:
            sections += [
                f"<h2>Mean of the best {count}, minus {escape(comparison.baseline)}</h2>",
                figure_html(figures.figure_6(comparison, count), first=False),
            ]
        sections += [
            "<h2>Ranks by seed</h2>",
            '<p class="quiet">Ranked by the mean over all evaluations of the best so far; mean'
            " ranks in brackets.</p>",
            figure_html(figures.rank_plot(comparison), first=False),
        ]
    sections += html_tables(tables(comparison, rows))
    return [
        *sections,
        "<h2>Settings</h2>",
        table(["policy", "settings"], _settings(comparison), ()),
    ]


def html_tables(tables: Sequence[TextTable]) -> list[str]:
    """The tables as sections of a page.

    Args:
        tables: The tables.

    Returns:
        HTML, one section per table.
    """
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
