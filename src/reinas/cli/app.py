"""The application: its commands, and how errors are shown."""

import logging
import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from reinas import __version__
from reinas.cli import (
    INTERRUPTED,
    catalogue,
    export,
    finish,
    fit,
    predict,
    search,
    show,
    store,
    toy,
    watch,
    zoo,
)
from reinas.cli.compare import command as compare
from reinas.cli.interrupts import leave
from reinas.cli.output import err, out
from reinas.errors import InterruptError, ReinasError

app = typer.Typer(
    name="reinas",
    help="Find a small neural network for your data, and compare the ways to search for one.",
    epilog="Start with: reinas fit digits --minutes 1",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"reinas {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command()(fit.fit)
app.command()(search.search)
app.command()(search.resume)
app.command("list")(show.list_)
app.command()(show.show)
app.command()(watch.watch)
app.command()(finish.finish)
app.command()(predict.predict)
app.command()(export.export)
app.command()(compare.compare)
app.command()(toy.toy)
app.command()(zoo.zoo)
app.add_typer(store.store_app, name="store")
app.command()(catalogue.spaces)
app.command()(catalogue.tasks)
app.command()(catalogue.policies)
app.command()(catalogue.tables)


# Typer keeps its exceptions in a private module, but for this one and so for its parent.
UsageError: Any = typer.BadParameter.__bases__[0]


def main() -> NoReturn:
    """Run the command line; a person's mistake is one line on standard error, no traceback."""
    # SQLAlchemy logs a traceback where Ctrl-C comes while it returns a connection to its pool
    logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
    try:
        # a space of one's own in the current folder; last, so that it hides no other module
        sys.path.append(os.getcwd())
        status = app(prog_name="reinas", standalone_mode=False) or 0
    except InterruptError as error:
        _complain(str(error), error.status)
        leave()
    except ReinasError as error:
        status = _complain(str(error), error.status)
    except RuntimeError as error:
        # Python before 3.12 wraps Ctrl-C that comes while a class is made, as on an import
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        _complain("interrupted; what was finished is kept", INTERRUPTED)
        leave()
    except UsageError as error:
        where = error.ctx.command_path if error.ctx else "reinas"
        message = error.format_message()  # empty where the help was shown instead
        status = _complain(f"{message} (see `{where} --help`)", 2) if message else 2
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except OSError as error:
        where = error.filename or "the output"
        status = _complain(f"{where} cannot be read or written: {error.strerror}", 1)
    sys.exit(status)


def _complain(text: str, status: int) -> int:
    """One line on standard error, square brackets and all; the status is handed on."""
    err.print("[bold red]reinas:[/] " + escape(" ".join(text.split())), soft_wrap=True)
    return status
