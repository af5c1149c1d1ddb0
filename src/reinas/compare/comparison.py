"""Runs of several policies on the same seeds, in parallel; each is stored once finished."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reinas.compare.runs import Run, RunSpec, run
from reinas.errors import ExecutorError, InvalidSettingError, SettingError, reason
from reinas.executors.process_pool import WorkerPool
from reinas.executors.worker import Lost
from reinas.registry import parameters, resolve
from reinas.store import Store
from reinas.store.runs import run_key
from reinas.tables.base import AbstractBenchmarkTable, Noise

BASELINE = "random"
"""The policy that the others are compared with, if it takes part."""


@dataclass(frozen=True)
class PolicySpec:
    """A policy of a comparison.

    Args:
        label: The name that the comparison shows.
        settings: The policy's name and all of its parameters but the seed.
        stopping: The settings of its rule of early stopping; None: all children are whole.
    """

    label: str
    settings: Mapping[str, Any]
    stopping: Mapping[str, Any] | None = None


def policy_spec(label: str, settings: Mapping[str, Any]) -> PolicySpec:
    """Check a policy's settings and add its defaults, since stored runs are keyed by all settings.

    Args:
        label: The name that the comparison shows.
        settings: The policy's `name`, and the parameters that differ from the defaults.

    Returns:
        The policy, without a seed: each run has its own.

    Raises:
        InvalidSettingError: The policy or a parameter is not known, or has a value of another type.
    """
    target, checked = resolve("policy", settings)
    defaults = {key: value for key, value in parameters(target).items() if key != "seed"}
    return PolicySpec(label, {"name": settings["name"], **defaults, **checked})


def with_stopping(specs: Sequence[PolicySpec], stopping: Mapping[str, Any]) -> list[PolicySpec]:
    """Each policy without early stopping, then the same with it.

    Args:
        specs: The policies.
        stopping: The settings of the rule.

    Returns:
        Twice as many; the label of those with the rule ends in its name.
    """
    result = []
    for spec in specs:
        label = f"{spec.label}+{stopping['name']}"
        result += [spec, replace(spec, label=label, stopping=stopping)]
    return result


@dataclass(frozen=True)
class Problem:
    """What a comparison searches.

    Args:
        name: Its name for readers.
        settings: The settings of the table, or of the space and the task.
        reward: Name of the reward.
        maximise: Whether a higher reward is better; otherwise rewards are shown as losses.
        report: Name of the reported metric, which is hidden from the search.
    """

    name: str
    settings: Mapping[str, Any]
    reward: str
    maximise: bool = True
    report: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The finished runs of every policy.

    Args:
        problem: What was searched.
        policies: The policies.
        seeds: The seeds; each policy has one run per seed.
        evaluations: Number of evaluations per run.
        at: The checkpoints, in numbers of evaluations.
        runs: By the policy's label, in the order of the seeds.
        best: The best mean reward that the space has, for each seed; None if it is not known.
        random_best: What random search is expected to hold at each checkpoint, exactly; None if
            it is not known.
    """

    problem: Problem
    policies: tuple[PolicySpec, ...]
    seeds: tuple[int, ...]
    evaluations: int
    at: tuple[int, ...]
    runs: Mapping[str, Sequence[Run]]
    best: tuple[float, ...] | None = None
    random_best: tuple[float, ...] | None = None

    @property
    def baseline(self) -> str:
        """Label of the policy that the others are compared with: random search, or the first."""
        for spec in self.policies:
            if spec.settings["name"] == BASELINE:
                return spec.label
        return self.policies[0].label


def run_specs(
    tables: Sequence[AbstractBenchmarkTable],
    specs: Sequence[PolicySpec],
    seeds: Sequence[int],
    evaluations: int,
    *,
    noise: Noise = "mean",
    batch_size: int | None = None,
    reuse: bool = True,
) -> list[RunSpec]:
    """The runs of a comparison on tables.

    Args:
        tables: One per seed; they may be the same.
        specs: The policies.
        seeds: The seeds.
        evaluations: Number of evaluations per run.
        noise: What an evaluation gives (see `reinas.tables.base.Noise`).
        batch_size: Number of children per batch; None takes each policy's own.
        reuse: Whether a repeated architecture takes over its outcome or is evaluated again.

    Returns:
        One run per seed and policy; the policies of a seed follow each other.
    """
    return [
        RunSpec(
            table.settings,
            table.fingerprint,
            noise,
            spec.settings,
            batch_size,
            evaluations,
            reuse,
            seed,
            spec.stopping,
        )
        for table, seed in zip(tables, seeds, strict=True)
        for spec in specs
    ]


