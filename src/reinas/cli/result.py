"""What a search has found, in a few lines, and how to go on."""

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape

from reinas.cli.output import out, typed
from reinas.report.report import Report
from reinas.report.terminal import headline
from reinas.report.words import number


def print_result(
    report: Report, location: str, stopped: str | None = None, console: Console = out
) -> None:
    """Print the best network of a search that has ended, and the next commands.

    Args:
        report: The search.
        location: Its store.
        stopped: Why it ended before its budget of trials was used up, if it did.
        console: Where it is printed.
    """

    def line(text: str, style: str = "") -> None:
        console.print(escape(text), style=style, soft_wrap=True)

    name = typed(report.name, location)
    console.print(headline(report))
    if stopped is not None:
        line(f"stopped early: {stopped}; `reinas resume {name}` continues")
    if not report.finished:
        return
    if not report.best:
        line(f"no child could be trained: `reinas show {name}` has the reasons")
        return
    best = report.best[0]
    line(f"best: trial {best.trial}, {_reward(report)} {best.reward:.4f}{_metrics(best.metrics)}")
    line(f"  {best.architecture}")
    if report.final:
        tested = f"trial {report.final.trial} was trained to the end and tested already"
        line(f"{tested}; `reinas show {name}` has the report", "dim")
        return
    line(
        f"next: `reinas show {name}` for the report, `reinas finish {name}` to train, test and"
        " save the best network",
        "dim",
    )


def _reward(report: Report) -> str:
    """What the reward is, where it is not the obvious one."""
    task = report.settings.get("evaluator", {}).get("task")
    cubed = isinstance(task, Mapping) and task.get("reward") == "cubed"
    return "reward (accuracy cubed)" if cubed else "reward"


def _metrics(metrics: Mapping[str, float]) -> str:
    return "".join(f", {name} {number(value)}" for name, value in metrics.items())
