"""The review's two questions: whether an RNN is needed, and whether reinforcement learning is.

The review is a statistician's blog post on the paper, https://github.com/miruetoto/miruetoto.github.io,
`_posts/2019-06-22-NAS.md`; docs/review.md discusses it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reinas.compare import comparison, curves
from reinas.compare.comparison import Comparison, PolicySpec
from reinas.compare.page import TextTable, interval_text
from reinas.compare.runs import table_of
from reinas.compare.statistics import interval
from reinas.questions.result import QuestionResult, RunContext, compare

FIRST_TUNING_SEED = 1_000_000
"""Seeds from here on are used for tuning only; no reported run has one of them."""
TUNING_SEEDS = 20

RATES = {
    "independent": (0.01, 0.03, 0.1, 0.3, 1.0),
    "zoph-le": (0.0006, 0.002, 0.006, 0.02, 0.06),
}
"""Learning rates to choose from; 0.0006 is the paper's."""


@dataclass(frozen=True)
class Benchmark:
    """A table, or a family of tables with one per seed.

    Args:
        name: Its name for readers.
        table: Takes a seed; returns the settings of its table.
    """

    name: str
    table: Callable[[int], dict[str, Any]]


def published_benchmark(name: str, data: str) -> Benchmark:
    """A published table, the same for each seed.

    Args:
        name: The table's name.
        data: Its data set.

    Returns:
        The benchmark.
    """
    return Benchmark(
        f"{name}:{data}", lambda _: dict(table_of({"name": name, "data": data}).settings)
    )


def landscape_benchmark(decisions: int, options: int, interactions: int) -> Benchmark:
    """Synthetic landscapes, a different one for each seed.

    Args:
        decisions: Number of decisions.
        options: Number of options per decision.
        interactions: Number of earlier decisions that each one depends on.

    Returns:
        The benchmark.
    """

    def table(seed: int) -> dict[str, Any]:
        given = {"decisions": decisions, "options": options, "interactions": interactions}
        return dict(table_of({"name": "landscape", **given, "seed": seed}).settings)

    return Benchmark(f"{decisions} decisions of {options}, {interactions} interactions", table)


def policy_spec(name: str, label: str | None = None, **given: Any) -> PolicySpec:
    """A policy with some parameters set.

    Args:
        name: The policy's name.
        label: The name that the comparison shows; None takes `name`.
        **given: The parameters that differ from the defaults.

    Returns:
        The policy.
    """
    return comparison.policy_spec(label or name, {"name": name, **given})


def tune(
    context: RunContext, benchmark: Benchmark, candidates: Sequence[PolicySpec], evaluations: int
) -> tuple[PolicySpec, list[list[str]]]:
    """Choose the best candidate on seeds that are used for nothing else.

    The score is the mean, over all evaluations and tuning seeds, of the best reward so far, so it
    favours policies that are good early.

    Args:
        context: Where the runs are executed.
        benchmark: What to tune on.
        candidates: The policies to choose from.
        evaluations: Number of evaluations per run.

    Returns:
        The best candidate, and one table row per candidate with its score.
    """
    seeds = range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + TUNING_SEEDS)
    tables = [table_of(benchmark.table(seed)) for seed in seeds]
    runs = context.run(comparison.run_specs(tables, candidates, seeds, evaluations))
    scores = [
        curves.best_so_far(runs[place :: len(candidates)]).mean()
        for place in range(len(candidates))
    ]
    best = int(np.argmax(scores))
    rows = [
        [benchmark.name, candidate.label, f"{score:.5g}", "chosen" if place == best else ""]
        for place, (candidate, score) in enumerate(zip(candidates, scores, strict=True))
    ]
    return candidates[best], rows


def rates(name: str) -> list[PolicySpec]:
    """One policy at each of its learning rates.

    Args:
        name: A key of `RATES`.

    Returns:
        One policy per rate.
    """
    return [policy_spec(name, f"{name} at {rate:g}", learning_rate=rate) for rate in RATES[name]]


def _tuning_table(tuning: list[list[str]]) -> TextTable:
    title = (
        f"Tuning: mean of the best reward so far, over {TUNING_SEEDS} seeds used for nothing else"
    )
    return TextTable(title, ["table", "policy", "score", ""], tuning)


