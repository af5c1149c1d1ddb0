"""Plotly figures of a comparison."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reinas.compare import curves
from reinas.compare.comparison import Comparison
from reinas.compare.statistics import Floats, intervals, ranks
from reinas.errors import SettingError

COLOURS = (
    "#33518a",
    "#c0563b",
    "#3d8a5f",
    "#9a6a1c",
    "#7a4fa3",
    "#2f8f9d",
    "#b0487e",
    "#6b7280",
    "#a0a020",
    "#1b2433",
)
FLOOR = 1e-3
"""Lower edge of a logarithmic axis as a share of its largest value; 0 is drawn there."""
COST_POINTS = 200
POINTS = 50  # of a curve that is expensive to compute
TOPS = (1, 5, 15)  # numbers of best models, as in the paper's figure 6


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


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _band(figure: Any, x: Sequence[float], values: Floats, name: str, place: int) -> None:
    """The mean over seeds of [seeds, x] as a line, its 95 % interval as a band."""
    mean, low, high = intervals(values)
    colour = _colour(place)
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    if not np.isnan(low).any():
        figure.add_scatter(
            x=[*x, *reversed(x)],
            y=[*high, *low[::-1]],
            fill="toself",
            fillcolor=f"rgba({red},{green},{blue},0.15)",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=name,
        )
    figure.add_scatter(
        x=list(x),
        y=mean,
        mode="lines",
        name=name,
        legendgroup=name,
        line={"color": colour, "width": 2},
    )


def progress(comparison: Comparison) -> Any:
    """Regret over evaluations if the best reward is known, else the incumbent's reward.

    Args:
        comparison: The comparison.

    Returns:
        A Plotly figure.
    """
    figure = new_figure()
    problem = comparison.problem
    x = range(1, comparison.evaluations + 1)
    best = {c.label: curves.best_so_far(comparison.runs[c.label]) for c in comparison.policies}
    if comparison.best is None:
        sign = 1 if problem.maximise else -1
        for place, (label, values) in enumerate(best.items()):
            _band(figure, x, sign * values, label, place)
        return layout(figure, "evaluations", problem.reward)
    known = np.array(comparison.best)[:, None]
    regrets = {label: known - values for label, values in best.items()}
    top = max(float(values.mean(0).max()) for values in regrets.values())
    floor = FLOOR * top if top > 0 else 1.0
    for place, (label, values) in enumerate(regrets.items()):
        _band(figure, x, values, label, place)
    for trace in figure.data:
        trace.y = np.maximum(trace.y, floor)
    figure = layout(figure, "evaluations", f"regret ({problem.reward})")
    figure.update_yaxes(type="log", range=[np.log10(floor), np.log10(2 * max(top, floor))])
    return figure


def progress_over_cost(comparison: Comparison) -> Any:
    """Regret over the cost in whole trainings if the best reward is known, else the reward.

    Args:
        comparison: The comparison.

    Returns:
        A Plotly figure.
    """
    figure = new_figure()
    sign = 1 if comparison.problem.maximise else -1
    tops = [max(run.spent[-1] for run in runs) for runs in comparison.runs.values()]
    points = np.linspace(max(tops) / COST_POINTS, max(tops), COST_POINTS)
    for place, spec in enumerate(comparison.policies):
        values = curves.best_over_cost(comparison.runs[spec.label], points.tolist())
        whole = ~np.any(np.isnan(values), axis=0)
        if comparison.best is None:
            values = sign * values
        else:
            values = np.array(comparison.best)[:, None] - values
        if whole.any():
            _band(figure, points[whole].tolist(), values[:, whole], spec.label, place)
    name = comparison.problem.reward
    title = name if comparison.best is None else f"regret ({name})"
    figure = layout(figure, "whole trainings", title)
    if comparison.best is not None:
        figure.update_yaxes(type="log")
    return figure


def figure_6(comparison: Comparison, count: int) -> Any:
    """The mean of the best `count` different models minus the baseline's (figure 6).

    Differences are paired by seed; above 0 is better. A curve starts where every run has `count`
    models.

    Args:
        comparison: The comparison.
        count: Number of models.

    Returns:
        A Plotly figure.
    """
    figure = new_figure()
    step = max(1, comparison.evaluations // POINTS)
    points = range(step, comparison.evaluations + 1, step)

    def means(label: str) -> Floats:
        return np.stack([curves.mean_of_best(run, count, points) for run in comparison.runs[label]])

    baseline = means(comparison.baseline)
    for place, spec in enumerate(comparison.policies):
        if spec.label == comparison.baseline:
            continue
        gained = means(spec.label) - baseline
        whole = ~np.any(np.isnan(gained), axis=0)
        x = [point for point, known in zip(points, whole.tolist(), strict=True) if known]
        if x:
            _band(figure, x, gained[:, whole], spec.label, place)
    figure.add_hline(y=0, line={"color": "#5a6579", "width": 1})
    return layout(figure, "evaluations", f"best {count}, minus {comparison.baseline}")


def rank_plot(comparison: Comparison) -> Any:
    """Each policy's rank for each seed, by the mean over evaluations of its best so far.

    Args:
        comparison: The comparison.

    Returns:
        A Plotly figure.
    """
    labels = [spec.label for spec in comparison.policies]
    scores = np.stack(
        [-curves.best_so_far(comparison.runs[label]).mean(1) for label in labels], axis=1
    )
    ranked = ranks(scores)
    order = np.argsort(ranked.mean(0), kind="stable")
    figure = new_figure()
    figure.add_heatmap(
        z=ranked[:, order[::-1]].T,
        x=[str(seed) for seed in comparison.seeds],
        y=[f"{labels[place]} ({ranked[:, place].mean():.1f})" for place in order[::-1]],
        colorscale=[[0, "#33518a"], [0.5, "#eef3fb"], [1, "#c0563b"]],
        zmin=1,
        zmax=max(2, len(labels)),
        colorbar={"title": "rank"},
        hovertemplate="seed %{x}, %{y}: rank %{z}<extra></extra>",
    )
    figure = layout(figure, "seed", "")
    figure.update_xaxes(type="category", nticks=12)
    figure.update_layout(margin={"l": 10}, height=90 + 34 * len(labels))
    figure.update_yaxes(automargin=True)
    return figure
