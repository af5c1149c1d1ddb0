"""How the program ends after Ctrl-C. Imports nothing that takes time."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn, Protocol

from reinas.errors import InterruptError

INTERRUPTED = 2


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


def at_once(_signal: int, _frame: FrameType | None) -> NoReturn:
    """The answer to Ctrl-C while nothing has begun.

    An exception would not do: imported C++ code loses it, or aborts the process over it.
    """
    os.write(2, b"reinas: interrupted\n")
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
