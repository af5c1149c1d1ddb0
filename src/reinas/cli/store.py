"""`reinas store check`, `backup` and `compact`."""

from typing import Annotated

import typer

from reinas.cli.options import JsonOption, with_options
from reinas.cli.output import Bar, counted, print_json, print_line
from reinas.config.options import StoreOptions
from reinas.config.settings import Settings, read
from reinas.errors import StoreError
from reinas.store import Store, checking, copying
from reinas.store.databases import shown

MIB = 1 << 20

store_app = typer.Typer(
    help="Look after a store: check it, back it up, make it smaller.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _opened(given: Settings) -> Store:
    """The store, brought up to date; one that is not there is said."""
    store = Store(read(StoreOptions, given).store)
    if store.is_empty:
        raise StoreError(f"{store.location} has no searches: there is nothing to look after")
    return store


@store_app.command()
@with_options(StoreOptions)
def check(given: Settings, json: JsonOption = False) -> None:
    """Read everything in a store, and say what is damaged; status 1 where something is.

    A store of an earlier version is brought up to date first.

    Examples:
    - `reinas store check`
    - `reinas store check --store postgresql+psycopg://me@host/team`
    """
    store = _opened(given)
    bar = Bar(quiet=json)
    task = bar.add_task("searches", total=None, note="")
    names: list[str] = []
    try:
        with bar:
            names = store.names()
            bar.update(task, total=len(names))
            found = checking.problems(store, lambda name: bar.update(task, advance=1))
    except StoreError as error:  # so damaged that the rest cannot be looked at
        found = [str(error)]
    size = store.database.size()
    if json:
        print_json(
            {"store": store.location, "searches": len(names), "bytes": size, "problems": found}
        )
    else:
        for problem in found:
            print_line(problem)
        verdict = counted(len(found), "problem") if found else "all of it can be read"
        searches = counted(len(names), "search")
        print_line(f"{store.location}: {searches}, {size / MIB:.1f} MiB: {verdict}")
    if found:
        raise typer.Exit(1)


@store_app.command()
@with_options(StoreOptions)
def backup(
    given: Settings,
    to: Annotated[
        str,
        typer.Option(
            help="Where to: a new file, or an empty schema of a PostgreSQL server.",
            metavar="FILE|ADDRESS",
        ),
    ],
) -> None:
    """Copy a store as it is at this moment, while searches go on.

    The copy is a store like any other: `reinas resume` goes on from it. So this is also the way
    from a file to a server, and back.

    Examples:
    - `reinas store backup --to monday.db`
    - `reinas store backup --store reinas.db --to postgresql+psycopg://me@host/team`
    """
    store = _opened(given)
    bar = Bar()
    task = bar.add_task("rows", total=None, note="")

    def advance(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        bar.start()

    try:
        searches, runs = copying.copy(store, to, advance)
    finally:
        bar.stop()
    others = f" and {counted(runs, 'run')} of comparisons" if runs else ""
    print_line(f"copied {counted(searches, 'search')}{others} to {shown(to)}")


@store_app.command()
@with_options(StoreOptions)
def compact(given: Settings) -> None:
    """Give back the space of what was deleted; best while nothing runs.

    Example: `reinas store compact`
    """
    store = _opened(given)
    before = store.database.size()
    store.compact()
    after = store.database.size()
    print_line(f"{store.location}: {before / MIB:.1f} MiB before, {after / MIB:.1f} MiB now")
