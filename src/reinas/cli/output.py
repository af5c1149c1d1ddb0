"""What people and programs read: results on standard output, progress and errors beside it."""

import json
import math
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

WIDEST = 1000

# no emoji: a search may be called :smile: and has to be typed so again
out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)


def print_wide(table: Table) -> None:
    """A table wider than the terminal rather than cut: numbers without their ends are worthless."""
    needed = Measurement.get(out, out.options.update(max_width=WIDEST), table).maximum
    Console(file=out.file, width=max(out.width, needed), highlight=False, emoji=False).print(table)


def print_json(document: Any) -> None:
    """One JSON document on standard output; numbers that JSON does not have become null."""
    sys.stdout.write(json_text(document))


def json_text(document: Any) -> str:
    """A JSON document; numbers that JSON does not have become null."""
    return json.dumps(_finite(document), indent=2, default=str) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    return value


class _Live(ProgressColumn):
    """Something that changes by itself, as text."""

    def __init__(self, thing: object) -> None:
        super().__init__()
        self._thing = thing

    def render(self, task: Task) -> Text:
        return Text(str(self._thing), style="dim", no_wrap=True)


def progress(*, quiet: bool, live: object | None = None) -> Progress:
    """A progress bar on standard error: done, time gone and left, and the task field `note`.

    `live` is shown too, as it is at each moment.
    """
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        *([] if live is None else [_Live(live)]),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=err,
        disable=quiet,
    )


def stop(bar: Progress) -> None:
    """Leave the bar as it is; one that was never started prints nothing, not even a new line."""
    if bar.live.is_started:
        bar.stop()
