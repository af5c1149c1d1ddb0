"""One self-contained HTML page about a search."""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from reinas.errors import FileError, ReinasError
from reinas.report import figures, machines
from reinas.report.drawing import draw
from reinas.report.report import (
    Report,
    cell_formulas,
    grid_rows,
    make_report,
    number,
    space_of,
    task_of,
)
from reinas.store import AbstractRecord

STYLE = """
:root{color-scheme:light}
body{font:15px/1.5 system-ui,sans-serif;color:#1b2433;background:#fff;max-width:1080px;
     margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.7rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
.facts{display:flex;flex-wrap:wrap;gap:.7rem;margin:1.2rem 0}
.fact{border:1px solid #dbe2ee;border-radius:8px;padding:.5rem .9rem}
.fact b{display:block;font-size:1.25rem}.quiet{color:#5a6579}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #e6ebf3;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
.drawing{overflow-x:auto}.drawing svg{max-width:100%;height:auto}
"""


def page(log: AbstractRecord, *, working: bool = False) -> str:
    """The page: facts, the best network drawn, rewards, entropy, best architectures, failures."""
    report = make_report(log, working=working)
    trials = log.finished()
    settings = report.settings
    sections = [
        f"<h1>{escape(report.name)}</h1>",
        f'<p class="quiet">{escape(_subtitle(report))}</p>',
        _facts(report),
        "<h2>Rewards</h2>",
        figure_html(figures.rewards(trials), first=True),
    ]
    if any("entropy" in row for row in report.movement):
        sections += [
            "<h2>The policy's entropy</h2>",
            '<p class="quiet">How undecided the policy still is, at its own samples.</p>',
            figure_html(figures.entropy(report.movement), first=False),
        ]
    if svg := _drawn(log):
        sections += ["<h2>The best network</h2>", f'<div class="drawing">{svg}</div>']
    if report.formulas:
        latex = escape(cell_formulas(log, latex=True) or "")
        sections += [
            f"<pre>{escape(report.formulas)}</pre>",
            f"<details><summary>as LaTeX</summary><pre>{latex}</pre></details>",
        ]
    sections += ["<h2>The best architectures</h2>", _best(report)]
    if report.grid:
        head, rows = grid_rows(report.grid)
        cells = [map(escape, row) for row in rows]
        sections += [
            "<h2>The grid of the best network</h2>",
            '<p class="quiet">Recipes that it was trained by; the best one trained it to the end.'
            "</p>",
            table(head, cells, numbers=range(len(head))),
        ]
    if report.failures:
        counts = [(escape(text), str(count)) for text, count in report.failures.items()]
        sections += ["<h2>Failures</h2>", table(["reason", "trials"], counts)]
    if report.machines:
        for title, head, rows in machines.tables(report.machines, duration):
            cells = [map(escape, row) for row in rows]
            sections += [
                f"<h2>{escape(title)}</h2>",
                table(head, cells, numbers=range(1, len(head))),
            ]
    pairs = [(escape(key), f"<code>{escape(str(value))}</code>") for key, value in settings.items()]
    sections += ["<h2>Settings</h2>", table(["setting", "value"], pairs, numbers=())]
    return whole(f"reinas: {report.name}", sections)


def whole(title: str, sections: Iterable[str]) -> str:
    """A self-contained page of sections that are HTML already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        + "\n".join(sections)
        + "</body></html>\n"
    )


def write(text: str, path: Path) -> None:
    """Write a page or a drawing to a file."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from error


def _subtitle(report: Report) -> str:
    named = {k: report.settings.get(k, {}) for k in ("space", "policy")}
    named["task"] = report.settings.get("evaluator", {}).get("task")
    words = [f"{k} {v['name']}" for k, v in named.items() if isinstance(v, dict) and "name" in v]
    return ", ".join([*words, f"seed {report.settings.get('seed')}", f"begun {report.created}"])


def _facts(report: Report) -> str:
    facts = [
        ("trials", f"{report.finished} of {report.trials}"),
        ("best reward", f"{report.best[0].reward:.4f}" if report.best else "none"),
        ("failed", str(report.failed - report.too_costly)),
        *([("too costly", str(report.too_costly))] if report.too_costly else []),
        ("repeats", str(report.repeats)),
        ("child time", duration(report.seconds)),
    ]
    if report.final:
        facts.append((f"test of trial {report.final.trial}", result_words(report.final.metrics)))
    cards = "".join(
        f'<div class="fact"><span class="quiet">{escape(k)}</span><b>{escape(v)}</b></div>'
        for k, v in facts
    )
    return f'<div class="facts">{cards}</div>'


def result_words(metrics: Any) -> str:
    """The test part's result in words, with its interval where it has one."""
    if "accuracy" in metrics:
        return (
            f"accuracy {metrics['accuracy']:.4f}"
            f" (95 % interval {metrics['low']:.4f} to {metrics['high']:.4f})"
        )
    if "perplexity" in metrics:
        return f"perplexity {metrics['perplexity']:.2f}"
    if "bits" in metrics:
        return f"{metrics['bits']:.3f} bits a character"
    return f"RMSE {metrics['rmse']:.4g}, R² {metrics['r2']:.4f}"


def duration(seconds: float) -> str:
    """Seconds in words for people."""
    if seconds < 59.95:  # what rounds to 60 belongs to the next unit
        return f"{seconds:.1f} s"
    if seconds < 59.95 * 60:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def figure_html(figure: Any, *, first: bool) -> str:
    """A figure as HTML; the page's `first` one brings the library along."""
    html: str = figure.to_html(
        full_html=False,
        include_plotlyjs=first,  # inline, once: the page needs no network
        config={"displaylogo": False, "responsive": True},
    )
    return html


def _drawn(log: AbstractRecord) -> str | None:
    """The drawing, or why there is none: its sizes are those of the data."""
    try:
        return drawing(log)
    except ReinasError as error:
        return f'<p class="quiet">It cannot be drawn: {escape(str(error))}</p>'


def drawing(log: AbstractRecord) -> str | None:
    """The best network so far as SVG; None where there is none, or no way to draw it."""
    space = space_of(log)
    best = log.best()
    task = task_of(log)
    if space is None or task is None or not best:
        return None
    return draw(space.decode(best[0].answers), task)


def _best(report: Report) -> str:
    if not report.best:
        return "<p>No child has been trained yet.</p>"
    metrics = list(report.best[0].metrics)
    rows = [
        (
            str(b.trial),
            f"{b.reward:.4f}",
            *(number(b.metrics.get(m)) for m in metrics),
            duration(b.seconds),
            f"<code>{escape(b.architecture)}</code>",
        )
        for b in report.best
    ]
    head = ["trial", "reward", *metrics, "time", "architecture"]
    return table(head, rows, numbers=range(len(head) - 1))


def table(head: Iterable[str], rows: Iterable[Iterable[str]], numbers: Iterable[int] = (1,)) -> str:
    """Cells are HTML already; columns in `numbers` are set right."""
    right = set(numbers)

    def row(cells: Iterable[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if i in right else ''}>{c}</{tag}>" for i, c in enumerate(cells)
        )

    body = "".join(f"<tr>{row(r, 'td')}</tr>" for r in rows)
    return f"<table><tr>{row(map(escape, head), 'th')}</tr>{body}</table>"
