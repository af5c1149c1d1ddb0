"""Comparisons on trained children: every run is a search in the store, and resumes as one."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from reinas.compare.comparison import PolicySpec
from reinas.compare.runs import Run, TimedPolicy, of_trials, policy_of
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.spaces.base import AbstractSpace
from reinas.store import Store
from reinas.study.ledger import Repeats
from reinas.study.search import search


def run_searches(
    name: str,
    space: AbstractSpace[Any],
    evaluator: AbstractEvaluator[Any],
    specs: Sequence[PolicySpec],
    seeds: Sequence[int],
    *,
    evaluations: int,
    children: int | None,
    repeats: Repeats,
    store: Store,
    executor: AbstractExecutor,
    on_trial: Callable[[Any], None] | None = None,
) -> dict[str, list[Run]]:
    """Every contender's runs, one search a seed, called NAME/LABEL/SEED in the store.

    Children of one search are trained side by side; searches follow each other. What the store
    has of them is not trained again.
    """
    runs: dict[str, list[Run]] = {policy_spec.label: [] for policy_spec in specs}
    with closing(executor):
        for seed in seeds:  # seed by seed, so that a stopped comparison has whole pairs
            for policy_spec in specs:
                found = search(
                    space,
                    TimedPolicy(policy_of(policy_spec.settings, space, seed)),
                    evaluator,
                    trials=evaluations,
                    children=children,
                    seed=seed,
                    store=store,
                    name=f"{name}/{policy_spec.label}/{seed}",
                    executor=executor,
                    repeats=repeats,
                    on_start=_counted(on_trial),
                    on_trial=on_trial,
                )
                trials = found.log.finished()
                runs[policy_spec.label].append(of_trials(trials, found.log.diagnostics()))
    return runs


def _counted(on_trial: Callable[[Any], None] | None) -> Callable[[Any], None] | None:
    """What is finished already counts for the progress bar, too."""
    if on_trial is None:
        return None

    def start(log: Any) -> None:
        for trial in log.finished():
            on_trial(trial)

    return start
