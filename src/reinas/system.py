"""What differs between systems: memory, processes, signals, and what they talk through.

Linux and macOS have all of it. Where Windows lacks something the function does without, and says
so; the rest of reinas asks nobody but this module.
"""

import contextlib
import importlib.util
import multiprocessing
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reinas.errors import FileError

GIB = 1 << 30
CONTAINER = Path("/sys/fs/cgroup/memory.max")
MOUNTS = Path("/proc/self/mounts")
NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs", "gpfs"),
    *("beegfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "davfs"),
}
"""Kinds of file systems whose files several machines see."""
UNKNOWN_MEMORY = 8.0
"""GiB that are assumed where the system does not say how much there is."""
ALIVE = 259
"""What Windows gives as the exit code of a process that runs."""


def machine_memory() -> float:
    """The machine's memory in GiB, or the container's limit where that is less."""
    names: Any = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    else:
        total = _windows_memory()
    if CONTAINER.is_file() and (text := CONTAINER.read_text().strip()).isdigit():
        total = min(total, int(text) / GIB)
    return total


def _windows_memory() -> float:
    """The machine's memory in GiB by Windows's own call."""
    import ctypes

    windll: Any = getattr(ctypes, "windll", None)
    if windll is None:
        return UNKNOWN_MEMORY
    kibibytes = ctypes.c_ulonglong(0)
    known = windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kibibytes))
    return float(kibibytes.value) / (1 << 20) if known else UNKNOWN_MEMORY


def network_file_system(path: Path) -> str | None:
    """The kind of network file system that a file is on; None where it is on none.

    Args:
        path: The file, or where it will be.

    Returns:
        A name such as "nfs4". None also where the system does not tell.
    """
    if not MOUNTS.is_file():
        return None
    folder = str(path.absolute().parent.resolve())
    best, kind = "", ""
    for line in MOUNTS.read_text(errors="replace").splitlines():
        _, place, found, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        inside = folder == place or folder.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):  # a later mount hides an earlier one
            best, kind = place, found
    return kind if kind in NETWORK else None


def check_ends(path: Path) -> None:
    """Refuse what cannot be read from its beginning to its end.

    Args:
        path: A path. Where nothing is there, opening it says so.

    Raises:
        FileError: It is a pipe or a device, which would be waited for without end.
    """
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode):
            raise FileError(
                f"{path} is a pipe or a device, which may never end: write what it gives to a file"
            )


def be_nice() -> None:
    """Let all other processes go first, where the system knows that."""
    nice: Any = getattr(os, "nice", None)
    if nice is not None:
        nice(10)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Within, Ctrl-C waits for the end of what is begun; for things that take milliseconds.

    An interruption in the middle of SQLAlchemy's own code would lose a connection with its lock,
    and the next transaction of this very process would wait for it. Other threads than the main
    one are not interrupted anyway.
    """
    answer = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(answer):
        yield
        return
    came: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, answer)
        if came:
            answer(*came[0])


def limit_memory(size: int, *, hard: bool = True) -> bool:
    """Let this process's allocations fail beyond so many bytes.

    Args:
        size: Bytes of data.
        hard: Whether the process may not raise the limit again.

    Returns:
        Whether the system can do that; Windows cannot.
    """
    if importlib.util.find_spec("resource") is None:
        return False
    import resource

    with contextlib.suppress(ValueError, OSError):  # a lower hard limit stays in force
        top = size if hard else resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_DATA, (size, top))
    return True


def memory_of(process: int) -> int:
    """Bytes in memory that are a process's own or that it shares with others, files left out.

    `limit_memory` does not reach what processes share (`mmap` with `MAP_SHARED`).

    Args:
        process: Its number.

    Returns:
        0 where it has ended, or the system does not say.
    """
    kinds = ("RssAnon:", "RssShmem:")
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(kinds))
    return 0


def start_method() -> str:
    """How worker processes begin: forked from a server that is ready, else from nothing."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Within, Ctrl-C waits; processes that begin within inherit that, but not on Windows."""
    masked: Any = getattr(signal, "pthread_sigmask", None)
    if masked is None:
        yield
        return
    before = masked(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        masked(signal.SIG_SETMASK, before)


def lead_group() -> None:
    """Make this process the leader of a group, in which all that it starts is."""
    lead: Any = getattr(os, "setpgid", None)
    if lead is not None:
        with contextlib.suppress(OSError):  # it leads a session, and so a group, already
            lead(0, 0)


def kill_group(leader: int) -> None:
    """Kill all processes of a group, also after its leader has ended; Windows has no groups.

    Args:
        leader: The leader's number; 0 is this process's own group.
    """
    kill: Any = getattr(os, "killpg", None)
    if kill is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(leader, signal.SIGKILL)


def process_exists(number: int) -> bool:
    """Whether a process of that number runs.

    Args:
        number: Its number on this machine.
    """
    if os.name != "nt":
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True  # somebody else's
        return True
    return _runs_on_windows(number)  # os.kill would end it there


def _runs_on_windows(number: int) -> bool:
    import ctypes

    kernel: Any = getattr(ctypes, "windll", None)
    handle = kernel.kernel32.OpenProcess(0x1000, False, number)
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.kernel32.CloseHandle(handle)
    return bool(code.value == ALIVE)


def datagrams(folder: str) -> tuple[socket.socket, str]:
    """A socket that receives messages of this machine's processes.

    Args:
        folder: Where the socket is, if the system has sockets in folders.

    Returns:
        The socket, and its address for `send_datagram`.
    """
    if hasattr(socket, "AF_UNIX"):
        path = str(Path(folder) / "reports")
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        unix.bind(path)
        return unix, path
    local = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    local.bind(("127.0.0.1", 0))
    return local, f"127.0.0.1:{local.getsockname()[1]}"


def send_datagram(address: str, message: bytes, seconds: float = 0.0) -> None:
    """Send a message; dropped if nobody receives it in time.

    Args:
        address: From `datagrams`.
        message: What is sent.
        seconds: How long to wait for room.
    """
    host, _, port = address.rpartition(":")
    is_local = host == "127.0.0.1"
    family = socket.AF_INET if is_local else socket.AF_UNIX
    target: Any = (host, int(port)) if is_local else address
    with socket.socket(family, socket.SOCK_DGRAM) as out, contextlib.suppress(OSError):
        out.settimeout(seconds)
        out.sendto(message, target)
