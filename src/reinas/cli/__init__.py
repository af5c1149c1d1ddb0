"""The command line: `reinas`."""

from reinas.cli.app import main

__all__ = ["main"]
