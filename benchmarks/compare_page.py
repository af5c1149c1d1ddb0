"""The page, the figures and the tables of `python -m benchmarks.compare`."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.pictures import screenshot
from reinas.compare import figures, page
from reinas.compare.comparison import Comparison
from reinas.compare.summary import Rows, summarise
from reinas.questions.result import QuestionResult

IMAGES = Path("docs/images")
CHECKPOINTS = (50, 100, 200)


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


def pictures_of_rl(answer: QuestionResult) -> None:
    """Save the regrets and the ranks as PNG."""
    chosen = answer.comparisons[::2]  # those with the mean over trainings as reward
    for comparison in chosen:
        screenshot(
            figures.progress(comparison), IMAGES / f"compare-{_data(comparison)}.png", (1000, 460)
        )
    screenshot(figures.rank_plot(chosen[0]), IMAGES / "compare-ranks.png", (1000, 560))


def pictures_of_figure_6(long: Sequence[Comparison]) -> None:
    """Save figure 6 as PNG, for each number of models."""
    for comparison in long:
        for count in figures.TOPS:
            path = IMAGES / f"figure6-{_data(comparison)}-{count}.png"
            screenshot(figures.figure_6(comparison, count), path, (1000, 460))


def shares_of_the_best(comparisons: Sequence[Comparison]) -> list[str]:
    """How the regret of bayes compares with the best rival's, and on how many tables."""
    body = []
    for at in CHECKPOINTS:
        shares = []
        for comparison in comparisons:
            rows = summarise(comparison)
            regrets = {name: by[at].regret for name, by in rows.items()}
            best = min(r.mean for name, r in regrets.items() if r is not None and name != "bayes")
            ours = regrets["bayes"]
            if ours is not None and best > 0:
                shares.append(ours.mean / best)
        ordered = sorted(shares)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        most, half = max(shares), sum(share <= 0.5 for share in shares)
        ahead = sum(share < 1 for share in shares)
        numbers = (at, f"{middle:.2f}", f"{most:.2f}", half, ahead, len(shares))
        body.append([str(number) for number in numbers])
    head = ["evaluations", "median share", "largest", "at most half on", "below 1 on", "tables"]
    title = "Regret of bayes as a share of the best rival's (means over seeds)"
    return [markdown(page.TextTable(title, head, body))]


def _data(comparison: Comparison) -> str:
    data: str = comparison.problem.settings["data"]
    return data


def figure_6(long: Sequence[Comparison]) -> list[str]:
    """The section with figure 6: all of its curves, and the regrets of the same runs."""
    evaluations, seeds = long[0].evaluations, len(long[0].seeds)
    parts = [
        f"{evaluations:,} evaluations, {seeds} seeds, bands of 95 %. Above 0 is better than random"
        " search; the mean of the best k different models minus random search's, paired by seed.",
        "",
    ]
    for comparison in long:
        parts += [f"## {comparison.problem.name}", ""]
        parts += [
            f"![k = {count}](../images/figure6-{_data(comparison)}-{count}.png)\n"
            for count in figures.TOPS
        ]
        parts += [markdown(t) for t in page.tables(comparison, summarise(comparison))]
    return parts


def rl_sections(rl: QuestionResult) -> list[str]:
    """The answer about reinforcement learning."""
    parts = [rl.protocol, ""]
    best = [against_the_best(c, summarise(c)) for c in rl.comparisons]
    head = ["table", *(f"at {at}" for at in CHECKPOINTS)]
    title = "Regret of bayes and of the best other policy"
    parts.append(markdown(page.TextTable(title, head, best)))
    for place, comparison in enumerate(rl.comparisons):
        parts += [f"## {comparison.problem.name}", ""]
        if place % 2 == 0:  # the mean over trainings as reward
            parts += [f"![Regret](../images/compare-{_data(comparison)}.png)", ""]
        parts += [markdown(t) for t in page.tables(comparison, summarise(comparison))]
    parts += ["![Ranks by seed](../images/compare-ranks.png)", ""]
    return parts + [markdown(t) for t in rl.tables]


def question_sections(answer: QuestionResult) -> list[str]:
    """The answer to a question: how it was asked, and its tables."""
    return [answer.protocol, "", *(markdown(t) for t in answer.tables)]
