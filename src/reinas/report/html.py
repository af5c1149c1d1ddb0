"""Parts of self-contained HTML pages, which load nothing from anywhere."""

from collections.abc import Iterable
from html import escape
from typing import Any

STYLE = """
:root{color-scheme:light}
body{font:15px/1.5 system-ui,sans-serif;color:#1b2433;background:#fff;max-width:1080px;
     margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.7rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
.quiet{color:#5a6579}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #e6ebf3;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
"""


def whole(title: str, sections: Iterable[str]) -> str:
    """A self-contained page of sections that are HTML already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        + "\n".join(sections)
        + "</body></html>\n"
    )


def figure_html(figure: Any, *, first: bool) -> str:
    """A Plotly figure as HTML; the page's `first` one brings the library along."""
    html: str = figure.to_html(
        full_html=False,
        include_plotlyjs=first,  # inline, once: the page needs no network
        config={"displaylogo": False, "responsive": True},
    )
    return html


def quiet(text: str) -> str:
    """A paragraph of plain text in a quiet colour."""
    return f'<p class="quiet">{escape(text)}</p>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]], numbers: Iterable[int] = (1,)) -> str:
    """A table.

    Args:
        head: The columns' titles, as plain text.
        rows: The cells, which are HTML already.
        numbers: The columns that are set to the right.
    """
    right = set(numbers)

    def row(cells: Iterable[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if i in right else ''}>{c}</{tag}>" for i, c in enumerate(cells)
        )

    body = "".join(f"<tr>{row(r, 'td')}</tr>" for r in rows)
    return f"<table><tr>{row(map(escape, head), 'th')}</tr>{body}</table>"
