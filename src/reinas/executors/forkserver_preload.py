"""Loaded first by the process that forks the workers, and by nothing else.

Ctrl-C may end a search while a worker is being forked. The locks that the worker was to share are
gone then, and Python would print a traceback of it. A worker that has lost its search before it
began has nothing to say.
"""

import sys
import traceback
from multiprocessing import synchronize
from types import TracebackType


def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print what went wrong, unless it is a lock that was removed before it could be opened."""
    files = {frame.filename for frame in traceback.extract_tb(trace)}
    if issubclass(kind, FileNotFoundError) and synchronize.__file__ in files:
        return
    sys.__excepthook__(kind, error, trace)


sys.excepthook = hook
