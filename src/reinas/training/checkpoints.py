"""Checkpoints of paused children: files beside the store, a limit on the disk that they take.

A checkpoint saves time and changes nothing: without it a child is trained anew from its beginning,
and its numbers come out the same. So whatever is wrong with a file is a warning, never an error.
"""

import contextlib
import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reinas.errors import FileError, InvalidSettingError
from reinas.training.checkpoint_file import read_checkpoint, write_checkpoint
from reinas.types import Place

GIB = 1 << 30
DISK_LIMIT = 10.0  # GiB, by default
SUFFIX = ".pt"


def write(place: Place, state: Mapping[str, Any]) -> None:
    """Write a checkpoint, as a whole or not at all; a warning where it cannot be written.

    The folder is the study's: a machine without it has another disk, which nobody would sweep.

    Args:
        place: Where, and whose it is.
        state: Tensors, numbers, text, None, and lists and dictionaries of these.
    """
    try:
        write_checkpoint(Path(place.path), place.identity, state)
    except FileError as error:
        _warn(error)


def read(place: Place) -> dict[str, Any] | None:
    """Read a checkpoint; only tensors and plain values are read, never code.

    Args:
        place: Where, and whose it should be.

    Returns:
        The state, with its tensors on the CPU; None where there is no file, and, with a warning,
        where it is torn, foreign or of another version.
    """
    path = Path(place.path)
    if not path.exists():
        return None
    try:
        return read_checkpoint(path, place.identity)
    except FileError as error:
        _warn(error)
        return None


def _warn(error: FileError) -> None:
    warnings.warn(
        f"{error}; the child is trained anew from its beginning, to the same numbers",
        stacklevel=3,
    )


def checked_limit(limit: float) -> float:
    """The limit in GiB; `InvalidSettingError` below 0."""
    if not limit >= 0:
        raise InvalidSettingError("disk_limit", f"must be at least 0 GiB, got {limit}")
    return limit


class Checkpoints:
    """The checkpoints of one study's children.

    Args:
        folder: Where they are kept. None: in a folder of their own that is removed with this
            object.
        identity: Tells the study from all others.
        limit: GiB that they may take; beyond it, those of the lowest scores are deleted.

    Raises:
        InvalidSettingError: The limit is below 0.
    """

    def __init__(self, folder: Path | None, identity: str, limit: float = DISK_LIMIT) -> None:
        self._folder, self._identity, self._limit = folder, identity, checked_limit(limit)
        self._own: tempfile.TemporaryDirectory[str] | None = None

    def place(self, trial: int) -> Place:
        """The place of a trial's checkpoint; the folder is made.

        Args:
            trial: The trial's number.
        """
        if self._folder is None:
            self._own = tempfile.TemporaryDirectory(prefix="reinas-")
            self._folder = Path(self._own.name)
        with contextlib.suppress(OSError):  # writing warns of it
            self._folder.mkdir(parents=True, exist_ok=True)
        text = f"{self._identity}, trial {trial}"
        identity = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return Place(str(self._folder / f"{trial}{SUFFIX}"), identity)

    def sweep(self, trial: int) -> None:
        """Delete a trial's checkpoint, and what a killed worker left of it."""
        if self._folder is not None:
            for path in self._folder.glob(f"{trial}{SUFFIX}*"):
                path.unlink(missing_ok=True)

    def keep(self, scores: Mapping[int, float]) -> None:
        """Delete all but these trials' checkpoints, and the lowest scores' beyond the limit.

        Args:
            scores: The paused trials' last scores.
        """
        if self._folder is None or not self._folder.is_dir():
            return
        left = self._limit * GIB
        known = {f"{trial}{SUFFIX}": score for trial, score in scores.items()}
        for path in self._folder.iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)
        for name in sorted(known, key=lambda name: -known[name]):
            path = self._folder / name
            if path.exists():
                left -= path.stat().st_size
                if left < 0:
                    path.unlink()

    def close(self) -> None:
        """Remove the folder where it is empty or nobody's but this object's."""
        if self._own is not None:
            shutil.rmtree(self._own.name, ignore_errors=True)
            self._own.cleanup()
            self._own = self._folder = None
        elif self._folder is not None:
            for folder in (self._folder, self._folder.parent):
                with contextlib.suppress(OSError):
                    folder.rmdir()