RNN_BENCHMARKS = (
    published_benchmark("nasbench201", "cifar10"),
    *(landscape_benchmark(12, 4, k) for k in (0, 1, 2, 3)),
)


def rnn(context: RunContext, seeds: int, evaluations: int) -> QuestionResult:
    """Is an RNN needed? The LSTM against independent softmaxes with the same rule, both tuned.

    Args:
        context: Where the runs are executed.
        seeds: Number of seeds.
        evaluations: Number of evaluations per run.

    Returns:
        One comparison per benchmark, and the difference between the two policies.
    """
    comparisons, tuning, rows = [], [], []
    numbers = range(seeds)
    at = sorted({max(1, evaluations // part) for part in (10, 4, 2, 1)})
    for benchmark in RNN_BENCHMARKS:
        pair = []
        for name in RATES:
            chosen, scores = tune(context, benchmark, rates(name), evaluations)
            pair.append(chosen)
            tuning += scores
        tables = [benchmark.table(seed) for seed in numbers]
        specs = [policy_spec("random"), *pair]
        compared = compare(context, benchmark.name, tables, specs, numbers, evaluations, at)
        comparisons.append(compared)
        rows.append([benchmark.name, *_differences(compared, pair[1].label, pair[0].label, at)])
    head = ["table", *(f"at {n}" for n in at), "last samples"]
    title = "LSTM minus independent softmaxes, in reward (paired by seed)"
    protocol = (
        f"The same rule (REINFORCE, Adam, 8 children per batch), {evaluations} evaluations,"
        f" {seeds} seeds; each learning rate is the best of five on {TUNING_SEEDS} other seeds,"
        " chosen for each table separately. Each seed has its own landscape, in which a decision's"
        " contribution depends on the decisions just before it."
    )
    further = (TextTable(title, head, rows), _tuning_table(tuning))
    return QuestionResult("Is an RNN needed?", protocol, tuple(comparisons), further)


def _differences(compared: Comparison, first: str, second: str, at: Sequence[int]) -> list[str]:
    """The first policy's reward minus the second's, at each checkpoint and for the last samples."""
    one, two = (compared.runs[label] for label in (first, second))
    gained = curves.best_so_far(one) - curves.best_so_far(two)
    last = compared.evaluations
    window = max(8, last // 10)
    samples = curves.last_mean(one, last, window) - curves.last_mean(two, last, window)
    columns = [gained[:, n - 1] for n in at] + [samples]
    return [interval_text(interval(column), 4) for column in columns]


RL_TABLES = ("cifar10", "cifar100", "imagenet")
TUNED_ON = "cifar10"
POPULATIONS = ((10, 5), (20, 5), (20, 10), (30, 10), (50, 15))
STARTS = ((1, True), (10, True), (1, False))


def rl(context: RunContext, seeds: int, evaluations: int) -> QuestionResult:
    """Is reinforcement learning needed? REINFORCE against its rivals, as published and tuned.

    Args:
        context: Where the runs are executed.
        seeds: Number of seeds.
        evaluations: Number of evaluations per run.

    Returns:
        One comparison per table of NAS-Bench-201.
    """
    tuned_on = published_benchmark("nasbench201", TUNED_ON)
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
        best, scores = tune(context, tuned_on, candidates, evaluations)
        tuning += scores
        if best.label not in [c.label for c in chosen]:
            chosen.append(best)
    chosen.append(policy_spec("bayes"))
    numbers = range(seeds)
    at = [n for n in (25, 50, 75, 100, 150, 200) if n <= evaluations] or [evaluations]
    comparisons = []
    for data in RL_TABLES:
        benchmark = published_benchmark("nasbench201", data)
        tables = [benchmark.table(seed) for seed in numbers]
        comparisons.append(
            compare(context, benchmark.name, tables, chosen, numbers, evaluations, at)
        )
    protocol = (
        f"{evaluations} evaluations, {seeds} seeds. Each rival runs as published and at the best"
        f" of several settings, chosen on {TUNED_ON} with {TUNING_SEEDS} other seeds; the other two"
        " tables were not used for tuning."
    )
    return QuestionResult(
        "Is reinforcement learning needed?", protocol, tuple(comparisons), (_tuning_table(tuning),)
    )
