"""Is reinforcement learning needed? REINFORCE and its heirs against rivals at equal cost."""

from collections.abc import Mapping
from dataclasses import replace

from reinas.compare import curves
from reinas.compare.comparison import PolicySpec
from reinas.compare.page import TextTable, interval_text
from reinas.compare.statistics import interval
from reinas.questions.result import QuestionResult, RunContext, compare
from reinas.questions.tuning import (
    LSTM_RATES,
    SOFTMAX_RATES,
    TUNING_SEEDS,
    policy_spec,
    published_benchmark,
    rates,
    tune,
    tuning_table,
)
from reinas.tables.base import Noise

TABLES = ("cifar10", "cifar100", "imagenet")
TUNED_ON = "cifar10"
POPULATIONS = ((10, 5), (20, 5), (20, 10), (30, 10), (50, 15))
STARTS = ((1, True), (10, True), (1, False))
NETWORKS = {"lstm": LSTM_RATES, "independent": SOFTMAX_RATES}
BATCHES = (1, 8, 32)
"""Children per batch; the paper has 8 for images and 1 for language models."""

REINFORCE: Mapping[str, list[PolicySpec]] = {
    "zoph-le": rates("zoph-le", "zoph-le"),
    "independent": rates("independent", "independent", SOFTMAX_RATES),
}
LEARNERS: Mapping[str, list[PolicySpec]] = {
    **REINFORCE,
    **{
        f"{name} {network}": rates(name, f"{name} {network}", values, network=network)
        for name in ("ppo", "replay")
        for network, values in NETWORKS.items()
    },
}
"""Policies that climb a policy gradient, each at the learning rates that it is tuned over."""
RIVALS: Mapping[str, list[PolicySpec]] = {
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
}
AS_PUBLISHED = (
    policy_spec("random"),
    policy_spec("evolution", "evolution 100/25"),
    policy_spec("zoph-le", "zoph-le at 0.0006"),
)


def rl(context: RunContext, seeds: int, evaluations: int) -> QuestionResult:
    """Is reinforcement learning needed? Policy gradients against rivals, and by their batches.

    Args:
        context: Where the runs are executed.
        seeds: Number of seeds.
        evaluations: Number of evaluations per run.

    Returns:
        What `rivals` and `batch_sizes` give, as one.
    """
    compared, sizes = (f(context, seeds, evaluations) for f in (rivals, batch_sizes))
    return replace(compared, tables=(*sizes.tables[:1], *compared.tables, *sizes.tables[1:]))


def rivals(context: RunContext, seeds: int, evaluations: int) -> QuestionResult:
    """Policy gradients against rivals, as published and tuned.

    Args:
        context: Where the runs are executed.
        seeds: Number of seeds.
        evaluations: Number of evaluations per run.

    Returns:
        Two comparisons per table of NAS-Bench-201: one with the mean over training seeds as
        reward, one with a single training drawn.
    """
    tuned_on = published_benchmark("nasbench201", TUNED_ON)
    tuning: list[list[str]] = []
    chosen = list(AS_PUBLISHED)
    for candidates in (*RIVALS.values(), *LEARNERS.values()):
        best, scores = tune(context, tuned_on, candidates, evaluations)
        tuning += scores
        if best.label not in [c.label for c in chosen]:
            chosen.append(best)
    chosen.append(policy_spec("bayes"))
    numbers = range(seeds)
    at = _checkpoints(evaluations)
    kinds: tuple[tuple[Noise, str], ...] = (("mean", ""), ("seeds", ", one training drawn"))
    comparisons = []
    for data in TABLES:
        benchmark = published_benchmark("nasbench201", data)
        tables = [benchmark.table(seed) for seed in numbers]
        for noise, words in kinds:
            name = f"{benchmark.name}{words}"
            comparisons.append(
                compare(context, name, tables, chosen, numbers, evaluations, at, noise=noise)
            )
    protocol = (
        f"{evaluations} evaluations, {seeds} seeds. Each rival runs as published and at the best"
        f" of several settings, chosen on {TUNED_ON} with {TUNING_SEEDS} other seeds; the other two"
        " tables were not used for tuning. Improvements are over the exact expectation of random"
        " search, computed from the table. Where one training is drawn per evaluation, repeats"
        " draw again, and the best found is chosen by the drawn rewards, but judged by its mean."
    )
    return QuestionResult(
        "Is reinforcement learning needed?",
        protocol,
        tuple(comparisons),
        (tuning_table(tuning),),
    )


def _checkpoints(evaluations: int) -> list[int]:
    return [n for n in (25, 50, 75, 100, 150, 200) if n <= evaluations] or [evaluations]


def batch_sizes(context: RunContext, seeds: int, evaluations: int) -> QuestionResult:
    """REINFORCE with batches of 1, 8 and 32 children, each tuned.

    Args:
        context: Where the runs are executed.
        seeds: Number of seeds.
        evaluations: Number of evaluations per run.

    Returns:
        The regrets, and the scores of tuning.
    """
    at = _checkpoints(evaluations)
    tuned_on = published_benchmark("nasbench201", TUNED_ON)
    rows, tuning = [], []
    for size in BATCHES:
        specs = []
        for candidates in REINFORCE.values():
            best, scores = tune(context, tuned_on, candidates, evaluations, batch_size=size)
            specs.append(best)
            tuning += [[table, f"{label}, m = {size}", *more] for table, label, *more in scores]
        for data in TABLES:
            benchmark = published_benchmark("nasbench201", data)
            tables = [benchmark.table(seed) for seed in range(seeds)]
            compared = compare(
                *(context, benchmark.name, tables, specs, range(seeds), evaluations, at),
                batch_size=size,
            )
            assert compared.best is not None
            for spec in specs:
                held = curves.best_so_far(compared.runs[spec.label])
                regrets = [interval(compared.best[0] - held[:, n - 1]) for n in at]
                cells = [interval_text(regret, 2) for regret in regrets]
                rows.append([benchmark.name, f"{spec.label}, m = {size}", *cells])
    rows.sort(key=lambda row: (row[0], row[1].split()[0]))
    head = ["table", "policy", *(f"at {n}" for n in at)]
    table = TextTable("Regret of REINFORCE by the children per batch m", head, rows)
    protocol = (
        f"{evaluations} evaluations, {seeds} seeds; each rate is the best of five on {TUNED_ON}."
    )
    return QuestionResult(
        "How many children per batch?", protocol, tables=(table, tuning_table(tuning))
    )
