"""An error hook for worker processes: silences one harmless traceback at Ctrl-C.

Only the process that forks the workers imports this module, before anything else. If Ctrl-C ends a
search while a worker is being forked, the locks that the two share are gone before the worker opens
them, and Python would print a traceback about it.
"""

import sys
import traceback
from multiprocessing import synchronize
from types import TracebackType


def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an uncaught error, unless it is a shared lock removed before it could be opened.

    Args:
        kind: The error's type.
        error: The error.
        trace: Its traceback.
    """
    files = {frame.filename for frame in traceback.extract_tb(trace)}
    if issubclass(kind, FileNotFoundError) and synchronize.__file__ in files:
        return
    sys.__excepthook__(kind, error, trace)


sys.excepthook = hook
