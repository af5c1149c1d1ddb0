"""MLflow: a run per trial, within one of the study."""

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from reinas.errors import ReinasError, SettingError
from reinas.export.trackers.base import StudyOf, TrackedTrial, Tracker

STUDY, TRIAL = "reinas.study", "reinas.trial"
"""Tags that tell runs: whose they are, and of which trial."""
MOST_METRICS, MOST_PARAMS, MOST_TEXT = 1000, 100, 5000
"""What a server takes in one call, and characters per parameter."""
PAGE = 1000
ODD = re.compile(r"[^\w\-. /]")
"""Characters that names of metrics and parameters may not have."""


class MlflowTracker(Tracker):
    """Runs on a tracking server or in a database: `sqlite:///mlflow.db`, `http://...`.

    The experiment is `reinas`; a study is a run there, and its trials are the runs within. A run
    that was not ended is of an export that was killed, and is written again.

    Args:
        study: Whose trials.
        uri: As `mlflow.set_tracking_uri` takes it.

    Raises:
        SettingError: MLflow is not installed.
        ReinasError: The server cannot be reached, or refuses.
    """

    def __init__(self, study: StudyOf, uri: str) -> None:
        super().__init__(study)
        try:
            from mlflow import MlflowClient
        except ImportError:
            raise SettingError(
                "MLflow needs mlflow-skinny: install it with `pip install 'reinas[trackers]'`"
            ) from None
        self._uri = uri
        with self._asking():
            self._client: Any = MlflowClient(uri)
            found = self._client.get_experiment_by_name("reinas")
            self._experiment = (
                found.experiment_id if found else self._client.create_experiment("reinas")
            )
            self._parent = self._study_run()

    def known(self) -> set[int]:
        """The trials whose runs have ended; others are deleted here."""
        there = set()
        for run in self._runs(f"tags.`{TRIAL}` != '' and tags.`{STUDY}` = {self._quoted}"):
            if run.info.end_time is None:
                with self._asking():
                    self._client.delete_run(run.info.run_id)
            else:
                there.add(int(run.data.tags[TRIAL]))
        return there

    def add(self, trials: Sequence[TrackedTrial]) -> None:
        """Write a run per trial, and its reward to the study's run."""
        for trial in trials:
            with self._asking():
                self._write(trial)

    def _write(self, trial: TrackedTrial) -> None:
        from mlflow.entities import Metric, Param, RunTag

        ended = round(1000 * trial.ended)
        tags = {
            "mlflow.runName": f"{self.study.name} {trial.number}",
            "mlflow.parentRunId": self._parent,
            STUDY: self.study.identity,
            TRIAL: str(trial.number),
            "reinas.state": trial.state,
        }
        if trial.error is not None:
            tags["reinas.error"] = trial.error[:MOST_TEXT]
        begun = round(1000 * trial.begun)
        run = self._client.create_run(self._experiment, start_time=begun, tags=tags).info.run_id
        metrics = [Metric(_name(k), v, ended, trial.number) for k, v in trial.metrics.items()]
        metrics += [
            Metric(_name(f"epoch/{name}"), value, ended, step)
            for step, values in trial.curve
            for name, value in values.items()
        ]
        if trial.reward is not None:
            reward = Metric("reward", trial.reward, ended, trial.number)
            metrics.append(reward)
            self._client.log_batch(self._parent, metrics=[reward])
        params = [Param(_name(k), str(v)[:MOST_TEXT]) for k, v in trial.params.items()]
        for first in range(0, len(params), MOST_PARAMS):
            self._client.log_batch(run, params=params[first : first + MOST_PARAMS])
        for first in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(run, metrics=metrics[first : first + MOST_METRICS])
        self._client.log_batch(self._parent, tags=[RunTag("reinas.trials", str(trial.number + 1))])
        status = "FAILED" if trial.state == "failed" else "FINISHED"
        self._client.set_terminated(run, status=status, end_time=ended)

    def _study_run(self) -> str:
        """The run of the study, found or made."""
        for run in self._runs(f"tags.`{STUDY}` = {self._quoted}"):
            if TRIAL not in run.data.tags:
                return str(run.info.run_id)
        tags = {"mlflow.runName": self.study.name, STUDY: self.study.identity}
        run = self._client.create_run(self._experiment, tags=tags)
        self._client.set_terminated(run.info.run_id)  # it is no process, and never waits
        return str(run.info.run_id)

    def _runs(self, wanted: str) -> Iterator[Any]:
        token = None
        while True:
            with self._asking():
                page = self._client.search_runs(
                    [self._experiment], wanted, max_results=PAGE, page_token=token
                )
            yield from page
            token = page.token
            if not token:
                return

    @property
    def _quoted(self) -> str:
        """The study's identity in a filter, which has no escapes: other quotes become wildcards."""
        return "'" + self.study.identity.replace("'", "_") + "'"

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Ask the server quietly; what it raises is one sentence."""
        from mlflow.exceptions import MlflowException

        loud = logging.getLogger("mlflow").level
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (MlflowException, OSError) as error:
            text = " ".join(str(error).split())[:300]
            raise ReinasError(f"MLflow at {self._uri} cannot be written: {text}") from None
        finally:
            logging.getLogger("mlflow").setLevel(loud)


def _name(text: str) -> str:
    return ODD.sub("_", text)
