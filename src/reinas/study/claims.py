"""Who holds a running trial: one worker at a time, and none that has ended."""

import contextlib
import os
import platform
import time
import weakref
from pathlib import Path
from typing import ClassVar

from reinas.store.values import Claim
from reinas.system import process_exists


class Holder:
    """A study object as a holder of trials, told apart from all others on all machines.

    Its name is machine:process/start.number, another one in each process. A holder on this
    machine whose process has ended, or whose study object is gone, is known to have ended; others
    only by their lease.

    Args:
        lease: Seconds for which a claim holds unless it is renewed.
    """

    _living: ClassVar["weakref.WeakValueDictionary[str, Holder]"] = weakref.WeakValueDictionary()
    _count: ClassVar[int] = 0

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._process = 0
        self._name = ""

    @property
    def name(self) -> str:
        """The name in this process: a study object that a fork has copied is another holder."""
        if self._process != os.getpid():
            Holder._count += 1
            self._process = os.getpid()
            self._name = f"{_process(self._process)}.{Holder._count}"
            Holder._living[self._name] = self
        return self._name

    def leave(self) -> None:
        """Give up all that it holds; what it claims later it holds under another name."""
        Holder._living.pop(self._name, None)
        self._process = 0

    def claim(self) -> Claim:
        """A claim from now on."""
        return Claim(self.name, time.time() + self._lease)


def is_gone(holder: str) -> bool:
    """Whether a holder is known to have ended; False where it is on another machine."""
    process, _, _ = holder.rpartition(".")
    machine, _, rest = process.rpartition(":")
    number, _, _ = rest.partition("/")
    if machine != platform.node() or not number.isdigit():
        return False
    if process == _process(os.getpid()):
        return holder not in Holder._living
    return _process(int(number)) != process


def _process(number: int) -> str:
    """A process and when it began: another one may have the same number later."""
    start = "gone"
    with contextlib.suppress(OSError, ValueError, IndexError):
        if Path("/proc/self/stat").exists():
            # the name in brackets may hold spaces; the start is the 20th field after it
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            start = "gone" if fields[0] in "ZX" else fields[19]
        elif process_exists(number):
            start = "0"
    return f"{platform.node()}:{number}/{start}"
