"""The application: its commands, and how errors reach people."""

import sys
from typing import NoReturn

import typer

from reinas.cli import catalogue, finish, search, show, toy
from reinas.cli.output import err
from reinas.errors import ReinasError

app = typer.Typer(
    name="reinas",
    help="Search neural architectures with a learned controller (Zoph & Le 2016), and its rivals.",
    epilog="Start with: reinas search conv --task digits",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(search.search)
app.command()(search.resume)
app.command("list")(show.list_)
app.command()(show.show)
app.command()(finish.finish)
app.command()(toy.toy)
app.command()(catalogue.spaces)
app.command()(catalogue.tasks)
app.command()(catalogue.policies)


def main() -> NoReturn:
    """Run the command line; a person's mistake is one line on standard error, never a traceback."""
    try:
        app()
    except ReinasError as error:
        _complain(str(error))
        sys.exit(error.status)
    except KeyboardInterrupt:
        _complain("interrupted")
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        sys.stderr.close()
        sys.exit(1)
    sys.exit(0)


def _complain(text: str) -> None:
    err.print(f"[bold red]reinas:[/] {_plain(text)}", soft_wrap=True)


def _plain(text: str) -> str:
    """The text without meaning to Rich: square brackets stay what they are."""
    from rich.markup import escape

    return escape(" ".join(text.split()))
