"""The command line: `reinas`."""

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line; Ctrl-C is one line even while the program is still being imported."""
    try:
        from reinas.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("reinas: interrupted\n")
        sys.exit(2)
