"""The command line: `reinas`."""

import signal
from typing import NoReturn

from reinas.cli.interrupts import at_once

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line; Ctrl-C is one line even while the program is still being imported."""
    signal.signal(signal.SIGINT, at_once)
    from reinas.cli.app import main as run

    run()
