"""What both estimators have in common: the search, the network, and how X is read."""

import copy
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from reinas.devices import Placement
from reinas.errors import InvalidSettingError, ReinasError
from reinas.evaluators.trained import TrainedEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.executors.processes import Processes
from reinas.executors.serial import Serial
from reinas.export.saved import load, save
from reinas.finishing.finish import finish
from reinas.fitting.fit import fit as fit_minutes
from reinas.fitting.fit_observer import FitObserver
from reinas.fitting.plan import Plan, plan_for
from reinas.fitting.progress import ProgressBar
from reinas.objectives.base import Objective
from reinas.objectives.classification import Classification
from reinas.objectives.metrics import MetricSetting
from reinas.policies.bayes import BayesianSearch
from reinas.policies.starting import StartingWith
from reinas.sklearn.frames import FrameReader, learn_frame
from reinas.spaces.base import AbstractSpace
from reinas.store.memory_store import MemoryStore
from reinas.study.budget import Budget
from reinas.study.search import search
from reinas.tasks.arrays import Layout, channels_first
from reinas.tasks.in_memory import ArrayTask
from reinas.threads import cores

NAME = "estimator"
LEAST_SPLIT = 10
"""Fewer examples than these are all trained on, and measured on, too."""
PIECE = 512
"""Examples per forward pass."""


