"""Files from their official homes into a cache, checked by their sums."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from reinas.errors import FileError

PIECE = 1 << 18  # bytes
PATIENCE = 30.0  # seconds without an answer


@dataclass(frozen=True, slots=True)
class Remote:
    """A public file: its name, the addresses that it is under, its SHA-256 sum."""

    name: str
    homes: tuple[str, ...]
    sha256: str


def cache() -> Path:
    """Where downloads are kept: $XDG_CACHE_HOME/reinas, or ~/.cache/reinas."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reinas"


def fetch(remote: Remote, folder: Path) -> Path:
    """The file in `folder`, downloaded from the first home that gives it whole.

    What is there with the right sum is kept. A download takes its name only when it is
    complete and its sum is right; `FileError` says what went wrong with each home.
    """
    path = folder / remote.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{remote.name}.lock"):
            if path.exists() and digest(path) == remote.sha256:
                return path
            problems = []
            for home in remote.homes:
                problem = _try(home, remote, path)
                if problem is None:
                    return path
                problems.append(" ".join(problem.split()))
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from error
    raise FileError(
        f"{remote.name} could not be downloaded, and nothing of it was kept:"
        f" {'; '.join(problems)}. Try again, or put the file into a folder and set"
        " task.folder to it"
    )


def check_sum(path: Path, remote: Remote) -> None:
    """Raise `FileError` unless the file is the public one."""
    found = digest(path)
    if found != remote.sha256:
        raise FileError(
            f"{path} is damaged or another file: its SHA-256 sum is {found}, expected"
            f" {remote.sha256}. Remove it and download it again"
        )


def digest(path: Path) -> str:
    """A file's SHA-256 sum."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _try(home: str, remote: Remote, path: Path) -> str | None:
    """Download from one home; what went wrong, or None."""
    draft = path.with_name(f".{remote.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:  # with the rights that the user's umask leaves
            problem = _receive(home + remote.name, file)
        if problem is None and (found := digest(draft)) != remote.sha256:
            problem = f"{home}: its SHA-256 sum is {found}, expected {remote.sha256}"
        if problem is None:
            draft.replace(path)
        return problem
    finally:
        draft.unlink(missing_ok=True)


def _receive(address: str, file: IO[bytes]) -> str | None:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            length = answer.headers.get("Content-Length") or ""
            size = int(length) if length.isdigit() else 0
            received = _copy(answer, file, size, address.rpartition("/")[2])
    except urllib.error.HTTPError as error:
        return f"{address} answered {error.code} {error.reason}"
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as e:
        return f"{address} cannot be reached ({getattr(e, 'reason', None) or e})"
    if size and received != size:
        return f"{address} was cut off after {received:,} of {size:,} bytes"
    return None


def _copy(answer: Any, file: IO[bytes], size: int, name: str) -> int:
    """Copy with a progress bar on standard error; how many bytes came."""
    bar = Progress(
        TextColumn("downloading " + name, markup=False),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    received = 0
    with bar:
        task = bar.add_task("", total=size or None)
        while piece := answer.read(PIECE):
            file.write(piece)
            received += len(piece)
            bar.update(task, completed=received)
    return received
