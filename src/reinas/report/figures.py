"""The style of all Plotly figures."""

from typing import Any

from reinas.errors import SettingError


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
