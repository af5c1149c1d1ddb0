"""Is an RNN needed? The paper's LSTM, independent softmaxes, and what lies between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reinas.compare import curves
from reinas.compare.comparison import Comparison, PolicySpec
from reinas.compare.page import TextTable, interval_text
from reinas.compare.statistics import interval
from reinas.questions import networks
from reinas.questions.result import QuestionResult, RunContext, compare
from reinas.questions.tuning import (
    SOFTMAX_RATES,
    TUNING_SEEDS,
    Benchmark,
    conv_benchmark,
    landscape_benchmark,
    policy_spec,
    published_benchmark,
    rates,
    tune,
    tuning_table,
)

HOME = networks.__name__
ARMS: Mapping[str, list[PolicySpec]] = {
    "LSTM": rates("zoph-le", "LSTM"),
    "LSTM, kinds apart": rates(f"{HOME}:kinds_apart", "LSTM, kinds apart"),
    "no feedback": rates(f"{HOME}:unfed", "no feedback"),
    "no feedback, kinds apart": rates(f"{HOME}:unfed_kinds_apart", "no feedback, kinds apart"),
    "attention, kinds apart": rates(f"{HOME}:attention", "attention, kinds apart"),
    "prefix table": rates(f"{HOME}:prefix_table", "prefix table", SOFTMAX_RATES),
    "independent": rates("independent", "independent", SOFTMAX_RATES),
}
"""Each arm at the learning rates that it is tuned over."""


@dataclass(frozen=True)
class Contrast:
    """Two arms that differ in one cause.

    Args:
        cause: What the first has and the second does not.
        first: An arm.
        second: An arm.
    """

    cause: str
    first: str
    second: str


CONTRASTS = (
    Contrast("samples fed back", "LSTM", "no feedback"),
    Contrast("samples fed back, kinds apart", "LSTM, kinds apart", "no feedback, kinds apart"),
    Contrast("weights shared by kind", "LSTM", "LSTM, kinds apart"),
    Contrast("an LSTM makes the softmaxes", "no feedback, kinds apart", "independent"),
    Contrast("any dependence, by a table", "prefix table", "independent"),
    Contrast("attention for recurrence", "attention, kinds apart", "LSTM, kinds apart"),
    Contrast("all of it", "LSTM", "independent"),
)
ALL, SINGLE = tuple(ARMS), tuple(a for a in ARMS if a != "prefix table")
BENCHMARKS: tuple[tuple[Benchmark, tuple[str, ...]], ...] = (
    (published_benchmark("nasbench201", "cifar10"), ALL),
    (published_benchmark("nasbench201", "imagenet"), ALL),
    *((landscape_benchmark(12, 4, k), SINGLE) for k in (0, 1, 2, 3)),
    (conv_benchmark(6, 2), SINGLE),
)
"""What is measured, and which arms: a table of prefixes is too large for the larger spaces."""


def rnn(context: RunContext, seeds: int, evaluations: int) -> QuestionResult:
    """Is an RNN needed? Each cause apart, with the same rule, every arm tuned.

    Args:
        context: Where the runs are executed.
        seeds: Number of seeds.
        evaluations: Number of evaluations per run.

    Returns:
        One comparison per benchmark, and the differences between arms that differ in one cause.
    """
    comparisons, tuning, rows = [], [], []
    at = sorted({max(1, evaluations // part) for part in (10, 4, 2, 1)})
    for benchmark, arms in BENCHMARKS:
        chosen = {}
        for arm in arms:
            chosen[arm], scores = tune(context, benchmark, ARMS[arm], evaluations)
            tuning += scores
        tables = [benchmark.table(seed) for seed in range(seeds)]
        specs = [policy_spec("random"), *chosen.values()]
        compared = compare(context, benchmark.name, tables, specs, range(seeds), evaluations, at)
        comparisons.append(compared)
        rows += [
            [
                benchmark.name,
                contrast.cause,
                *_differences(
                    compared, chosen[contrast.first].label, chosen[contrast.second].label, at
                ),
            ]
            for contrast in CONTRASTS
            if {contrast.first, contrast.second} <= set(arms)
        ]
    head = ["table", "with minus without", *(f"at {n}" for n in at), "last samples"]
    title = "Differences in reward between arms that differ in one cause (paired by seed)"
    protocol = (
        f"The same rule (REINFORCE, Adam, 8 children per batch), {evaluations} evaluations,"
        f" {seeds} seeds; each learning rate is the best of five on {TUNING_SEEDS} other seeds,"
        " chosen for each table and arm separately. Each seed has its own landscape, in which a"
        " decision's contribution depends on the decisions just before it; there every choice is a"
        " kind of its own, so that arms with and without shared weights are the same."
    )
    further = (TextTable(title, head, rows), tuning_table(tuning))
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
