"""TensorBoard: a run per trial, and one for the study."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reinas.errors import FileError, SettingError
from reinas.export.trackers.base import StudyOf, TrackedTrial, Tracker

ABOUT = "reinas.json"
STUDY = "study"
PART = ".part-"
NUMBERED = re.compile(r"trial-(\d+)")
EVENTS = re.compile(r"events\.out\.tfevents\.(\d+)\.reinas")


class TensorBoardTracker(Tracker):
    """Event files in `folder/NAME`: trial-0007 has its curve and parameters, `study` the rewards.

    A trial's folder is written beside and then moved, so it is there whole or not at all.

    Args:
        study: Whose trials.
        folder: The log directory that TensorBoard is given.

    Raises:
        SettingError: tensorboardX is not installed, or the folder has another study of that name.
        FileError: The folder cannot be written.
    """

    def __init__(self, study: StudyOf, folder: str) -> None:
        super().__init__(study)
        try:
            import tensorboardX  # noqa: F401 (fails now rather than after hours)
        except ImportError:
            raise SettingError(
                "TensorBoard needs tensorboardX: install it with `pip install 'reinas[trackers]'`"
            ) from None
        self._home = Path(folder) / study.name.replace("/", "-")
        with self._writing():
            self._home.mkdir(parents=True, exist_ok=True)
            about = self._home / ABOUT
            if not about.exists():
                about.write_text(json.dumps({"study": study.identity}) + "\n", encoding="utf-8")
            found = json.loads(about.read_text(encoding="utf-8"))["study"]
            for rest in self._home.glob(f"{PART}*"):  # of an export that was killed
                shutil.rmtree(rest)
        if found != study.identity:
            raise SettingError(
                f"{self._home} has another study, '{found}': give another folder, or delete it"
            )

    def known(self) -> set[int]:
        """Those that have a folder and their reward among the study's."""
        with self._writing():
            folders = [NUMBERED.fullmatch(place.name) for place in self._home.iterdir()]
            files = [EVENTS.fullmatch(place.name) for place in self._home.glob(f"{STUDY}/*")]
        there = {int(found[1]) for found in folders if found}
        return there & {int(found[1]) for found in files if found}

    def add(self, trials: Sequence[TrackedTrial]) -> None:
        """Write a folder per trial, and its reward to the study's run."""
        for trial in trials:
            with self._writing():
                self._write(trial)

    def _write(self, trial: TrackedTrial) -> None:
        place = self._home / f"trial-{trial.number:04}"
        if not place.exists():
            with self._events(place.name, trial.ended) as (writer, draft):
                _scalars(writer, trial)
            os.rename(draft, place)
        study = self._home / STUDY
        study.mkdir(exist_ok=True)
        with self._events(STUDY, trial.ended) as (writer, draft):
            if trial.reward is not None:
                writer.add_scalar("reward", trial.reward, trial.number, trial.ended)
            writer.add_scalar("failed", int(trial.state == "failed"), trial.number, trial.ended)
        (file,) = draft.iterdir()
        os.rename(file, study / f"events.out.tfevents.{trial.number:010}.reinas")
        draft.rmdir()

    @contextmanager
    def _events(self, name: str, ended: float) -> Iterator[tuple[Any, Path]]:
        from tensorboardX import SummaryWriter

        draft = self._home / f"{PART}{name}"
        writer = SummaryWriter(str(draft), write_to_disk=True)
        try:
            yield writer, draft
        finally:
            writer.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FileError(f"{self._home} cannot be written: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise FileError(f"{self._home / ABOUT} is damaged: delete {self._home}") from None


def _scalars(writer: Any, trial: TrackedTrial) -> None:
    """The curve, the metrics, and the parameters for TensorBoard's own table of them."""
    from tensorboardX.summary import hparams

    for step, values in trial.curve:
        for name, value in values.items():
            writer.add_scalar(f"epoch/{name}", value, step, trial.ended)
    for name, value in trial.metrics.items():
        writer.add_scalar(name, value, trial.number, trial.ended)
    if trial.reward is not None:
        writer.add_scalar("hparam/reward", trial.reward, trial.number, trial.ended)
    if trial.error is not None:
        writer.add_text("error", trial.error, trial.number, trial.ended)
    params = {name: _plain(value) for name, value in trial.params.items()}
    for summary in hparams(params, {"hparam/reward": trial.reward or 0.0}):
        writer.file_writer.add_summary(summary)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)
