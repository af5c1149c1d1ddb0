"""Disks that are full, fail or are read-only, clocks that step, memory that runs out."""

import errno
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from benchmarks.campaign.case import Case, SkippedError, ViolatedError
from benchmarks.campaign.kills import POLICIES
from benchmarks.campaign.searches import Plan, run
from reinas import MemoryStore, Store
from reinas.store import AbstractRecord

SOURCE = Path(__file__).with_name("faults.c")
SAID = {
    errno.ENOSPC: "is on a full disk: make room, then resume",
    errno.EIO: "the disk reports an error",
    errno.EROFS: "cannot be",
}
CGROUPS = Path("/sys/fs/cgroup/memory")


@cache
def faults() -> str:
    """The library that lets calls fail, compiled."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise SkippedError("there is no C compiler")
    made = Path(tempfile.mkdtemp(prefix="reinas-faults-"), "faults.so")
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", made, SOURCE, "-ldl"]
    subprocess.run(command, check=True)
    return str(made)


def _plan(case: Case, kind: str = "serial", **more: object) -> Plan:
    usual = {"policy": case.rng.choice(POLICIES), "seed": case.rng.randrange(4), "pause": 0.002}
    return replace(Plan(case.store, kind), **{**usual, **more})


def failing_disk(error: int, first: int, count: int = 0) -> dict[str, str]:
    """The variables under which writes of the store fail.

    Args:
        error: With what.
        first: From which write or fsync on.
        count: How many fail; 0 for all.
    """
    return {
        "LD_PRELOAD": faults(),
        "FAULTS_PATH": "s.db",
        "FAULTS_AT": str(first),
        "FAULTS_COUNT": str(count),
        "FAULTS_ERROR": str(error),
    }


def disk_errors(case: Case) -> str:
    """The n-th write or fsync of the store fails: once, a few times, or for good."""
    plan = _plan(case)
    error = case.rng.choice((errno.EIO, errno.ENOSPC, errno.EROFS))
    first, count = case.rng.randint(1, 400), case.rng.choice((0, 0, 1, 3))
    shim = failing_disk(error, first, count)
    status, said = case.ended(case.start(plan.command, **shim))
    if status not in (0, 2) or (status == 2 and "reinas: " not in said):
        raise ViolatedError(f"status {status} after {os.strerror(error)}: {said.strip()}")
    if status == 2 and not any(words in said for words in SAID.values()):
        raise ViolatedError(f"not said: {said.strip()}")
    case.to_the_end(plan)
    case.check(plan)
    return f"{errno.errorcode[error]} ended it" if status else "came to its end"


def full_disk(case: Case) -> str:
    """A small file system fills up; with room again the search goes on."""
    place = case.folder / "small"
    place.mkdir()
    size = case.rng.randint(150, 600)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", place], capture_output=True
    )
    if mounted.returncode:
        raise SkippedError("file systems cannot be mounted")
    try:
        plan = _plan(case, trials=400, store=str(place / "s.db"))
        status, said = case.ended(case.start(plan.command))
        if status != 2 or SAID[errno.ENOSPC] not in said:
            raise ViolatedError(f"status {status}: {said.strip()}")
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        case.to_the_end(plan)
        case.check(plan)
    finally:
        subprocess.run(["umount", "-l", place], check=True)
    return f"{size} KiB"


def clock(case: Case) -> str:
    """The wall clock steps by up to an hour, forwards and backwards, all the time."""
    plan = _plan(case, case.rng.choice(("serial", "workers", "ask")))
    shim = {"LD_PRELOAD": faults(), "FAULTS_CLOCK": str(case.rng.randint(1, 10**6))}
    case.to_the_end(plan, **shim)
    case.check(plan)
    return ""


def children_without_memory(case: Case) -> str:
    """Children ask for more memory than a worker may have: they fail alone, with the reason."""
    plan = _plan(case, "workers", hog=True)
    case.to_the_end(plan)
    case.check(plan)
    hungry = _hungry(Store(plan.store).get("s"))
    wanted = _hungry(run(replace(plan, store="", pause=0.0), MemoryStore()).record)
    if hungry.keys() != wanted.keys():
        raise ViolatedError(f"the trials {list(wanted)} want too much, {list(hungry)} failed")
    if not all(reason.startswith("out of memory") for reason in hungry.values()):
        raise ViolatedError(f"the reasons are {hungry}")
    return f"{len(hungry)} failed"


def _hungry(record: AbstractRecord) -> dict[int, str]:
    """The trials that failed for want of memory, and what they say."""
    reasons = {t.number: t.outcome.error or "" for t in record.finished() if t.outcome}
    return {number: reason for number, reason in reasons.items() if "memory" in reason}


def machine_without_memory(case: Case) -> str:
    """The system kills what exceeds the memory of a control group."""
    group = CGROUPS / f"reinas-{case.mark}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(case.rng.randint(250, 900) << 20))
    except OSError:
        shutil.rmtree(group, ignore_errors=True)
        raise SkippedError("there are no control groups to be had") from None
    plan = _plan(case, "workers", policy="random", pause=0.02)
    try:
        enter = f'echo 0 > {group}/cgroup.procs; exec "$0" "$@"'
        program = case.start(plan.command, shell=enter)
        program.communicate(timeout=120)
        case.check_gone()
    except subprocess.TimeoutExpired:
        case.kill_all()
        raise ViolatedError("without memory it neither goes on nor ends") from None
    finally:
        case.kill_all()
        case.check_gone()
        group.rmdir()
    case.to_the_end(plan)
    lost = case.check(plan, may_lose=True)
    return f"status {program.returncode}, {lost} trials lost"


ALL = {
    "disk that returns errors": disk_errors,
    "full disk": full_disk,
    "clock that steps": clock,
    "children without memory": children_without_memory,
    "machine without memory": machine_without_memory,
}
