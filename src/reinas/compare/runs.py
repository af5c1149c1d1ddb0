"""One run: one policy, one seed, so many evaluations; and what is kept of it."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.evaluators.tabular import MEAN, REPORTED, TabularEvaluator
from reinas.executors.serial import Serial
from reinas.policies.base import AbstractPolicy, State
from reinas.recorded import plain
from reinas.registry import find, make, parameters
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.study.budget import Budget
from reinas.study.schedules import Synchronous
from reinas.study.stopping import NAMED, AbstractStopping
from reinas.study.study import Study
from reinas.tables.base import AbstractBenchmarkTable
from reinas.types import Answers, Trial

Floats = NDArray[np.float64]
OWN = "own_seconds"
"""The diagnostic that says how long a policy thought."""


@dataclass(frozen=True)
class Run:
    """What happened, evaluation by evaluation; every array is [evaluations].

    `rewards` is what the policy saw (NaN: failed), `means` the same without noise, `reported` the
    metric it did not see (NaN where there is none), `seconds` what the evaluation cost by the
    table or in training, `places` the number of the first evaluation of the same architecture.
    `own_seconds` is what the policy itself took in all. `costs` is what the evaluation cost in
    whole trainings: below 1 for a child that was stopped early; None where none was.
    """

    rewards: Floats
    means: Floats
    reported: Floats
    seconds: Floats
    places: NDArray[np.int64]
    own_seconds: float
    costs: Floats | None = None

    @property
    def spent(self) -> Floats:
        """What was spent by each evaluation, in whole trainings [evaluations]."""
        return np.cumsum(np.ones(len(self.rewards)) if self.costs is None else self.costs)

    @property
    def pruned(self) -> NDArray[np.bool_]:
        """Which evaluations were stopped early [evaluations]."""
        if self.costs is None:
            return np.zeros(len(self.rewards), bool)
        return (self.costs < 1) & np.isnan(self.rewards)

    def state(self) -> State:
        """As named arrays."""
        costs = {} if self.costs is None else {"costs": self.costs}
        return {
            "rewards": self.rewards,
            "means": self.means,
            "reported": self.reported,
            "seconds": self.seconds,
            "places": self.places,
            "own_seconds": np.array([self.own_seconds]),
            **costs,
        }

    @staticmethod
    def of_state(state: State) -> "Run":
        """What `state()` gave."""
        arrays = {key: value for key, value in state.items() if key != "own_seconds"}
        return Run(**arrays, own_seconds=float(state["own_seconds"][0]))


@dataclass(frozen=True)
class RunSpec:
    """A run on a table, by settings alone: a worker process makes the rest.

    The same specification gives the same run, on any number of cores.
    """

    table: Mapping[str, Any]
    fingerprint: str | None
    """Which data they are (None: any): a table that has changed gives other runs."""
    noise: str
    policy: Mapping[str, Any]
    batch_size: int | None
    evaluations: int
    reuse: bool
    seed: int
    stopping: Mapping[str, Any] | None = None
    """The rule of early stopping, by its settings."""

    @property
    def settings(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        stopping = {} if self.stopping is None else {"stopping": dict(self.stopping)}
        return plain(
            {
                "table": dict(self.table),
                "data": self.fingerprint,
                "noise": self.noise,
                "policy": dict(self.policy),
                "batch_size": self.batch_size,
                "evaluations": self.evaluations,
                "reuse": self.reuse,
                "seed": self.seed,
                **stopping,
            }
        )


class TimedPolicy(AbstractPolicy):
    """A policy with a stop watch: its diagnostics say how long it thought for each batch."""

    def __init__(self, policy: AbstractPolicy) -> None:
        self.policy = policy
        self.batch_size = policy.batch_size
        self.seconds = 0.0  # since the last update

    @property
    def settings(self) -> Mapping[str, Any]:
        """The policy's own."""
        return self.policy.settings

    def continue_stopped(self) -> bool:
        """Whether the policy does."""
        return self.policy.continue_stopped()

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """The policy's proposals."""
        start = time.perf_counter()
        proposed = self.policy.propose(count, length=length, seed=seed)
        self.seconds += time.perf_counter() - start
        return proposed

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """The policy's diagnostics."""
        start = time.perf_counter()
        said = self.policy.update(trials)
        seconds, self.seconds = self.seconds + time.perf_counter() - start, 0.0
        return {**said, OWN: seconds}

    def state(self) -> State:
        """The policy's own."""
        return self.policy.state()

    def restore(self, state: State) -> None:
        """To the policy."""
        self.policy.restore(state)


