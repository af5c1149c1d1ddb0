"""What the review's questions are measured on, and how policies are tuned for them.

The review is a statistician's blog post on the paper, https://github.com/miruetoto/miruetoto.github.io,
`_posts/2019-06-22-NAS.md`; docs/review.md discusses it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reinas.compare import comparison, curves
from reinas.compare.comparison import PolicySpec
from reinas.compare.page import TextTable
from reinas.compare.runs import table_of
from reinas.questions.result import RunContext
from reinas.registry import PLACES

FIRST_TUNING_SEED = 1_000_000
"""Seeds from here on are used for tuning only; no reported run has one of them."""
TUNING_SEEDS = 20

LSTM_RATES = (0.0006, 0.002, 0.006, 0.02, 0.06)
SOFTMAX_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Learning rates to choose from, for networks and for tables of logits; 0.0006 is the paper's."""


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
        data: Its data set, or its metric.

    Returns:
        The benchmark.
    """
    settings = {"name": name, PLACES[name]: data}
    return Benchmark(f"{name}:{data}", lambda _: dict(table_of(settings).settings))


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


def conv_benchmark(depth: int, interactions: int) -> Benchmark:
    """Landscapes over filters and links by anchor points, a different one for each seed.

    Args:
        depth: Number of layers.
        interactions: Number of earlier decisions that each one depends on.

    Returns:
        The benchmark.
    """

    def table(seed: int) -> dict[str, Any]:
        given = {"name": "conv-landscape", "depth": depth, "interactions": interactions}
        return dict(table_of({**given, "seed": seed}).settings)

    return Benchmark(f"conv, depth {depth}, {interactions} interactions", table)


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
    context: RunContext,
    benchmark: Benchmark,
    candidates: Sequence[PolicySpec],
    evaluations: int,
    *,
    batch_size: int | None = None,
) -> tuple[PolicySpec, list[list[str]]]:
    """Choose the best candidate on seeds that are used for nothing else.

    The score is the mean, over all evaluations and tuning seeds, of the best reward so far, so it
    favours policies that are good early.

    Args:
        context: Where the runs are executed.
        benchmark: What to tune on.
        candidates: The policies to choose from.
        evaluations: Number of evaluations per run.
        batch_size: Number of children per batch; None takes each policy's own.

    Returns:
        The best candidate, and one table row per candidate with its score.
    """
    seeds = range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + TUNING_SEEDS)
    tables = [table_of(benchmark.table(seed)) for seed in seeds]
    runs = context.run(
        comparison.run_specs(tables, candidates, seeds, evaluations, batch_size=batch_size)
    )
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


def rates(
    name: str, label: str, values: Sequence[float] = LSTM_RATES, **given: Any
) -> list[PolicySpec]:
    """One policy at each of several learning rates.

    Args:
        name: The policy's name.
        label: What it is called; the rate is added.
        values: The rates.
        **given: Its other parameters that differ from the defaults.

    Returns:
        One policy per rate.
    """
    return [
        policy_spec(name, f"{label} at {rate:g}", learning_rate=rate, **given) for rate in values
    ]


def tuning_table(tuning: list[list[str]]) -> TextTable:
    """The rows of `tune` as a table."""
    title = (
        f"Tuning: mean of the best reward so far, over {TUNING_SEEDS} seeds used for nothing else"
    )
    return TextTable(title, ["table", "policy", "score", ""], tuning)
