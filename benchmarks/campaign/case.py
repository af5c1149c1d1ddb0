"""One disturbed search: its folder, its processes, and what has to hold afterwards."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.campaign.searches import Plan, run
from reinas import MemoryStore, Store
from reinas.store import checking

ROOT = Path(__file__).parents[2]
MARK = "REINAS_CAMPAIGN"
LONGEST = 180.0
"""Seconds after which a program counts as hanging."""
GRACE = 15.0
"""Seconds in which a program's processes have to be gone after it."""
KILLED = ("was killed by SIGKILL", "the server that forks workers was killed")
"""The reasons of a trial whose worker was killed twice."""


class ViolatedError(AssertionError):
    """Something did not hold."""


class SkippedError(Exception):
    """The machine cannot do that."""


class Case:
    """A folder of its own, and programs that are started there and disturbed.

    Args:
        seed: Decides everything that the case does but for the timing of other processes.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.mark = uuid.uuid4().hex
        self.kills = 0
        self._parent = tempfile.TemporaryDirectory(prefix="reinas-campaign-")
        self.folder = Path(self._parent.name)
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()

    @property
    def store(self) -> str:
        """The store of most cases."""
        return str(self.folder / "s.db")

    def start(
        self, arguments: list[str], *, shell: str = "", **environment: str
    ) -> "subprocess.Popen[str]":
        """A Python program in a session of its own, whose processes are all known by a mark.

        Args:
            arguments: Python's arguments.
            shell: Shell code that ends with the program, which it has as "$0" "$@".
            environment: Further variables.
        """
        command = ["sh", "-c", shell] if shell else []
        own = {MARK: self.mark, "TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1"}
        own["TORCHINDUCTOR_CACHE_DIR"] = str(self.folder / "torch")  # of all programs with torch
        path = {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "src")))}
        return subprocess.Popen(
            [*command, sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, **path, **own, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> list[int]:
        """All living processes of the case."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                alive = (folder / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
                if alive and wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def names(self) -> list[str]:
        """The beginnings of their commands."""
        return [_command(number).replace("\0", " ")[:120] for number in self.processes()]

    def titled(self, *words: str) -> list[int]:
        """Those whose command has one of the words."""
        return [n for n in self.processes() if any(word in _command(n) for word in words)]

    def of_ray(self, *words: str) -> list[int]:
        """Ray's workers and actors whose titles begin so."""
        titles = tuple(f"ray::{word}" for word in words)
        return [n for n in self.processes() if _command(n).startswith(titles)]

    def kill(self, numbers: list[int], how: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to one of the processes, chosen at random; False where there is none."""
        if not numbers:
            return False
        with suppress(ProcessLookupError):
            os.kill(self.rng.choice(numbers), how)
            self.kills += how == signal.SIGKILL
        return True

    def disturb(
        self, program: "subprocess.Popen[str]", act: Callable[[], object], apart: float
    ) -> None:
        """Do something at random moments until the program has ended.

        Args:
            program: The program.
            act: What is done.
            apart: Seconds between two times, on average.
        """
        deadline = time.monotonic() + LONGEST
        while program.poll() is None and time.monotonic() < deadline:
            with suppress(subprocess.TimeoutExpired):
                program.wait(self.rng.expovariate(1 / apart))
            if program.poll() is None:
                act()

    def disturb_once(
        self, program: "subprocess.Popen[str]", act: Callable[[], object], apart: float
    ) -> bool:
        """Do something at one random moment; False where the program has ended before it.

        Args:
            program: The program.
            act: What is done.
            apart: After so many seconds, on average.
        """
        with suppress(subprocess.TimeoutExpired):
            program.wait(self.rng.expovariate(1 / apart))
        if running := program.poll() is None:
            act()
        return running

    def kill_once(self, program: "subprocess.Popen[str]", apart: float) -> None:
        """Kill a program at a random moment, or wait until it has ended before that.

        Args:
            program: The program.
            apart: After so many seconds, on average.
        """
        self.disturb_once(program, lambda: self.kill([program.pid]), apart)
        program.wait()

    def ended(self, program: "subprocess.Popen[str]") -> tuple[int, str]:
        """The status of a program and what it said; all its processes have to be gone."""
        try:
            _, said = program.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise ViolatedError(f"the program did not end within {LONGEST:.0f} s") from None
        if "Traceback" in said:
            raise ViolatedError(f"a traceback: {said[-1500:]}")
        self.check_gone()
        return program.returncode, said

    def check_gone(self) -> None:
        """No process is left."""
        deadline = time.monotonic() + GRACE
        while left := self.processes():
            if time.monotonic() > deadline:
                names = self.names()
                self.kill_all()
                raise ViolatedError(f"{len(left)} processes are left after {GRACE} s: {names}")
            time.sleep(0.05)

    def kill_all(self) -> None:
        """End whatever is left."""
        for number in self.processes():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def to_the_end(self, plan: Plan, **environment: str) -> None:
        """Undisturbed, the search comes to its end, and leaves nothing in the temporary folder."""
        for left in self.temporary.iterdir():  # what SIGKILL has left cannot tidy up
            subprocess.run(["rm", "-rf", left], check=True)
        status, said = self.ended(self.start(plan.command, **environment))
        if status != 0:
            raise ViolatedError(f"resumed, it ended with status {status}: {said.strip()}")
        if left := [path.name for path in self.temporary.iterdir() if path.name != "ray"]:
            raise ViolatedError(f"files are left: {left}")
        if left := [path.name for path in self.folder.glob("*.lock")]:
            raise ViolatedError(f"locks are left: {left}")

    def check(self, plan: Plan, *, may_lose: bool = False) -> int:
        """The store is whole and has what the undisturbed search has.

        Args:
            plan: The search.
            may_lose: Whether trials may have failed because their workers were killed twice.

        Returns:
            How many did.
        """
        store = Store(plan.store)
        if found := checking.problems(store):
            raise ViolatedError(f"the store is damaged: {found}")
        trials, learned = _story(store.get("s"))
        wanted, lessons = truth(replace(plan, store="", pause=0.0))
        errors = {t.number: t.outcome.error or "" for t in store.get("s").finished() if t.outcome}
        store.close()
        killed = [n for n, error in errors.items() if any(words in error for words in KILLED)]
        lost = killed if may_lose else []
        if lost and plan.policy != "random":  # what comes later was learned from the failure
            last = next(row[1] for row in trials if row[0] == lost[0])
            trials, wanted = ([row for row in rows if row[1] <= last] for rows in (trials, wanted))
        same = [row for row in trials if row[0] not in lost]
        if same != [row for row in wanted if row[0] not in lost]:
            raise ViolatedError(_difference(same, wanted))
        if not lost and learned != lessons:
            raise ViolatedError("the policy learned something else")
        return len(lost)

    def close(self) -> None:
        """Nothing is left of the case."""
        self.kill_all()
        self._parent.cleanup()


def _command(number: int) -> str:
    """A process's command, empty where it has ended."""
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _story(record: Any) -> tuple[list[Any], Any]:
    """Everything about a search that must not depend on how often it was stopped."""
    trials = [
        (t.number, t.batch, t.answers, t.repeat_of, t.outcome.reward) for t in record.finished()
    ]
    number, state = record.snapshot()
    arrays = {name: array.tobytes() for name, array in state.items()}
    return trials, (record.diagnostics(), number, arrays)


@cache
def truth(plan: Plan) -> tuple[list[Any], Any]:
    """What the search finds when nothing disturbs it."""
    return _story(run(plan, MemoryStore()).record)


def _difference(found: list[Any], wanted: list[Any]) -> str:
    if len(found) != len(wanted):
        return f"{len(found)} trials in place of {len(wanted)}"
    first = next(pair for pair in zip(found, wanted, strict=True) if pair[0] != pair[1])
    return f"trial {first[1][0]} should be {first[1]} and is {first[0]}"


@contextmanager
def case(seed: int) -> Iterator[Case]:
    """A case that leaves nothing behind."""
    made = Case(seed)
    try:
        yield made
    finally:
        made.close()