@lru_cache(maxsize=2)
def _table(settings: tuple[tuple[str, Any], ...]) -> AbstractBenchmarkTable:
    table: AbstractBenchmarkTable = make("table", dict(settings))
    return table


def table_of(settings: Mapping[str, Any]) -> AbstractBenchmarkTable:
    """The table with these settings, made once a process."""
    return _table(tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in settings.items()))


def policy_of(settings: Mapping[str, Any], space: AbstractSpace[Any], seed: int) -> AbstractPolicy:
    """The policy, with initial weights of this seed where it has any."""
    settings = dict(settings)
    if "seed" in parameters(find("policy", settings["name"])):
        settings = {"seed": derive(seed, "policy"), **settings}
    policy: AbstractPolicy = make("policy", settings, space=space)
    return policy


def run(spec: RunSpec) -> Run:
    """The run that a specification describes."""
    table = table_of(spec.table)
    if spec.fingerprint not in (None, table.fingerprint):  # changed since this process read it
        _table.cache_clear()
        table = table_of(spec.table)
    if spec.fingerprint not in (None, table.fingerprint):
        raise SettingError(f"the table {dict(spec.table)} has changed meanwhile: compare anew")
    evaluator = TabularEvaluator(table, spec.noise)  # type: ignore[arg-type]
    space = evaluator.table.space
    study = Study(
        space,
        TimedPolicy(policy_of(spec.policy, space, spec.seed)),
        seed=spec.seed,
        batch_size=spec.batch_size,
        budget=Budget(spec.evaluations),
        reuse=spec.reuse,
        stopping=None if spec.stopping is None else rule_of(spec.stopping),
        continuing=True,
    )
    Synchronous().run(study, evaluator, Serial())
    return of_trials(
        study.record.finished(),
        study.record.diagnostics(),
        table.steps,
        continuing=study.continuing,
    )


def rule_of(settings: Mapping[str, Any]) -> AbstractStopping:
    """The rule of early stopping with these settings."""
    values = dict(settings)
    return NAMED[values.pop("name")](**values)


def of_trials(
    trials: Sequence[Trial],
    diagnostics: Sequence[tuple[int, Mapping[str, float]]],
    steps: int | None = None,
    *,
    continuing: bool = False,
) -> Run:
    """A run from its finished trials, and what a policy with a clock said of its batches.

    Args:
        trials: All of them, in the order proposed.
        diagnostics: By batch.
        steps: How many steps a whole training has, for the cost of trials that were stopped early.
        continuing: Whether a trial of the same architecture goes on where such a one was stopped.
    """
    first: dict[Answers, int] = {}
    places = []
    columns: list[tuple[float, float, float, float]] = []
    for number, trial in enumerate(trials):
        outcome = trial.outcome
        if outcome is None:
            raise SettingError(f"trial {trial.number} is not finished: this is no whole run")
        reward = np.nan if outcome.reward is None else outcome.reward
        reported = outcome.metrics.get(REPORTED, np.nan)
        columns.append((reward, outcome.metrics.get(MEAN, reward), reported, outcome.seconds))
        key = trial.answers if trial.repeat_of is None else trials[trial.repeat_of].answers
        places.append(first.setdefault(key, number))
    rewards, means, reports, seconds = np.array(columns, np.float64).T
    own_seconds = math.fsum(said.get(OWN, 0.0) for _, said in diagnostics)
    costs = None if steps is None else _costs(trials, steps, continuing=continuing)
    return Run(rewards, means, reports, seconds, np.array(places), own_seconds, costs)


def _costs(trials: Sequence[Trial], steps: int, *, continuing: bool) -> Floats:
    """What each trial cost in whole trainings; one that goes on where another was stopped, less."""
    reached: dict[Answers, int] = {}
    costs = []
    for trial in trials:
        pruned = None if trial.outcome is None else trial.outcome.pruned
        step = steps if pruned is None else pruned.step
        before = reached.get(trial.answers, 0) if trial.repeat_of is None else 0
        costs.append((step - before) / steps)
        if pruned is not None and continuing:
            reached[trial.answers] = step
    return np.array(costs)
