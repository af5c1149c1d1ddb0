"""What can go wrong, as a tree.

ReinasError                 everything that reinas raises on purpose
├── SettingError            a name, key or value that a person gave (also a ValueError)
│   ├── InvalidSettingError one setting; has its key and the problem
│   ├── AnswersError        answers that do not belong to the space
│   └── BuildError          an architecture and a task that do not fit together
├── StoreError              the database: not one, another version, read-only, full
│   ├── BusyError           another process is working on the same search
│   └── UnknownSearchError  no search of that name
├── FileError               a file that cannot be read, written or understood
├── TrialError              a trial that is not in the state that a call needs
├── TooCostlyError          a child that exceeds a limit, and is not trained
├── ExecutorError           the worker processes cannot be kept alive
└── InterruptError          stopped by Ctrl-C; what was finished is kept

Messages say what was expected, what came, and what to do. On the command line each is one
line on standard error; `status` is the process's exit status.
"""

import difflib
import re
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path


class ReinasError(Exception):
    """Everything that reinas raises on purpose."""

    status = 1


class SettingError(ReinasError, ValueError):
    """A name, key or value that a person gave is not one that works."""

    status = 2


class InvalidSettingError(SettingError):
    """One setting is unknown, of the wrong type or out of range.

    Args:
        key: The setting's dotted key, such as `policy.learning_rate`. The command line adds the
            option, a configuration file its line.
        problem: What is wrong, as a phrase that follows the key.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key} {problem}")
        self.key = key
        self.problem = problem

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Pickle both parts, so that worker processes can raise it."""
        return InvalidSettingError, (self.key, self.problem)


class AnswersError(SettingError):
    """Answers that do not belong to the space."""


class BuildError(SettingError):
    """An architecture and a task that do not fit together."""


class StoreError(ReinasError):
    """The store cannot be read or written."""

    status = 2


class BusyError(StoreError):
    """Another process is working on the same search."""


class OutdatedStoreError(StoreError):
    """The store is of an earlier version and may only be read."""


class UnknownSearchError(StoreError):
    """No search of that name is in the store."""


class FileError(ReinasError):
    """A file cannot be read, written or understood."""

    status = 2


class TrialError(ReinasError):
    """A trial is not in the state that a call needs: without a reward, or finished already."""


class ExecutorError(ReinasError):
    """The worker processes cannot be kept alive."""


class InterruptError(ReinasError):
    """Stopped by the user; everything that was finished is kept."""

    status = 2


class TooCostlyError(ReinasError):
    """A child exceeds a limit on its cost, so it is not trained."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of the known words, or all of them.

    >>> nearest("digit", ["digits", "wine"])
    "did you mean 'digits'?"
    >>> nearest("zzz", ["digits", "wine"])
    'there are digits, wine'
    """
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{close[0]}'?" if close else _listed(known)


def _listed(known: Sequence[str]) -> str:
    return f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"


CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
LONGEST = 2000
"""Characters that are kept of a reason."""


def without_controls(text: str) -> str:
    r"""The text with a mark in place of each control character but line ends and tabs.

    Also of each lone surrogate, which no encoding has.

    >>> without_controls("a\x1b[31mb")
    'a�[31mb'
    """
    return CONTROLS.sub("\ufffd", text)


def is_text(text: str) -> bool:
    r"""Whether every encoding has it; not so what a terminal in another encoding gave.

    >>> is_text("Büro"), is_text("\udcff")
    (True, False)
    """
    return text.encode(errors="replace").decode() == text


def recordable(text: str) -> str:
    r"""A reason as a store keeps it: text that any encoding has, and not megabytes of it.

    >>> recordable("no file \udcff")
    'no file \\udcff'
    """
    plain = text[: LONGEST + 1].encode("utf-8", "backslashreplace").decode("utf-8")
    return plain if len(text) <= LONGEST else f"{plain[:LONGEST]} …"


def reason(error: BaseException) -> str:
    """One line that says what went wrong with a child, and where."""
    try:
        said = str(error)
    except Exception:  # what it says of itself may be wrong, too
        said = "an error that cannot be put into words"
    text = recordable(said.strip().partition("\n")[0])
    if isinstance(error, ReinasError):
        return text  # written for people
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return "out of memory: " + (text or "an allocation was refused")
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{where}"
