"""`python -m benchmarks.compare`: writes docs/results/compare.md, its figures and all numbers.

It answers the review's questions (docs/review.md), then runs `bayes` on tables that were not used
for tuning, on synthetic landscapes, and without each of its parts. Finished runs are stored: if it
was killed, it continues.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ablation import ablations
from benchmarks.pictures import screenshot
from reinas import Store
from reinas.cli.output import json_text
from reinas.compare import figures, page
from reinas.compare.comparison import Comparison, PolicySpec
from reinas.compare.runs import table_of
from reinas.compare.summary import Rows, summarise
from reinas.questions import estimator
from reinas.questions import tuning as questions
from reinas.questions.result import QuestionResult, RunContext, compare
from reinas.questions.rl import rl
from reinas.questions.rnn import rnn
from reinas.registry import words
from reinas.tables.packages import hpobench, hpolib

PAGE = Path("docs/results/compare.md")
NUMBERS = Path("docs/results/compare.json")
IMAGES = Path("docs/images")
RIVALS = (
    questions.policy_spec("random"),
    questions.policy_spec("evolution", population=20, sample=10),
    questions.policy_spec("local", starts=1),
    questions.policy_spec("tpe"),
    questions.policy_spec("bayes"),
)
SLOW = "tpe"  # with 500 decisions it takes minutes per run
CHECKPOINTS = (50, 100, 200)


def unseen() -> list[questions.Benchmark]:
    """The tables of perceptrons, which were not used for tuning."""
    return [
        questions.published_benchmark(name, data)
        for name, table in (("hpobench", hpobench), ("hpolib", hpolib))
        for data in words(table)["data"]
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


def markdown(table: page.TextTable) -> str:
    """A text table in Markdown."""
    title, head, body = table
    lines = [f"**{title}**", "", "| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body), ""])


def regret_tables(title: str, comparisons: Sequence[Comparison]) -> list[page.TextTable]:
    """One table of regrets per checkpoint: benchmarks in rows, policies in columns."""
    result = []
    for at in CHECKPOINTS:
        body = []
        for comparison in comparisons:
            rows = summarise(comparison)
            decimals = page.digits(comparison, rows)
            cells = [page.interval_text(by[at].regret, decimals) for by in rows.values()]
            body.append([comparison.problem.name, *cells])
        head = ["table", *(c.label for c in comparisons[0].policies)]
        result.append(page.TextTable(f"{title}: regret after {at} evaluations", head, body))
    return result


def against_the_best(comparison: Comparison, rows: Rows) -> list[str]:
    """A table row: the regret of bayes and of the best other policy at each checkpoint."""
    cells = []
    for at in CHECKPOINTS:
        ours = rows["bayes"][at].regret
        rivals = {label: by[at].regret for label, by in rows.items() if label != "bayes"}
        label = min(rivals, key=lambda name: rivals[name].mean)
        best = rivals[label]
        apart = "apart" if ours.high < best.low else "overlap"
        cells.append(
            f"{page.interval_text(ours, 3)}; {label} {page.interval_text(best, 3)}: {apart}"
        )
    return [comparison.problem.name, *cells]


def pictures(answers: dict[str, QuestionResult]) -> None:
    """Save the figures as PNG."""
    chosen = answers["rl"].comparisons
    for comparison in chosen:
        data = comparison.problem.settings["data"]
        screenshot(figures.progress(comparison), IMAGES / f"compare-{data}.png", (1000, 460))
    screenshot(figures.figure_6(chosen[0], 5), IMAGES / "compare-figure6.png", (1000, 460))
    screenshot(figures.rank_plot(chosen[0]), IMAGES / "compare-ranks.png", (1000, 560))


def sections(answers: dict[str, QuestionResult], unseen_: dict[str, list[Comparison]]) -> list[str]:
    """The sections of the page, in order."""
    rl = answers["rl"]
    parts = ["## Does it need reinforcement learning?", "", rl.protocol, ""]
    best = [against_the_best(c, summarise(c)) for c in rl.comparisons]
    head = ["table", *(f"at {at}" for at in CHECKPOINTS)]
    title = "Regret of bayes and of the best other policy"
    parts.append(markdown(page.TextTable(title, head, best)))
    for comparison in rl.comparisons:
        data = comparison.problem.settings["data"]
        parts += [
            f"### {comparison.problem.name}",
            "",
            f"![Regret](../images/compare-{data}.png)",
            "",
        ]
        parts += [markdown(t) for t in page.tables(comparison, summarise(comparison))]
    parts += [
        "![The best five, against random search (figure 6)](../images/compare-figure6.png)",
        "",
        "![Ranks by seed](../images/compare-ranks.png)",
        "",
        *(markdown(t) for t in rl.tables),
    ]
    for title, comparisons in unseen_.items():
        parts += [f"## {title}", "", *(markdown(t) for t in regret_tables(title, comparisons))]
    for name in ("rnn", "estimator", "ablation"):
        answer = answers[name]
        parts += [f"## {answer.question}", "", answer.protocol, ""]
        parts += [markdown(t) for t in answer.tables]
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--store", default="compare.db", help="where the runs are kept")
    args = parser.parse_args()

    def say(done: int, total: int) -> None:
        print(f"\r{done} of {total}", end="", flush=True)

    context = RunContext(Store(args.store), args.workers, say)
    few = max(2, args.seeds // 3)
    answers = {"rl": rl(context, args.seeds, 200)}
    unseen_ = {
        "Tables not used for tuning": compare_all(context, unseen(), few, RIVALS),
        "Synthetic landscapes": compare_all(
            context,
            landscapes(),
            max(2, args.seeds // 5),
            [c for c in RIVALS if c.label != SLOW],
        ),
    }
    answers["ablation"] = ablations(context, max(2, args.seeds // 2))
    answers["rnn"] = rnn(context, max(2, args.seeds // 2), 1000)
    table = table_of({"name": "nasbench201", "data": "cifar10"})
    answers["estimator"] = estimator.estimator(table, 10 * args.seeds, say)
    text = [
        "# Does it need reinforcement learning, does it need an RNN?",
        "",
        f"Made by `make results` ({os.cpu_count()} cores): {args.seeds} seeds (0 to"
        f" {args.seeds - 1}) unless stated otherwise, {few} on the tables of perceptrons"
        f" and {max(2, args.seeds // 5)} on landscapes. Means over seeds, with 95 %"
        " intervals in brackets (Student's t; Wilson's for shares). [docs/review.md](../review.md)"
        " discusses the results; compare.json has all numbers.",
        "",
        *sections(answers, unseen_),
    ]
    PAGE.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
    numbers: dict[str, Any] = {name: answer.document() for name, answer in answers.items()}
    NUMBERS.write_text(json_text(numbers), encoding="utf-8")
    pictures(answers)


if __name__ == "__main__":
    main()
