"""The page, the figures and the tables of `python -m benchmarks.compare`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pictures import screenshot
from reinas.compare import figures, page
from reinas.compare.comparison import Comparison
from reinas.compare.summary import Rows, summarise
from reinas.questions.result import QuestionResult

IMAGES = Path("docs/images")
CHECKPOINTS = (50, 100, 200)


@dataclass(frozen=True)
class Further:
    """What is measured beside the review's questions.

    Args:
        long: Runs of many evaluations, for figure 6.
        optuna: `bayes` beside Optuna's Gaussian process.
        others: By title, `bayes` and rivals on other tables.
    """

    long: list[Comparison]
    optuna: list[Comparison]
    others: dict[str, list[Comparison]]


def markdown(table: page.TextTable) -> str:
    """A text table in Markdown."""
    title, head, body = table
    lines = [f"**{title}**", "", "| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body), ""])


def regret_tables(title: str, comparisons: Sequence[Comparison]) -> list[page.TextTable]:
    """One table of regrets per checkpoint: benchmarks in rows, policies in columns."""
    result = []
    for at in comparisons[0].at:
        body = []
        for comparison in comparisons:
            rows = summarise(comparison)
            decimals = page.digits(comparison, rows)
            cells = [page.interval_text(by[at].regret, decimals) for by in rows.values()]
            body.append([comparison.problem.name, *cells])
        head = ["table", *(c.label for c in comparisons[0].policies)]
        words = f"{title}: regret" if title else "Regret"
        result.append(page.TextTable(f"{words} after {at} evaluations", head, body))
    return result


def against_the_best(comparison: Comparison, rows: Rows) -> list[str]:
    """A table row: the regret of bayes and of the best other policy at each checkpoint."""
    cells = []
    for at in CHECKPOINTS:
        ours = rows["bayes"][at].regret
        regrets = {label: by[at].regret for label, by in rows.items() if label != "bayes"}
        rivals = {label: regret for label, regret in regrets.items() if regret is not None}
        assert ours is not None  # the table knows its best
        label = min(rivals, key=lambda name: rivals[name].mean)
        best = rivals[label]
        apart = "apart" if ours.high < best.low else "overlap"
        cells.append(
            f"{page.interval_text(ours, 3)}; {label} {page.interval_text(best, 3)}: {apart}"
        )
    return [comparison.problem.name, *cells]


def pictures(answers: dict[str, QuestionResult], further: Further) -> None:
    """Save the figures as PNG."""
    chosen = answers["rl"].comparisons[::2]  # those with the mean over trainings as reward
    for comparison in chosen:
        screenshot(
            figures.progress(comparison), IMAGES / f"compare-{_data(comparison)}.png", (1000, 460)
        )
    for comparison in further.long:
        for count in figures.TOPS:
            path = IMAGES / f"figure6-{_data(comparison)}-{count}.png"
            screenshot(figures.figure_6(comparison, count), path, (1000, 460))
    screenshot(figures.rank_plot(chosen[0]), IMAGES / "compare-ranks.png", (1000, 560))


def _data(comparison: Comparison) -> str:
    data: str = comparison.problem.settings["data"]
    return data


def figure_6(long: Sequence[Comparison]) -> list[str]:
    """The section with figure 6: all of its curves, and the regrets of the same runs."""
    evaluations, seeds = long[0].evaluations, len(long[0].seeds)
    parts = [
        "## Figure 6: the best k models against random search",
        "",
        f"{evaluations:,} evaluations, {seeds} seeds, bands of 95 %. Above 0 is better than random"
        " search; the mean of the best k different models minus random search's, paired by seed.",
        "",
    ]
    for comparison in long:
        parts += [f"### {comparison.problem.name}", ""]
        parts += [
            f"![k = {count}](../images/figure6-{_data(comparison)}-{count}.png)\n"
            for count in figures.TOPS
        ]
        parts += [markdown(t) for t in page.tables(comparison, summarise(comparison))]
    return parts


def sections(answers: dict[str, QuestionResult], further: Further) -> list[str]:
    """The sections of the page, in order."""
    rl = answers["rl"]
    parts = ["## Does it need reinforcement learning?", "", rl.protocol, ""]
    best = [against_the_best(c, summarise(c)) for c in rl.comparisons]
    head = ["table", *(f"at {at}" for at in CHECKPOINTS)]
    title = "Regret of bayes and of the best other policy"
    parts.append(markdown(page.TextTable(title, head, best)))
    for place, comparison in enumerate(rl.comparisons):
        parts += [f"### {comparison.problem.name}", ""]
        if place % 2 == 0:  # the mean over trainings as reward
            parts += [f"![Regret](../images/compare-{_data(comparison)}.png)", ""]
        parts += [markdown(t) for t in page.tables(comparison, summarise(comparison))]
    parts += ["![Ranks by seed](../images/compare-ranks.png)", ""]
    parts += [markdown(t) for t in rl.tables]
    parts += figure_6(further.long)
    parts += ["## Beside Optuna's Gaussian process", ""]
    parts += [markdown(t) for t in regret_tables("", further.optuna)]
    for title, comparisons in further.others.items():
        parts += [f"## {title}", "", *(markdown(t) for t in regret_tables(title, comparisons))]
    for name in ("rnn", "estimator", "ablation"):
        answer = answers[name]
        parts += [f"## {answer.question}", "", answer.protocol, ""]
        parts += [markdown(t) for t in answer.tables]
    return parts