class AbstractEstimator(BaseEstimator):  # type: ignore[misc]
    """Searches, trains, keeps the network and reads X; a subclass reads y and predicts."""

    # BaseEstimator reads the parameters from the signature of each class's own __init__
    minutes: float | None
    trials: int | None
    epochs: int | None
    space: AbstractSpace[Any] | None
    metric: MetricSetting
    ensemble: int | None
    layout: Layout
    valid_share: float
    device: str
    n_jobs: int | None
    random_state: Any
    verbose: int

    def _fit(self, x: Any, y: NDArray[Any], objective: Objective, **more: Any) -> None:
        """Search, train, keep the network."""
        self._check_budget()
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        train, valid = self._split(y, seed, stratified=isinstance(objective, Classification))
        self._reader: FrameReader | None = None
        if x.ndim == 2:
            self._reader = learn_frame(x, train)
        x = self._read(x)
        # nothing is held back from people who cross-validate: the validation part is the "test"
        held = (x[valid], y[valid])
        task = ArrayTask(
            x[train],
            y[train],
            objective=objective,
            valid=held,
            test=held,
            metric=self.metric,
            whitening="quantile" if x.ndim == 2 else "channel",
            labels=self._reader.labels if self._reader else None,
            **more,
        )
        plan = self._plan(task)
        executor = self._executor()
        with tempfile.TemporaryDirectory() as folder:
            if self.trials is None:
                self._within_minutes(task, plan, executor, seed, Path(folder))
            else:
                self._within_trials(task, plan, executor, seed, Path(folder))
        self.architecture_ = self.study_.space.decode(tuple(self.network_.description["answers"]))
        self.history_ = [_row(trial) for trial in self.study_.trials]
        self.n_iter_ = len(self.history_)

    def _check_budget(self) -> None:
        if (self.minutes is None) == (self.trials is None):
            raise InvalidSettingError(
                "minutes", "or trials is the budget: give one of both, and None for the other"
            )
        if self.trials is not None and self.trials < 1:
            raise InvalidSettingError("trials", f"must be at least 1, got {self.trials}")

    def _split(
        self, y: NDArray[Any], seed: int, *, stratified: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to train on and to validate on; a class of one example is trained on."""
        every = np.arange(len(y))
        if len(y) < LEAST_SPLIT:
            return every, every
        strata = None
        alone = np.zeros(len(y), bool)
        if stratified:
            counts = np.bincount(y)
            alone = counts[y] < 2
            strata = y[~alone]
        shared = every[~alone]
        classes = 1 if strata is None else len(np.unique(strata))
        count = max(round(self.valid_share * len(shared)), classes, 2)
        if len(shared) - count < classes or len(shared) < 2:
            return every, every
        train, valid = train_test_split(shared, test_size=count, random_state=seed, stratify=strata)
        return np.concatenate([train, every[alone]]), valid

    def _plan(self, task: ArrayTask) -> Plan:
        """How to search: as `reinas.fit` does, or in the space that was given."""
        plan = plan_for(task)
        if self.space is not None:
            plan = Plan(self.space, task.recipe, by_recipe=True, members=plan.members)
        if self.epochs is not None:
            plan = replace(plan, recipe=replace(plan.recipe, epochs=self.epochs))
        return plan

    def _executor(self) -> AbstractExecutor:
        jobs = 1 if self.n_jobs is None else self.n_jobs
        count = max(1, cores() + 1 + jobs) if jobs < 0 else jobs
        return Serial() if count == 1 else Processes(count)

    def _observer(self) -> FitObserver:
        return ProgressBar() if self.verbose else FitObserver()

    def _within_minutes(
        self,
        task: ArrayTask,
        plan: Plan,
        executor: AbstractExecutor,
        seed: int,
        folder: Path,
    ) -> None:
        assert self.minutes is not None
        fitted = fit_minutes(
            task,
            minutes=self.minutes,
            seed=seed,
            plan=plan,
            ensemble=self.ensemble,
            placement=Placement(self.device, "auto"),
            executor=executor,
            store=MemoryStore(),
            name=NAME,
            folder=folder / NAME,
            observer=self._observer(),
        )
        self.network_, self.study_ = fitted.network, fitted.study

    def _within_trials(
        self,
        task: ArrayTask,
        plan: Plan,
        executor: AbstractExecutor,
        seed: int,
        folder: Path,
    ) -> None:
        assert self.trials is not None
        space, store = plan.space, MemoryStore()
        policy = BayesianSearch(space, seed=seed)
        starts = [space.encode(architecture) for architecture in plan.starts]
        self.study_ = search(
            space,
            StartingWith(policy, starts),
            TrainedEvaluator(task, plan.recipe, placement=Placement(self.device).resolved()),
            budget=Budget(trials=self.trials),
            store=store,
            name=NAME,
            seed=seed,
            executor=executor,
            observer=self._observer(),
        )
        if not self.study_.record.best():
            reasons = {t.outcome.error for t in self.study_.trials if t.outcome is not None}
            raise ReinasError(f"no network could be trained: {'; '.join(map(str, reasons))}")
        epochs = plan.recipe.epochs
        finish(store, NAME, space, task, folder=folder / NAME, grid=None, epochs=epochs)
        self.network_ = load(folder / NAME)

    # ---- reading X ---------------------------------------------------------------------------

    def _validated(self, x: Any, y: Any = None, *, reset: bool = False, **more: Any) -> Any:
        """X, or X and y, checked as scikit-learn has it; frames and images stay what they are."""
        if reset and y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        special = hasattr(x, "iloc") or (isinstance(x, np.ndarray) and x.ndim > 2)
        if special:
            if not len(x):
                raise ValueError(f"Found array with 0 sample(s) (shape={x.shape})")
            validate_data(self, x, reset=reset, skip_check_array=True)
        if not reset:
            return x if special else self._checked(x, reset=False)
        if special:
            y = np.asarray(y)
            if len(y) != len(x):
                raise ValueError(f"X has {len(x)} examples, but y has {len(y)} targets")
            return x, y
        return self._checked(x, y, ensure_min_samples=2, **more)

    def _checked(self, *given: Any, **more: Any) -> Any:
        kinds = [np.float64, np.float32]
        return validate_data(self, *given, dtype=kinds, ensure_all_finite="allow-nan", **more)

    def _read(self, x: Any) -> NDArray[Any]:
        """X as the network takes it: float32 [N, inputs], or channels first."""
        if x.ndim == 2:
            assert self._reader is not None
            return self._reader.read(x)
        return np.array(channels_first("X", x, self.layout), np.float32)

    def _outputs(self, x: Any) -> NDArray[np.float64]:
        """What the network gives for X: [N, outputs]."""
        import torch

        check_is_fitted(self)
        read, network = torch.from_numpy(self._read(self._validated(x))), self.network_
        if read.ndim == 2:
            # in float32 the last digits of a row depend on how many others are in the batch
            read, network = read.double(), copy.deepcopy(network).double()
        with torch.no_grad():
            outputs = torch.cat([network(piece) for piece in read.split(PIECE)])
        found: NDArray[np.float64] = outputs.cpu().numpy().astype(np.float64)
        return found

    # ---- taking it away ----------------------------------------------------------------------

    def export(self, path: str | Path) -> Path:
        """Write the network: `.onnx`, `.pt2`, or a folder that `reinas.load` reads.

        `reinas.export_source(model.network_, folder)` writes it as readable code.

        Args:
            path: The file, or the folder.

        Returns:
            The path.

        Raises:
            ReinasError: It cannot be written.
        """
        from reinas.export.formats import export_onnx, export_pt2

        check_is_fitted(self)
        place = Path(path)
        match place.suffix:
            case ".onnx":
                export_onnx(self.network_, place)
            case ".pt2":
                export_pt2(self.network_, place)
            case _:
                save(self.network_, place)
        return place

    def __getstate__(self) -> dict[str, Any]:
        """Everything but `study_`, which holds what only this process has."""
        state: dict[str, Any] = super().__getstate__()
        return {key: value for key, value in state.items() if key != "study_"}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.three_d_array = True
        return tags


def _row(trial: Any) -> dict[str, Any]:
    """A trial for `history_`."""
    outcome = trial.outcome
    return {
        "number": trial.number,
        "architecture": str(trial.architecture),
        "state": trial.state,
        "reward": outcome.reward,
        "seconds": outcome.seconds,
        **outcome.metrics,
    }
