"""`python -m benchmarks.compare`: writes docs/results/compare.md, its figures and all numbers.

It answers the review's questions (docs/review.md), then runs `bayes` on tables that were not used
for tuning, on synthetic landscapes, and without each of its parts. Finished runs are stored: if it
was killed, it continues.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ablation import ablations
from benchmarks.compare_page import CHECKPOINTS, Further, pictures, sections
from reinas import Store
from reinas.cli.output import json_text
from reinas.compare.comparison import Comparison, PolicySpec
from reinas.compare.runs import table_of
from reinas.questions import estimator
from reinas.questions import tuning as questions
from reinas.questions.result import RunContext, compare
from reinas.questions.rl import TABLES, rl
from reinas.questions.rnn import rnn
from reinas.registry import words
from reinas.tables.analog import analognasbench
from reinas.tables.graph_networks import nasbenchgraph
from reinas.tables.packages import hpobench, hpolib
from reinas.threads import cores

PAGE = Path("docs/results/compare.md")
NUMBERS = Path("docs/results/compare.json")
RIVALS = (
    questions.policy_spec("random"),
    questions.policy_spec("evolution", population=10, sample=5),
    questions.policy_spec("local"),
    questions.policy_spec("tpe"),
    questions.policy_spec("bayes"),
)
"""As they were tuned on NAS-Bench-201's CIFAR-10; `local` has 10 starts."""
SLOW = "tpe"  # with 500 decisions it takes minutes per run
LONG, LONG_SEEDS = 2000, 20
"""Evaluations and seeds of figure 6."""
GP_SEEDS = 10  # of Optuna's Gaussian process, some ten times as slow as bayes

DEVELOPED_ON = {
    "nasbench201": {"cifar10", "cifar100", "imagenet"},
    "hpobench": {"car", "vehicle"},
    "hpolib": {"slice_localization"},
    "nasbenchgraph": {"cora", "computers", "photo", "proteins"},
    "analognasbench": {"noisy_accuracy", "analog_drift_2592000"},
}
"""The tables on which variants of `bayes` were compared while it was developed.

The others were looked at once: there, a first model after 6 children was no better than after 10,
and so `start` stayed what it was.
"""


def unseen() -> list[questions.Benchmark]:
    """The tables that were not used for the development of `bayes`."""
    every = {
        "hpobench": words(hpobench)["data"],
        "hpolib": words(hpolib)["data"],
        "nasbenchgraph": words(nasbenchgraph)["data"],
        "analognasbench": words(analognasbench)["metric"],
    }
    return [
        questions.published_benchmark(name, data)
        for name, all_data in every.items()
        for data in all_data
        if data not in DEVELOPED_ON[name]
    ]


def landscapes() -> list[questions.Benchmark]:
    """Small and large landscapes, with independent decisions and with many interactions."""
    return [
        questions.landscape_benchmark(6, 5, 5),
        questions.landscape_benchmark(30, 4, 0),
        questions.landscape_benchmark(30, 4, 2),
        questions.landscape_benchmark(100, 3, 1),
        questions.landscape_benchmark(500, 2, 0),
        questions.landscape_benchmark(500, 2, 9),
    ]


def compare_all(
    context: RunContext,
    benchmarks: Sequence[questions.Benchmark],
    seeds: int,
    rivals: Sequence[PolicySpec],
) -> list[Comparison]:
    """The policies on each of the benchmarks."""
    numbers = range(seeds)
    return [
        compare(
            context,
            benchmark.name,
            [benchmark.table(seed) for seed in numbers],
            rivals,
            numbers,
            CHECKPOINTS[-1],
            CHECKPOINTS,
        )
        for benchmark in benchmarks
    ]


def long_runs(context: RunContext) -> list[Comparison]:
    """REINFORCE against random search over many evaluations, for figure 6."""
    specs = [
        questions.policy_spec("random"),
        questions.policy_spec("zoph-le", "zoph-le at 0.0006"),
        questions.policy_spec("zoph-le", "zoph-le at 0.006", learning_rate=0.006),
        questions.policy_spec("independent", "independent at 0.1", learning_rate=0.1),
    ]
    numbers = range(LONG_SEEDS)
    return [
        compare(
            *(context, benchmark.name, [benchmark.table(0)] * LONG_SEEDS, specs, numbers, LONG),
            [LONG // 4, LONG // 2, LONG],
        )
        for benchmark in (questions.published_benchmark("nasbench201", d) for d in TABLES)
    ]


def against_optuna(context: RunContext) -> list[Comparison]:
    """`bayes` beside Optuna's Gaussian process, on few seeds."""
    specs = [questions.policy_spec("optuna-gp"), questions.policy_spec("bayes")]
    return [
        compare(
            *(context, benchmark.name, [benchmark.table(0)] * GP_SEEDS, specs, range(GP_SEEDS)),
            *(CHECKPOINTS[1], CHECKPOINTS[:2]),
        )
        for benchmark in (questions.published_benchmark("nasbench201", d) for d in TABLES)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--store", default="compare.db", help="where the runs are kept")
    args = parser.parse_args()

    def say(done: int, total: int) -> None:
        print(f"\r{done} of {total}", end="", flush=True)

    context = RunContext(Store(args.store), args.workers, say)
    some, few = max(2, args.seeds // 6), max(2, args.seeds // 10)
    answers = {"rl": rl(context, args.seeds, 200)}
    quick = [spec for spec in RIVALS if spec.label != SLOW]
    further = Further(
        long_runs(context),
        against_optuna(context),
        {
            "Tables not used for development": compare_all(context, unseen(), few, RIVALS),
            "Synthetic landscapes": compare_all(context, landscapes(), few, quick),
        },
    )
    answers["ablation"] = ablations(context, some)
    answers["rnn"] = rnn(context, some, 1000)
    table = table_of({"name": "nasbench201", "data": "cifar10"})
    answers["estimator"] = estimator.estimator(table, 10 * some, say)
    text = [
        "# Does it need reinforcement learning, does it need an RNN?",
        "",
        f"Made by `make results` ({cores()} cores): {args.seeds} seeds (0 to {args.seeds - 1})"
        f" for reinforcement learning, {some} for the RNN and the parts of `bayes`, {few} on the"
        f" further tables and landscapes, {LONG_SEEDS} in figure 6, {GP_SEEDS} beside Optuna's"
        " Gaussian process. Means over seeds, with 95 % intervals in brackets (Student's t;"
        " Wilson's for shares). [docs/review.md](../review.md) discusses the results; compare.json"
        " has all numbers.",
        "",
        *sections(answers, further),
    ]
    PAGE.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
    numbers: dict[str, Any] = {name: answer.document() for name, answer in answers.items()}
    NUMBERS.write_text(json_text(numbers), encoding="utf-8")
    pictures(answers, further)


if __name__ == "__main__":
    main()
