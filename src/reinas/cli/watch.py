"""`reinas watch`."""

import signal
from typing import Annotated

from pydantic import Field

from reinas.cli.options import with_options
from reinas.cli.output import print_line
from reinas.config.option import Option
from reinas.config.options import StoreOptions
from reinas.config.settings import Settings, read
from reinas.store.databases import shown
from reinas.system import be_nice
from reinas.web.serve import PORT
from reinas.web.serve import watch as serve


class WatchOptions(StoreOptions):
    """Where the page is served."""

    host: Annotated[
        str,
        Option(
            "Whose requests are answered: 127.0.0.1 for this machine's; 0.0.0.0 for everybody's"
            " who has the address with its token.",
            metavar="ADDRESS",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535), Option("The port; 0 takes a free one.", metavar="N")
    ] = PORT
    open: Annotated[bool, Option("Open a browser.")] = False


@with_options(WatchOptions)
def watch(given: Settings) -> None:
    """Serve a live page over a store, while searches run; it only reads, and gives way to them.

    Rewards, learning curves, machines, failures, every network and its drawing, and the policy
    at each moment of the search. Ctrl-C ends it; searches go on.

    Examples:
    - `reinas watch --open`
    - `reinas watch --store results.db --port 9000`
    - `reinas watch --host 0.0.0.0` (prints an address with a token)
    """
    options = read(WatchOptions, given)
    be_nice()
    # uvicorn closes everything and then hands Ctrl-C on: it is the usual end, and no failure
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(
        options.store,
        host=options.host,
        port=options.port,
        open_browser=options.open,
        said=lambda address: print_line(
            f"watching {shown(options.store)}: {address} (Ctrl-C ends it)"
        ),
    )
