"""The command line: `reinas`."""

# nothing that takes time: until `main` has begun, Ctrl-C is Python's own traceback
import os
import signal
from types import FrameType
from typing import NoReturn

__all__ = ["main"]

INTERRUPTED = 2


def main() -> NoReturn:
    """Run the command line; Ctrl-C is one line even while the program is still being imported."""
    signal.signal(signal.SIGINT, _at_once)
    from reinas.cli.app import main as run

    run()


def _at_once(_signal: int, _frame: FrameType | None) -> NoReturn:
    """The answer to Ctrl-C while nothing has begun.

    An exception would not do: imported C++ code loses it, or aborts the process over it.
    """
    os.write(2, b"reinas: interrupted\n")
    os._exit(INTERRUPTED)
