"""Plotly figures of a search."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from reinas.report.report import outcome_of
from reinas.types import Trial

WINDOW = 16  # trials in the moving mean
INK, ACCENT, QUIET = "#33518a", "#c0563b", "#9fb0cc"


def layout(figure: Any, x: str, y: str) -> Any:
    """The figure in the manner of all figures, with titles for its axes."""
    figure.update_layout(
        template="plotly_white",
        xaxis_title=x,
        yaxis_title=y,
        height=380,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#1b2433"},
    )
    return figure


def rewards(trials: Sequence[Trial]) -> Any:
    """Every trial's reward, the best so far, and the moving mean (failed trials count as 0).

    Where rewards are below 0 a failed trial is shown as the worst of them.
    """
    figure: Any = go.Figure()
    least = min([0.0, *(outcome_of(t).value for t in trials)])

    def shown(trial: Trial) -> float:
        return least if outcome_of(trial).error else float(outcome_of(trial).value)

    values = np.array([shown(t) for t in trials])
    numbers = [t.number for t in trials]
    groups: dict[str, tuple[str, str, Callable[[Trial], bool]]] = {
        "trained": ("circle", QUIET, lambda t: t.repeat_of is None and not outcome_of(t).error),
        "repeat": ("circle-open", QUIET, lambda t: t.repeat_of is not None),
        "failed": ("x", ACCENT, lambda t: t.repeat_of is None and bool(outcome_of(t).error)),
    }
    for name, (symbol, colour, member) in groups.items():
        chosen = [t for t in trials if member(t)]
        if chosen:
            figure.add_scatter(
                x=[t.number for t in chosen],
                y=[shown(t) for t in chosen],
                text=[outcome_of(t).error or f"trial {t.number}" for t in chosen],
                mode="markers",
                name=name,
                marker={"symbol": symbol, "color": colour, "size": 7},
            )
    if len(values):
        figure.add_scatter(
            x=numbers,
            y=np.maximum.accumulate(values),
            mode="lines",
            name="best so far",
            line={"color": INK, "width": 2.5, "shape": "hv"},
        )
    if len(values) >= WINDOW:
        mean = np.convolve(values, np.ones(WINDOW) / WINDOW, mode="valid")
        figure.add_scatter(
            x=numbers[WINDOW - 1 :],
            y=mean,
            mode="lines",
            name=f"mean of the last {WINDOW}",
            line={"color": ACCENT, "width": 2},
        )
    return layout(figure, "trial", "reward")


def entropy(movement: Sequence[Mapping[str, float]]) -> Any:
    """The policy's entropy at its own samples over batches: how undecided it still is."""
    figure = go.Figure()
    rows = [row for row in movement if "entropy" in row]
    figure.add_scatter(
        x=[row["batch"] for row in rows],
        y=[row["entropy"] for row in rows],
        mode="lines+markers",
        name="entropy",
        line={"color": INK, "width": 2},
        marker={"size": 4},
    )
    return layout(figure, "batch", "entropy (nats an architecture)")
