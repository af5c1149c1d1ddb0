"""What people and programs read: results on standard output, progress and errors beside it."""

import json
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
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
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from reinas.config.options import DEFAULT_STORE
from reinas.errors import FileError, without_controls
from reinas.recorded import finite

WIDEST = 1000


class SafeConsole(Console):
    """A console on which text cannot steer the terminal.

    Names, classes, columns and reasons come from people's files: an escape sequence in them would
    move the cursor, change colours, or worse.
    """

    def __init__(self, **options: Any) -> None:
        # no emoji: a search may be called :smile: and has to be typed so again
        super().__init__(highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Markup as text, cleaned before anything is measured."""
        return super().render_str(without_controls(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments, with a mark for each control character of their text."""
        for segment in super().render(renderable, options):
            yield (
                segment
                if segment.control
                else segment._replace(text=without_controls(segment.text))
            )


out = SafeConsole()
err = SafeConsole(stderr=True)


def print_wide(table: Table) -> None:
    """A table wider than the terminal rather than cut: numbers without their ends are worthless."""
    needed = Measurement.get(out, out.options.update(max_width=WIDEST), table).maximum
    SafeConsole(file=out.file, width=max(out.width, needed)).print(table)


def print_json(document: Any) -> None:
    """One JSON document on standard output; numbers that JSON does not have become null."""
    sys.stdout.write(json_text(document))


def json_text(document: Any) -> str:
    """A JSON document; numbers that JSON does not have become null."""
    return json.dumps(finite(document), indent=2, default=str) + "\n"


class _Status(ProgressColumn):
    """Something that changes by itself, as text."""

    def __init__(self, status: Callable[[], object]) -> None:
        super().__init__()
        self._status = status

    def render(self, task: Task) -> Text:
        return Text(str(self._status()), style="dim", no_wrap=True)


class Bar(Progress):
    """A progress bar on standard error: done, time gone and left, and the task field `note`.

    Args:
        quiet: Show nothing.
        status: Gives what is shown beside it at each moment.
    """

    def __init__(self, *, quiet: bool = False, status: Callable[[], object] | None = None) -> None:
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            *([] if status is None else [_Status(status)]),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=err,
            disable=quiet,
        )

    def stop(self) -> None:
        """Leave the bar as it is; one that was never started prints nothing, not even a line."""
        if self.live.is_started:
            super().stop()


def typed(name: str, location: str) -> str:
    """A search's name as the next command takes it: quoted, with the store if it is not usual."""
    quoted = shlex.quote(name)
    return quoted if location == DEFAULT_STORE else f"{quoted} --store {shlex.quote(location)}"


def counted(number: int, thing: str) -> str:
    """So many things, in the plural where they are not one.

    >>> counted(1, "run"), counted(2, "search")
    ('1 run', '2 searches')
    """
    plural = thing + ("es" if thing.endswith("ch") else "s")
    return f"{number:,} {thing if number == 1 else plural}"


def print_line(text: str, style: str = "") -> None:
    """A line on standard output, with square brackets and all, that is not folded."""
    out.print(escape(text), style=style, soft_wrap=True)


def print_notes(notes: Iterable[str]) -> None:
    """What was recognised in people's data, on standard error."""
    for note in notes:
        err.print(note, style="dim", soft_wrap=True, markup=False)


def print_written(*paths: Path | None) -> None:
    """Which files were written."""
    for path in paths:
        if path is not None:
            print_line(f"written: {path}", style="dim")


def write(text: str, path: Path) -> None:
    """Write a page, a drawing or a document to a file."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from error
