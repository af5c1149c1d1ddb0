"""How studies, trials and architectures look in a notebook."""

from dataclasses import dataclass
from html import escape
from typing import Any

from reinas.report.drawing import draw
from reinas.store import AbstractRecord
from reinas.types import Trial

SHOWN = 5
"""Architectures that a study shows."""
SPACES = (
    ("reinas.spaces.conv_architecture", "ConvArchitecture"),
    ("reinas.spaces.lstm", "LstmArchitecture"),
    ("reinas.spaces.mlp", "MlpArchitecture"),
    ("reinas.spaces.nasbench201", "NasBench201Architecture"),
    ("reinas.spaces.product", "Assignment"),
    ("reinas.spaces.recurrent", "RecurrentArchitecture"),
    ("reinas.spaces.stages", "StagesArchitecture"),
    ("reinas.spaces.tabular", "TabularArchitecture"),
    ("reinas.spaces.toy", "ToyArchitecture"),
)
"""The classes of architectures."""


@dataclass(frozen=True)
class Shapeless:
    """The task of an architecture by itself: its inputs are not known."""

    name: str = "unknown"
    inputs: tuple[int, ...] = ()
    outputs: int = 0


def architecture_html(architecture: Any, task: Any = None) -> str:
    """An architecture as a drawing.

    Args:
        architecture: The architecture.
        task: The task that it is for. None: one of which nothing is known.
    """
    try:
        return draw(architecture, task or Shapeless())
    except Exception:  # a drawing that needs the shapes, of a task that nobody has named
        return f"<code>{escape(str(architecture))}</code>"


def trial_html(trial: Trial) -> str:
    """A trial: what came of it, and its drawing."""
    outcome = trial.outcome
    facts: dict[str, Any] = {"state": trial.state}
    if outcome is not None:
        facts |= {"reward": outcome.reward, "seconds": round(outcome.seconds, 1), **outcome.metrics}
        if outcome.error is not None:
            facts["error"] = outcome.error
    rows = "".join(
        f"<tr><th>{escape(str(key))}</th><td>{escape(_short(value))}</td></tr>"
        for key, value in facts.items()
        if value is not None
    )
    drawn = "" if trial.architecture is None else architecture_html(trial.architecture)
    return f"<b>trial {trial.number}</b><table>{rows}</table>{drawn}"


def study_html(record: AbstractRecord, best: Trial | None, task: Any = None) -> str:
    """A study: how far it is, its best architectures, and the drawing of the best.

    Args:
        record: The study.
        best: Its best trial, with its architecture. None: there is none.
        task: What networks are for. None: not known.
    """
    proposed, finished = record.count()
    shown = record.best(SHOWN)
    texts = record.texts(trial.number for trial in shown)
    rows = "".join(
        f"<tr><td>{trial.number}</td><td>{trial.reward:.4f}</td>"
        f"<td><code>{escape(texts[trial.number])}</code></td></tr>"
        for trial in shown
    )
    head = "<tr><th>trial</th><th>reward</th><th>architecture</th></tr>"
    table = f"<table>{head}{rows}</table>" if rows else "<p>no network has a reward yet</p>"
    drawn = "" if best is None else architecture_html(best.architecture, task)
    title = f"<b>{escape(record.name)}</b>: {finished} of {record.trials} trials"
    waiting = f", {proposed - finished} under way" if proposed > finished else ""
    return f"{title}{waiting}{table}{drawn}"


def register(formatter: Any) -> None:
    """Let a notebook show trials and architectures as HTML.

    Args:
        formatter: IPython's formatter for text/html.
    """
    formatter.for_type_by_name("reinas.types", "Trial", trial_html)
    for module, name in SPACES:
        formatter.for_type_by_name(module, name, architecture_html)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
