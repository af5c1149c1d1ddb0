"""Plotly figures of a search."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reinas.errors import SettingError
from reinas.fronts import COSTS, measured
from reinas.report.trials import FinishedTrial, Kind

WINDOW = 16  # trials in the moving mean
INK, ACCENT, QUIET = "#33518a", "#c0563b", "#9fb0cc"


def new_figure() -> Any:
    """An empty figure.

    Raises:
        SettingError: Plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise SettingError(
            "figures need plotly: install it with `pip install 'reinas[report]'`"
        ) from None
    return go.Figure()


def layout(figure: Any, x: str, y: str) -> Any:
    """The figure in the style of all figures, with titles for its axes."""
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


MARKERS: dict[Kind, dict[str, Any]] = {
    "trained": {"symbol": "circle", "color": QUIET},
    "repeat": {"symbol": "circle-open", "color": QUIET},
    "pruned": {"symbol": "circle", "color": QUIET, "opacity": 0.35},
    "failed": {"symbol": "x", "color": ACCENT},
}


def rewards(trials: Sequence[FinishedTrial]) -> Any:
    """Every trial's reward, the best so far, and the moving mean.

    A pruned trial is shown at its last score and is never the best. A failed one counts as 0, or
    as the lowest value of all where values are below 0.
    """
    figure = new_figure()
    values = np.array([t.outcome.value for t in trials], float)
    least = min([0.0, *values])
    values[[t.outcome.state == "failed" for t in trials]] = least
    for kind, marker in MARKERS.items():
        chosen = [place for place, t in enumerate(trials) if t.kind == kind]
        if chosen:
            figure.add_scatter(
                x=[trials[place].number for place in chosen],
                y=values[chosen],
                text=[
                    trials[place].outcome.error or f"trial {trials[place].number}"
                    for place in chosen
                ],
                mode="markers",
                name=kind,
                marker={**marker, "size": 7},
            )
    numbers = [t.number for t in trials]
    if len(values):
        complete = np.array([t.outcome.state == "complete" for t in trials])
        figure.add_scatter(
            x=numbers,
            y=np.maximum.accumulate(np.where(complete, values, least)),
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


def entropy(diagnostics: Sequence[Mapping[str, float]]) -> Any:
    """The policy's entropy at its own samples over batches: how undecided it still is."""
    figure = new_figure()
    rows = [row for row in diagnostics if "entropy" in row]
    figure.add_scatter(
        x=[row["batch"] for row in rows],
        y=[row["entropy"] for row in rows],
        mode="lines+markers",
        name="entropy",
        line={"color": INK, "width": 2},
        marker={"size": 4},
    )
    return layout(figure, "batch", "entropy (nats per architecture)")


def pareto(trials: Sequence[FinishedTrial], best: Sequence[int], objectives: Sequence[str]) -> Any:
    """All complete trials by the first two objectives, and the front.

    Args:
        trials: The finished trials.
        best: The numbers of those on the front.
        objectives: The objectives' names.
    """
    figure = new_figure()
    for name, wanted, marker in (
        ("trials", False, {"color": QUIET}),
        ("Pareto front", True, {"color": ACCENT, "size": 9}),
    ):
        chosen = [t for t in trials if t.kind == "trained" and (t.number in best) is wanted]
        vertical, horizontal = (
            [measured(t.outcome, objective) for t in chosen] for objective in objectives[:2]
        )
        figure.add_scatter(
            x=horizontal,
            y=vertical,
            mode="markers",
            marker=marker,
            name=name,
            hovertext=[f"trial {t.number}" for t in chosen],
        )
    layout(figure, objectives[1], objectives[0])
    if objectives[1] in COSTS:
        figure.update_xaxes(type="log")
    return figure
