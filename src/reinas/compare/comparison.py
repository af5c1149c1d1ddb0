"""Many runs: all policies on the same seeds, over all cores, each kept when it is finished."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reinas.compare.runs import Run, RunSpec, run
from reinas.errors import ExecutorError, SettingError, reason
from reinas.executors.process_pool import Lost, WorkerPool
from reinas.registry import parameters, resolve
from reinas.store import Store
from reinas.store.runs import run_key
from reinas.tables.base import AbstractBenchmarkTable, Noise

BASELINE = "random"


@dataclass(frozen=True)
class PolicySpec:
    """A policy with its settings, under the name that the comparison shows."""

    label: str
    settings: Mapping[str, Any]


def policy_spec(label: str, settings: Mapping[str, Any]) -> PolicySpec:
    """The policy of these settings, checked, with the defaults of all others written out.

    A run is known by all of its settings; a seed is given to each run by itself.
    """
    target, checked = resolve("policy", settings)
    defaults = {key: value for key, value in parameters(target).items() if key != "seed"}
    return PolicySpec(label, {"name": settings["name"], **defaults, **checked})


@dataclass(frozen=True)
class Problem:
    """What is searched, in words, and what is known of it.

    With `maximise` false rewards are shown negated, as the losses that they are. `report` is the
    metric that the search may not see.
    """

    name: str
    settings: Mapping[str, Any]
    reward: str
    maximise: bool = True
    report: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The finished runs of every contender, one a seed, in the order of the seeds.

    `best` is the best mean reward that there is for each seed, where that is known.
    """

    problem: Problem
    policies: tuple[PolicySpec, ...]
    seeds: tuple[int, ...]
    evaluations: int
    at: tuple[int, ...]
    runs: Mapping[str, Sequence[Run]]
    best: tuple[float, ...] | None = None

    @property
    def baseline(self) -> str:
        """Whom all others are compared with: random search, or else the first."""
        for policy_spec in self.policies:
            if policy_spec.settings["name"] == BASELINE:
                return policy_spec.label
        return self.policies[0].label


def plans(
    tables: Sequence[AbstractBenchmarkTable],
    specs: Sequence[PolicySpec],
    seeds: Sequence[int],
    evaluations: int,
    *,
    noise: Noise = "mean",
    batch_size: int | None = None,
    reuse: bool = True,
) -> list[RunSpec]:
    """One plan for each seed and contender, contenders together; `tables` is one a seed."""
    return [
        RunSpec(
            table.settings,
            table.fingerprint,
            noise,
            policy_spec.settings,
            batch_size,
            evaluations,
            reuse,
            seed,
        )
        for table, seed in zip(tables, seeds, strict=True)
        for policy_spec in specs
    ]


def gathered(
    problem: Problem,
    tables: Sequence[AbstractBenchmarkTable],
    specs: Sequence[PolicySpec],
    seeds: Sequence[int],
    evaluations: int,
    at: Sequence[int],
    runs: Sequence[Run],
) -> Comparison:
    """The comparison that the runs of `plans` make, in their order."""
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
    )


def check(specs: Sequence[PolicySpec], seeds: int, evaluations: int, at: Sequence[int]) -> None:
    """Raise `SettingError` unless these can be compared."""
    for key, value in (("seeds", seeds), ("evaluations", evaluations)):
        if value < 1:
            raise SettingError(f"{key} must be at least 1, got {value}")
    if not specs:
        raise SettingError("which policies? Give one or more, such as --policies random,evolution")
    labels = [policy_spec.label for policy_spec in specs]
    for label in labels:
        if labels.count(label) > 1:
            raise SettingError(f"policy {label} is given twice: once is enough")
    for checkpoint in at:
        if not 1 <= checkpoint <= evaluations:
            raise SettingError(
                f"a checkpoint must be from 1 to the number of evaluations, {evaluations};"
                f" got {checkpoint}"
            )
    if not at:
        raise SettingError("at which numbers of evaluations? Give one or more, such as --at 50,100")


def run_all(
    plans: Sequence[RunSpec],
    store: Store,
    workers: int,
    on_run: Callable[[], None] | None = None,
) -> list[Run]:
    """The run of every plan. What the store has already is not run again.

    A run is kept as soon as it is finished, so that the same call goes on where it was stopped.
    """
    kept = store.runs()
    keys = [run_key(plan.settings) for plan in plans]
    found = {key: Run.of_state(state) for key, state in kept.get(keys).items()}
    missing = {key: plan for key, plan in zip(keys, plans, strict=True) if key not in found}
    if on_run is not None:
        for key in keys:
            if key in found:
                on_run()
    for key, result in _run(missing, workers):
        kept.put(key, result.state())
        found[key] = result
        if on_run is not None:
            on_run()
    return [found[key] for key in keys]


def _run(missing: Mapping[str, RunSpec], workers: int) -> Any:
    """Pairs of a key and its run, as they finish."""
    if not workers:
        for key, plan in missing.items():
            try:
                yield key, run(plan)
            except (MemoryError, RuntimeError) as error:
                raise _failed(plan, reason(error)) from error
        return
    pool = WorkerPool(workers)
    try:
        for (key, plan), result in pool.run(_keyed, list(missing.items())):
            if isinstance(result, Lost):
                raise _failed(plan, result.reason)
            if isinstance(result, str):
                raise SettingError(result)
            yield key, result
    finally:
        pool.close()


def _keyed(item: tuple[str, RunSpec]) -> Run | str:
    """The run, or what is wrong with its settings."""
    try:
        return run(item[1])
    except SettingError as error:
        return str(error)


def _failed(plan: RunSpec, why: str) -> ExecutorError:
    return ExecutorError(f"policy {plan.policy['name']}, seed {plan.seed}: {why}")
