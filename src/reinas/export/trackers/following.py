"""Sends a study's trials to a tracker, once or for as long as it runs."""

import time
from collections.abc import Callable
from typing import Any

from reinas.errors import InvalidSettingError, SettingError, nearest
from reinas.export.trackers.base import StudyOf, Tracker, tracked_trials
from reinas.export.trackers.mlflow import MlflowTracker
from reinas.export.trackers.tables import ParquetTracker, TableTracker
from reinas.export.trackers.tensorboard import TensorBoardTracker
from reinas.spaces.base import AbstractSpace
from reinas.store import AbstractStore

TRACKERS: dict[str, Callable[[StudyOf, str], Tracker]] = {
    "csv": TableTracker,
    "mlflow": MlflowTracker,
    "parquet": ParquetTracker,
    "tensorboard": TensorBoardTracker,
}
"""What the KIND of `KIND:PLACE` may be."""
PIECE = 200
"""Trials that are written at a time."""
PAUSE = 1.0
"""Seconds between two looks at a study that runs."""


def make_tracker(target: str, study: StudyOf) -> Tracker:
    """The tracker that a target names.

    Args:
        target: `tensorboard:FOLDER`, `mlflow:URI`, `csv:FILE` or `parquet:FILE`.
        study: Whose trials it takes.

    Raises:
        InvalidSettingError: There is no such tracker, or its place is missing.
        ReinasError: It cannot be used here.
    """
    kind, _, place = target.partition(":")
    if kind not in TRACKERS:
        raise InvalidSettingError("to", f"'{kind}' is not known: {nearest(kind, TRACKERS)}")
    if not place:
        raise InvalidSettingError("to", f"needs a place, as in {kind}:PLACE")
    return TRACKERS[kind](study, place)


class Sender:
    """Sends the finished trials of a study to a tracker; each once, whatever was killed.

    Args:
        store: Has the study.
        name: The study's name.
        target: As in `make_tracker`.
        space: Names the decisions; None leaves them out.

    Attributes:
        known: The numbers of the trials that are there.
        written: How many this sender has written.

    Raises:
        ReinasError: There is no such study, or the tracker cannot be used.
    """

    def __init__(
        self, store: AbstractStore, name: str, target: str, space: AbstractSpace[Any] | None
    ) -> None:
        self._store, self._name, self._space = store, name, space
        record = store.get(name)
        self._study = StudyOf(record.name, record.created, record.settings)
        self._tracker = make_tracker(target, self._study)
        self.known = self._tracker.known()
        self.written = 0

    def send(self) -> None:
        """Write the trials that have finished since.

        Raises:
            ReinasError: The study is another one by now, or the tracker fails.
        """
        record = self._store.get(self._name)
        if record.created != self._study.created:
            raise SettingError(f"'{self._name}' has been replaced by another study: export it anew")
        if record.count()[1] == len(self.known):
            return
        trials = tracked_trials(record, self._space, self.known)
        for first in range(0, len(trials), PIECE):
            piece = trials[first : first + PIECE]
            self._tracker.add(piece)
            self.written += len(piece)
            self.known |= {trial.number for trial in piece}


def is_over(store: AbstractStore, name: str) -> bool:
    """Whether a study has as many finished trials as its budget."""
    record = store.get(name)
    return record.count()[1] >= record.trials


def export_trials(
    store: AbstractStore,
    name: str,
    target: str,
    *,
    space: AbstractSpace[Any] | None = None,
    follow: bool = False,
) -> int:
    """Send the finished trials of a study to TensorBoard, MLflow, or a file.

    Called again, it sends what is not there yet; each trial is there once, whatever was killed.

    Args:
        store: Has the study.
        name: The study's name.
        target: `tensorboard:FOLDER`, `mlflow:URI`, `csv:FILE` or `parquet:FILE`.
        space: Names the decisions; None leaves them out.
        follow: Go on until the study has as many trials as its budget.

    Returns:
        How many trials were written.

    Raises:
        ReinasError: There is no such study, or the tracker fails.
    """
    sender = Sender(store, name, target, space)
    while True:
        ended = is_over(store, name)
        sender.send()
        if ended or not follow:
            return sender.written
        time.sleep(PAUSE)
