"""The review's two questions as comparisons: whether it needs an RNN, whether it needs RL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reinas.compare import comparison, curves
from reinas.compare.comparison import Comparison, PolicySpec
from reinas.compare.page import Table, words
from reinas.compare.runs import table_of
from reinas.compare.statistics import interval
from reinas.questions.result import QuestionResult, RunContext, compared

TUNING = 1_000_000
"""Seeds from here on are for tuning: none of them is among those that are reported."""
TUNING_SEEDS = 20

RATES = {
    "independent": (0.01, 0.03, 0.1, 0.3, 1.0),
    "zoph-le": (0.0006, 0.002, 0.006, 0.02, 0.06),
}
"""Learning rates to choose from; the paper's own is among them."""

Spread = Callable[[int], dict[str, Any]]
"""From a seed to the table that it runs on."""


@dataclass(frozen=True)
class Benchmark:
    """A table, or a family with one a seed."""

    name: str
    table: Spread


def published(name: str, data: str) -> Benchmark:
    """A published table: the same for each seed."""
    return Benchmark(
        f"{name}:{data}", lambda _: dict(table_of({"name": name, "data": data}).settings)
    )


def landscape(decisions: int, options: int, interactions: int) -> Benchmark:
    """Made landscapes, another one for each seed."""

    def table(seed: int) -> dict[str, Any]:
        given = {"decisions": decisions, "options": options, "interactions": interactions}
        return dict(table_of({"name": "landscape", **given, "seed": seed}).settings)

    return Benchmark(f"{decisions} decisions of {options}, {interactions} interactions", table)


def policy_spec(name: str, label: str | None = None, **given: Any) -> PolicySpec:
    """A policy with its defaults but for what is given."""
    return comparison.policy_spec(label or name, {"name": name, **given})


def tune(
    context: RunContext, stage: Benchmark, candidates: Sequence[PolicySpec], evaluations: int
) -> tuple[PolicySpec, list[list[str]]]:
    """The best of the candidates on seeds that are used for nothing else, and all their scores.

    The score is the mean reward of the best so far, over all evaluations and tuning seeds: who
    is sooner good is better.
    """
    seeds = range(TUNING, TUNING + TUNING_SEEDS)
    tables = [table_of(stage.table(seed)) for seed in seeds]
    runs = context.run(comparison.plans(tables, candidates, seeds, evaluations))
    scores = [
        curves.best_so_far(runs[place :: len(candidates)]).mean()
        for place in range(len(candidates))
    ]
    best = int(np.argmax(scores))
    rows = [
        [stage.name, candidate.label, f"{score:.5g}", "chosen" if place == best else ""]
        for place, (candidate, score) in enumerate(zip(candidates, scores, strict=True))
    ]
    return candidates[best], rows


def rates(name: str) -> list[PolicySpec]:
    """One policy at each of its learning rates."""
    return [policy_spec(name, f"{name} at {rate:g}", learning_rate=rate) for rate in RATES[name]]


def _title(tuning: list[list[str]]) -> Table:
    title = f"Tuning: the mean of the best so far over {TUNING_SEEDS} seeds kept for that"
    return title, ["table", "policy", "score", ""], tuning


RNN_STAGES = (
    published("nasbench201", "cifar10"),
    *(landscape(12, 4, k) for k in (0, 1, 2, 3)),
)


def rnn(context: RunContext, seeds: int, evaluations: int) -> QuestionResult:
    """Is an RNN needed? The LSTM against independent softmaxes, the same rule, both tuned."""
    comparisons, tuning, rows = [], [], []
    numbers = range(seeds)
    at = sorted({max(1, evaluations // part) for part in (10, 4, 2, 1)})
    for stage in RNN_STAGES:
        pair = []
        for name in RATES:
            chosen, scores = tune(context, stage, rates(name), evaluations)
            pair.append(chosen)
            tuning += scores
        tables = [stage.table(seed) for seed in numbers]
        specs = [policy_spec("random"), *pair]
        made = compared(context, stage.name, tables, specs, numbers, evaluations, at)
        comparisons.append(made)
        rows.append([stage.name, *_duel(made, pair[1].label, pair[0].label, at)])
    head = ["table", *(f"at {n}" for n in at), "last samples"]
    title = "LSTM minus independent softmaxes, in reward (pairs of the same seed)"
    protocol = (
        f"The same rule (REINFORCE, Adam, 8 children a batch), {evaluations} evaluations,"
        f" {seeds} seeds; each learning rate the best of five on {TUNING_SEEDS} other seeds, for"
        " each table anew. Landscapes are drawn anew for each seed; in them a decision's worth"
        " depends on the decisions just before it."
    )
    tables_ = ((title, head, rows), _title(tuning))
    return QuestionResult("Is an RNN needed?", protocol, tuple(comparisons), tables_)


def _duel(made: Comparison, first: str, second: str, at: Sequence[int]) -> list[str]:
    """What the first policy is better by at each checkpoint, and its last samples."""
    one, two = (made.runs[label] for label in (first, second))
    gained = curves.best_so_far(one) - curves.best_so_far(two)
    last = made.evaluations
    window = max(8, last // 10)
    samples = curves.last_mean(one, last, window) - curves.last_mean(two, last, window)
    columns = [gained[:, n - 1] for n in at] + [samples]
    return [words(interval(column), 4) for column in columns]


RL_TABLES = ("cifar10", "cifar100", "imagenet")
TUNED_ON = "cifar10"
POPULATIONS = ((10, 5), (20, 5), (20, 10), (30, 10), (50, 15))
STARTS = ((1, True), (10, True), (1, False))


def rl(context: RunContext, seeds: int, evaluations: int) -> QuestionResult:
    """Is reinforcement learning needed? It against the rivals, as published and tuned."""
    stage = published("nasbench201", TUNED_ON)
    families: Mapping[str, list[PolicySpec]] = {
        "evolution": [
            policy_spec("evolution", f"evolution {p}/{s}", population=p, sample=s)
            for p, s in POPULATIONS
        ],
        "local": [
            policy_spec("local", f"local {n}{'' if first else ' best'}", starts=n, first=first)
            for n, first in STARTS
        ],
        "tpe": [
            policy_spec("tpe", f"tpe{'' if joint else ' univariate'}", multivariate=joint)
            for joint in (True, False)
        ],
        **{name: rates(name) for name in RATES},
    }
    tuning: list[list[str]] = []
    chosen = [
        policy_spec("random"),
        policy_spec("random", "random without repeats", replacement=False),
        policy_spec("evolution", "evolution 100/25"),
        policy_spec("zoph-le", "zoph-le at 0.0006"),
    ]
    for candidates in families.values():
        best, scores = tune(context, stage, candidates, evaluations)
        tuning += scores
        if best.label not in [c.label for c in chosen]:
            chosen.append(best)
    chosen.append(policy_spec("bayes"))
    numbers = range(seeds)
    at = [n for n in (25, 50, 75, 100, 150, 200) if n <= evaluations] or [evaluations]
    comparisons = []
    for data in RL_TABLES:
        stage = published("nasbench201", data)
        tables = [stage.table(seed) for seed in numbers]
        comparisons.append(compared(context, stage.name, tables, chosen, numbers, evaluations, at))
    protocol = (
        f"{evaluations} evaluations, {seeds} seeds. Every rival as published and at the best of"
        f" some settings, chosen on {TUNED_ON} with {TUNING_SEEDS} other seeds; the other two"
        " tables were used for no choice."
    )
    return QuestionResult(
        "Is reinforcement learning needed?", protocol, tuple(comparisons), (_title(tuning),)
    )
