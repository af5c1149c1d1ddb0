"""What can go wrong, as a tree.

ReinasError                 everything that reinas raises on purpose
├── SettingError            a name, key or value that a person gave (also a ValueError)
│   ├── AnswersError        answers that do not belong to the space
│   └── BuildError          an architecture and a task that do not fit together
├── StoreError              the database: not one, another version, read-only, full
│   ├── BusyError           another process is working on the same search
│   └── UnknownSearchError  no search of that name
├── FileError               a file that cannot be read, written or understood
├── ExecutorError           the worker processes cannot be kept alive
└── InterruptError          stopped by Ctrl-C; what was finished is kept

Messages say what was expected, what came, and what to do. On the command line each is one
line on standard error; `status` is the process's exit status.
"""

import difflib
from collections.abc import Iterable


class ReinasError(Exception):
    """Everything that reinas raises on purpose."""

    status = 1


class SettingError(ReinasError, ValueError):
    """A name, key or value that a person gave is not one that works."""

    status = 2


class AnswersError(SettingError):
    """Answers that do not belong to the space."""


class BuildError(SettingError):
    """An architecture and a task that do not fit together."""


class StoreError(ReinasError):
    """The store cannot be read or written."""

    status = 2


class BusyError(StoreError):
    """Another process is working on the same search."""


class UnknownSearchError(StoreError):
    """No search of that name is in the store."""


class FileError(ReinasError):
    """A file cannot be read, written or understood."""

    status = 2


class ExecutorError(ReinasError):
    """The worker processes cannot be kept alive."""


class InterruptError(ReinasError):
    """Stopped by the user; everything that was finished is kept."""

    status = 2


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of the known words, or all of them.

    >>> nearest("digit", ["digits", "wine"])
    "did you mean 'digits'?"
    >>> nearest("zzz", ["digits", "wine"])
    'there are digits, wine'
    """
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{close[0]}'?" if close else "there are " + ", ".join(known)
