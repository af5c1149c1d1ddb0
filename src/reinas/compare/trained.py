"""Comparisons on trained children: every run is a search in the store, and resumes as one."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np

from reinas.compare.comparison import PolicySpec
from reinas.compare.runs import Run, TimedPolicy, of_trials, policy_of, rule_of
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.spaces.base import AbstractSpace
from reinas.store import AbstractStore
from reinas.study.budget import Budget
from reinas.study.observer import Observer
from reinas.study.search import search
from reinas.study.study import Study


def run_searches(
    name: str,
    space: AbstractSpace[Any],
    evaluator: AbstractEvaluator[Any],
    specs: Sequence[PolicySpec],
    seeds: Sequence[int],
    *,
    evaluations: int,
    batch_size: int | None,
    reuse: bool,
    store: AbstractStore,
    executor: AbstractExecutor,
    observer: Observer | None = None,
) -> dict[str, list[Run]]:
    """The runs of every policy, one search per seed, called NAME/LABEL/SEED in the store.

    Children of one search are trained side by side; searches follow each other, seed by seed, so
    that a stopped comparison has whole pairs. What the store has of them is not trained again.

    Args:
        name: How the searches' names begin.
        space: What may be built.
        evaluator: Trains a child.
        specs: The policies.
        seeds: One run per policy for each.
        evaluations: Trials per run.
        batch_size: Trials per batch; None: each policy's own choice.
        reuse: Whether a repeated architecture takes over its first outcome.
        store: Where the searches are kept.
        executor: Where children are trained.
        observer: Watches all searches.

    Returns:
        For each policy's label its runs, in the order of the seeds.
    """
    runs: dict[str, list[Run]] = {spec.label: [] for spec in specs}
    with closing(executor):
        for seed in seeds:
            for spec in specs:
                study = search(
                    space,
                    TimedPolicy(policy_of(spec.settings, space, seed)),
                    evaluator,
                    budget=Budget(evaluations),
                    batch_size=batch_size,
                    seed=seed,
                    store=store,
                    name=f"{name}/{spec.label}/{seed}",
                    executor=executor,
                    reuse=reuse,
                    stopping=None if spec.stopping is None else rule_of(spec.stopping),
                    observer=observer,
                )
                runs[spec.label].append(_run(study, evaluator))
    return runs


def _run(study: Study[Any], evaluator: AbstractEvaluator[Any]) -> Run:
    """A finished search as a run; children may have different numbers of steps."""
    run = of_trials(study.record.finished(), study.record.diagnostics())
    if study.stopping is None:
        return run
    costs = np.ones(len(run.rewards))
    for place, trial in enumerate(study.trials):
        if trial.outcome is not None and trial.outcome.pruned is not None:
            costs[place] = trial.outcome.pruned.step / (evaluator.steps(trial.architecture) or 1)
    return replace(run, costs=costs)
