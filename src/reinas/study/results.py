"""What a study has found so far."""

import contextlib
from abc import ABC
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic

from reinas.errors import SettingError, TrialError
from reinas.fronts import check_objectives, front
from reinas.report.notebook import study_html
from reinas.report.report import task_of
from reinas.report.rows import trial_row
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.store import AbstractRecord
from reinas.types import A, Trial

if TYPE_CHECKING:
    import pandas


class Results(ABC, Generic[A]):
    """The trials of a record, with their architectures.

    Args:
        space: The space that the trials belong to.
        record: Where they are kept.
        seed: The study's seed.
    """

    def __init__(self, space: AbstractSpace[A], record: AbstractRecord, seed: int) -> None:
        self.space, self.record, self.seed = space, record, seed

    @property
    def name(self) -> str:
        """The study's name in the store."""
        return self.record.name

    @property
    def trials(self) -> list[Trial[A]]:
        """Every trial, finished or not, in the order proposed."""
        return [self.decoded(trial) for trial in self.record.all_trials()]

    @property
    def best_trial(self) -> Trial[A]:
        """The complete trial with the highest reward; of equal ones the earliest.

        Raises:
            TrialError: No trial is complete.
        """
        best = self.record.best()
        if not best:
            raise TrialError(
                f"'{self.name}' has no complete trial yet, so none is the best:"
                f" {_states(self.record.all_trials())}"
            )
        return self.decoded(best[0])

    @property
    def best_architecture(self) -> A:
        """The best trial's architecture.

        Raises:
            TrialError: No trial is complete.
        """
        return self.space.decode(self.best_trial.answers)

    def front(self, *objectives: str) -> list[Trial[A]]:
        """The Pareto front: the complete trials that no other one beats in all objectives.

        Args:
            *objectives: `reward`, `parameters`, `flops`, `latency`, or other metrics of outcomes.
                None: those of the policy.

        Returns:
            The trials by the first objective, best first.

        Raises:
            InvalidSettingError: There are fewer than two objectives.
        """
        named = objectives or tuple(self.record.settings["policy"].get("objectives", ()))
        found = front(self.record.all_trials(), check_objectives(named, "objectives"))
        return [self.decoded(trial) for trial in found]

    def dataframe(self) -> "pandas.DataFrame":
        """All trials as a pandas data frame, one row per trial: `pip install reinas[pandas]`.

        Columns: number, batch, state, reward, seconds, architecture, repeat_of, error, `front`
        (whether it is on the Pareto front) where there are several objectives, one per metric
        (`metrics.NAME`), and one per decision (`decisions.NAME`; None where the decision is not
        active).

        Raises:
            SettingError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise SettingError("a data frame needs pandas: pip install 'reinas[pandas]'") from None
        trials = self.record.all_trials()
        texts = self.record.texts(trial.number for trial in trials)
        frame = pandas.DataFrame([trial_row(self.space, t, texts[t.number]) for t in trials])
        if objectives := self.record.settings.get("policy", {}).get("objectives"):
            best = {trial.number for trial in front(trials, objectives)}
            frame.insert(4, "front", [trial.number in best for trial in trials])
        return frame

    def _repr_html_(self) -> str:
        """How notebooks show it: how far it is, its best architectures, a drawing."""
        best = self.best_trial if self.record.best() else None
        task = task_of(self.record.settings) if best is not None else None
        return study_html(self.record, best, task)

    def decoded(self, trial: Trial, worker: str | None = None) -> Trial[A]:
        """The trial with its architecture, its seed and, if given, the worker that holds it."""
        architecture: Any = None
        with contextlib.suppress(Exception):  # the trial is a failed one, and has the reason
            architecture = self.space.decode(trial.answers)
        seed = derive(self.seed, "evaluate", trial.number)
        held = trial.worker if worker is None else worker
        return replace(trial, architecture=architecture, seed=seed, worker=held)


def _states(trials: list[Trial]) -> str:
    counts = Counter(trial.state for trial in trials)
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "0 trials"
