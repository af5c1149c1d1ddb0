"""How the program ends after Ctrl-C."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn, Protocol

from reinas.cli import INTERRUPTED
from reinas.errors import InterruptError


class Display(Protocol):
    """Something on the screen, such as a progress bar."""

    def stop(self) -> None:
        """Leave it as it is; called again, do nothing."""


def leave() -> NoReturn:
    """End with the status of an interruption, for sure.

    Python ends by SIGINT whatever `sys.exit` says when the interruption came while a module was
    executing generated code, as dataclasses do on import (CPython's "unhandled keyboard
    interrupt" flag, which stays set). By now all is closed and kept, so nothing is cut short.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)


@contextlib.contextmanager
def interruptible(display: Display, message: Callable[[], str]) -> Iterator[None]:
    """Within, Ctrl-C raises `InterruptError`: there is something to close and to say.

    Args:
        display: What is shown within; it is stopped at the end, also without Ctrl-C.
        message: What was finished and how to go on; called after Ctrl-C.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
    except KeyboardInterrupt:
        display.stop()
        raise InterruptError(message()) from None
    finally:
        display.stop()
