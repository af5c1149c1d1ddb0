"""Where a fit keeps its files, and what it may go on from."""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reinas.errors import FileError, SettingError
from reinas.evaluators.trained import TrainedEvaluator
from reinas.export.saved import make_folder
from reinas.recorded import different, plain
from reinas.store import AbstractStore, Store

FIT = {"fit": True}
"""How a fit's study is told from a search."""


@contextmanager
def workplace(home: AbstractStore, name: str) -> Iterator[Path]:
    """The folder for checkpoints: beside the store, or a temporary one where that is memory.

    Args:
        home: The store.
        name: The study's name.

    Yields:
        The folder; it stays only where a fit that was stopped can go on from it.

    Raises:
        FileError: It cannot be made.
    """
    if not isinstance(home, Store):
        with tempfile.TemporaryDirectory(prefix="reinas-") as folder:
            yield Path(folder)
        return
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    work = Path(f"{home.location}.{digest}.fit")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{work} cannot be made for checkpoints: {error.strerror}") from None
    try:
        yield work
    except BaseException:
        if not any(work.glob("*.pt")):  # nothing to go on from
            shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)


@contextmanager
def network_folder(place: Path) -> Iterator[None]:
    """The network's folder: made before time is spent; removed if it stays empty.

    Args:
        place: The folder.

    Raises:
        FileError: It cannot be made.
    """
    make_folder(place)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            place.rmdir()


def check_known(home: AbstractStore, name: str, evaluated: TrainedEvaluator) -> None:
    """Refuse to go on with what is finished, or was begun otherwise, before the time runs.

    Args:
        home: The store.
        name: The study's name.
        evaluated: How the fit that is to go on measures networks.

    Raises:
        SettingError: The store has a study of that name that is another one.
    """
    known = home.find(name)
    if known is None:
        return
    if known.final() is not None:
        raise SettingError(
            f"'{name}' is finished, and its test part was measured once: choose another name"
        )
    before, now_given = known.settings["evaluator"], plain(evaluated.settings)
    if known.settings.get("schedule") != FIT or before.get("data") != now_given.get("data"):
        what = (
            "is not a fit" if known.settings.get("schedule") != FIT else "was begun with other data"
        )
        raise SettingError(f"'{name}' {what}: choose another name")
    if differing := different(before, now_given):
        shown = ", ".join(key for key, _, _ in differing[:5])
        raise SettingError(
            f"'{name}' was begun with other settings ({shown}): choose another name, or give those"
        )