def assemble(
    problem: Problem,
    tables: Sequence[AbstractBenchmarkTable],
    specs: Sequence[PolicySpec],
    seeds: Sequence[int],
    evaluations: int,
    at: Sequence[int],
    runs: Sequence[Run],
    noise: Noise = "mean",
) -> Comparison:
    """Build the comparison from the runs of `run_specs`.

    Args:
        problem: What was searched.
        tables: One per seed.
        specs: The policies.
        seeds: The seeds.
        evaluations: Number of evaluations per run.
        at: The checkpoints, in numbers of evaluations.
        runs: In the order of `run_specs`.
        noise: What an evaluation gave.

    Returns:
        The comparison.
    """
    known = [table.best for table in tables]
    best = tuple(value for value in known if value is not None)
    return Comparison(
        problem,
        tuple(specs),
        tuple(seeds),
        evaluations,
        tuple(at),
        {c.label: runs[place :: len(specs)] for place, c in enumerate(specs)},
        best if len(best) == len(known) else None,
        _random_best(tables, specs, at, noise),
    )


def _random_best(
    tables: Sequence[AbstractBenchmarkTable],
    specs: Sequence[PolicySpec],
    at: Sequence[int],
    noise: Noise,
) -> tuple[float, ...] | None:
    """What random search is expected to hold, if that is known and can be compared with."""
    same = all(table.settings == tables[0].settings for table in tables)
    whole = all(spec.stopping is None for spec in specs)
    if not same or not whole or all(spec.settings["name"] != BASELINE for spec in specs):
        return None
    found = [tables[0].random_best(count, noise) for count in at]
    known = tuple(value for value in found if value is not None)
    return known if len(known) == len(found) else None


def check(specs: Sequence[PolicySpec], seeds: int, evaluations: int, at: Sequence[int]) -> None:
    """Check the size of a comparison.

    Args:
        specs: The policies; at least one, all with different labels.
        seeds: Number of seeds, at least 1.
        evaluations: Number of evaluations per run, at least 1.
        at: The checkpoints; at least one, each from 1 to `evaluations`.

    Raises:
        InvalidSettingError: One of them is out of range.
    """
    for key, value in (("seeds", seeds), ("evaluations", evaluations)):
        if value < 1:
            raise InvalidSettingError(key, f"must be at least 1, got {value}")
    if not specs:
        raise InvalidSettingError(
            "policies", "is empty: give one or more, such as random,evolution"
        )
    labels = [spec.label for spec in specs]
    for label in labels:
        if labels.count(label) > 1:
            raise InvalidSettingError("policies", f"has {label} twice: give each policy once")
    for checkpoint in at:
        if not 1 <= checkpoint <= evaluations:
            raise InvalidSettingError(
                "at",
                f"must be from 1 to the number of evaluations, {evaluations}; got {checkpoint}",
            )
    if not at:
        raise InvalidSettingError(
            "at", "is empty: give one or more numbers of evaluations, such as 50,100"
        )


def run_all(
    run_specs: Sequence[RunSpec],
    store: Store,
    workers: int,
    on_run: Callable[[], None] | None = None,
) -> list[Run]:
    """Execute runs, except those that are in the store.

    Each run is stored as soon as it is finished, so a call that was stopped can be repeated and
    continues.

    Args:
        run_specs: The runs.
        store: Where finished runs are kept.
        workers: Number of worker processes; 0 runs in this process.
        on_run: Called once per finished run, stored ones included.

    Returns:
        The runs, in the order of `run_specs`.

    Raises:
        SettingError: The settings of a run cannot work, or its table has changed.
        ExecutorError: A worker was lost, or a policy failed.
    """
    stored = store.runs()
    keys = [run_key(run_spec.settings) for run_spec in run_specs]
    found = {key: Run.of_state(state) for key, state in stored.get(keys).items()}
    missing = {
        key: run_spec for key, run_spec in zip(keys, run_specs, strict=True) if key not in found
    }
    if on_run is not None:
        for key in keys:
            if key in found:
                on_run()
    for key, result in _finished(missing, workers):
        stored.put(key, result.state())
        found[key] = result
        if on_run is not None:
            on_run()
    return [found[key] for key in keys]


def _finished(missing: Mapping[str, RunSpec], workers: int) -> Iterator[tuple[str, Run]]:
    """Pairs of a key and its run, as they finish."""
    if not workers:
        for key, run_spec in missing.items():
            try:
                yield key, run(run_spec)
            except (MemoryError, RuntimeError) as error:
                raise _failed(run_spec, reason(error)) from error
        return
    pool = WorkerPool(workers)
    try:
        for (key, run_spec), result in pool.run(_run_or_problem, list(missing.items())):
            if isinstance(result, Lost):
                raise _failed(run_spec, result.reason)
            if isinstance(result, str):
                raise SettingError(result)
            yield key, result
    finally:
        pool.close()


def _run_or_problem(item: tuple[str, RunSpec]) -> Run | str:
    """The run, or the problem with its settings; an exception would count as a lost worker."""
    try:
        return run(item[1])
    except SettingError as error:
        return str(error)


def _failed(run_spec: RunSpec, why: str) -> ExecutorError:
    return ExecutorError(f"policy {run_spec.policy['name']}, seed {run_spec.seed}: {why}")
