"""`python -m benchmarks.compare`: the pages in docs/results that compare policies, part by part.

It answers the review's questions (docs/review.md), runs `bayes` on tables that were not used for
tuning, on synthetic landscapes, and without each of its parts. Finished runs are stored: if it was
killed, it continues; a part that is done has its page.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ablation import ablations
from benchmarks.compare_page import (
    CHECKPOINTS,
    figure_6,
    markdown,
    pictures_of_figure_6,
    pictures_of_rl,
    question_sections,
    regret_tables,
    rl_sections,
    shares_of_the_best,
)
from reinas import Store
from reinas.compare.comparison import Comparison, PolicySpec
from reinas.compare.runs import table_of
from reinas.questions import estimator
from reinas.questions import tuning as questions
from reinas.questions.result import RunContext, compare
from reinas.questions.rl import TABLES, batch_sizes, rivals
from reinas.questions.rnn import rnn
from reinas.registry import words
from reinas.tables.analog import analognasbench
from reinas.tables.graph_networks import nasbenchgraph
from reinas.tables.packages import hpobench, hpolib
from reinas.threads import cores

RESULTS = Path("docs/results")
RIVALS = (
    questions.policy_spec("random"),
    questions.policy_spec("evolution", population=10, sample=5),
    questions.policy_spec("local"),
    questions.policy_spec("tpe"),
    questions.policy_spec("bayes"),
)
"""As they were tuned on NAS-Bench-201's CIFAR-10; `local` has 10 starts."""
SLOW = "tpe"  # with 500 decisions it takes minutes per run
LONG = 2000
"""Evaluations of figure 6."""

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


def long_runs(context: RunContext, seeds: int) -> list[Comparison]:
    """REINFORCE against random search over many evaluations, for figure 6."""
    specs = [
        questions.policy_spec("random"),
        questions.policy_spec("zoph-le", "zoph-le at 0.0006"),
        questions.policy_spec("zoph-le", "zoph-le at 0.006", learning_rate=0.006),
        questions.policy_spec("independent", "independent at 0.1", learning_rate=0.1),
    ]
    numbers = range(seeds)
    return [
        compare(
            *(context, benchmark.name, [benchmark.table(0)] * seeds, specs, numbers, LONG),
            [LONG // 4, LONG // 2, LONG],
        )
        for benchmark in (questions.published_benchmark("nasbench201", d) for d in TABLES)
    ]


def against_optuna(context: RunContext, seeds: int) -> list[Comparison]:
    """`bayes` beside Optuna's Gaussian process, on few seeds."""
    specs = [questions.policy_spec("optuna-gp"), questions.policy_spec("bayes")]
    return [
        compare(
            *(context, benchmark.name, [benchmark.table(0)] * seeds, specs, range(seeds)),
            *(CHECKPOINTS[1], CHECKPOINTS[:2]),
        )
        for benchmark in (questions.published_benchmark("nasbench201", d) for d in TABLES)
    ]


def rl_page(context: RunContext, seeds: int) -> list[str]:
    answer = rivals(context, seeds, 200)
    pictures_of_rl(answer)
    return rl_sections(answer)


def batches_page(context: RunContext, seeds: int) -> list[str]:
    return question_sections(batch_sizes(context, seeds, 200))


def figure_6_page(context: RunContext, seeds: int) -> list[str]:
    compared = long_runs(context, seeds)
    pictures_of_figure_6(compared)
    return figure_6(compared)


def optuna_page(context: RunContext, seeds: int) -> list[str]:
    return [
        "`bayes` in batches of five, the sampler one at a time.",
        "",
        *(markdown(t) for t in regret_tables("", against_optuna(context, seeds))),
    ]


def unseen_page(context: RunContext, seeds: int) -> list[str]:
    compared = compare_all(context, unseen(), seeds, RIVALS)
    return [*shares_of_the_best(compared), *map(markdown, regret_tables("", compared))]


def landscapes_page(context: RunContext, seeds: int) -> list[str]:
    quick = [spec for spec in RIVALS if spec.label != SLOW]
    compared = compare_all(context, landscapes(), seeds, quick)
    return [*map(markdown, regret_tables("", compared))]


def rnn_page(context: RunContext, seeds: int) -> list[str]:
    return question_sections(rnn(context, seeds, 1000))


def ablation_page(context: RunContext, seeds: int) -> list[str]:
    return question_sections(ablations(context, seeds))


def estimator_page(context: RunContext, seeds: int) -> list[str]:
    table = table_of({"name": "nasbench201", "data": "cifar10"})
    return question_sections(estimator.estimator(table, 10 * seeds, say))


@dataclass(frozen=True)
class Part:
    """A page.

    Args:
        title: Its title.
        make: Gives its lines, from the number of seeds.
        seeds: How many seeds unless told otherwise.
    """

    title: str
    make: Callable[[RunContext, int], list[str]]
    seeds: int


PARTS = {
    "rl": Part("Does it need reinforcement learning?", rl_page, 300),
    "batches": Part("REINFORCE by the children per batch", batches_page, 300),
    "figure6": Part("Figure 6: the best k models against random search", figure_6_page, 20),
    "optuna-gp": Part("Beside Optuna's Gaussian process", optuna_page, 10),
    "unseen": Part("Tables not used for the development of bayes", unseen_page, 30),
    "landscapes": Part("Synthetic landscapes", landscapes_page, 30),
    "rnn": Part("Is an RNN needed? The causes apart", rnn_page, 50),
    "ablation": Part("bayes without each of its parts", ablation_page, 50),
    "estimator": Part("What the gradient's estimators vary by", estimator_page, 50),
}


def say(done: int, total: int) -> None:
    print(f"\r{done} of {total}", end="", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="which pages")
    parser.add_argument("--seeds", type=int, help="of each part. Default: its own number")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--store", default="compare.db", help="where the runs are kept")
    args = parser.parse_args()
    context = RunContext(Store(args.store), args.workers, say)
    for name in args.parts.split(","):
        part = PARTS[name]
        seeds = args.seeds or part.seeds
        print(f"\n{name}: {seeds} seeds", flush=True)
        more = "" if args.seeds is None else f" --seeds {seeds}"
        text = [
            f"# {part.title}",
            "",
            f"Made by `python -m benchmarks.compare --parts {name}{more}` ({cores()} cores), seeds"
            f" 0 to {seeds - 1}. Means over seeds, with 95 % intervals in brackets (Student's t;"
            " Wilson's for shares). [docs/review.md](../review.md) discusses the results.",
            "",
            *part.make(context, seeds),
        ]
        page = RESULTS / f"{name}.md"
        page.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
