"""`python -m benchmarks.scale`: writes docs/results/scale.md and its figure.

It compares three schemes for searching on 8 to 3,200 workers, under a simulated clock.
"""

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks.compare import markdown
from benchmarks.pictures import screenshot
from benchmarks.simulation import Plan, Simulated, simulate
from reinas.compare.figures import layout
from reinas.compare.page import TextTable
from reinas.executors.process_pool import WorkerPool
from reinas.executors.worker import Lost

PAGE = Path("docs/results/scale.md")
IMAGE = Path("docs/images/scale.png")
WORKERS = (8, 40, 200, 800, 3200)
RATES = (0.0006, 0.002, 0.006, 0.02)
SCHEMES = {
    "synchronous": "synchronous, one batch of all workers",
    "learner": "one learner, batches of 8 as they finish",
    "figure3": "figure 3, replicas of 8 children",
}
FAILURES = (0.0, 0.01, 0.1)
MIDDLE = 800
SPLITS = ((1, 1), (1, 10), (4, 1), (8, 1), (32, 1))  # m and G with as many workers
REGRET, MEAN_REGRET = 0.1, 2.0
Row = tuple[float, ...]


def children(scheme: str, workers: int) -> int:
    """A synchronous search needs a batch as large as the cluster; the others have the paper's 8."""
    return workers if scheme == "synchronous" else 8


def growing(seeds: int) -> list[Plan]:
    """All schemes on all sizes, with all learning rates."""
    return [
        Plan(scheme, workers, children(scheme, workers), rate, seed)
        for scheme in SCHEMES
        for workers in WORKERS
        for rate in RATES
        for seed in range(seeds)
    ]


def failing(seeds: int) -> list[Plan]:
    """The middle size, with more and more workers lost."""
    return [
        Plan(scheme, MIDDLE, children(scheme, MIDDLE), 0.002, seed, failures=failures)
        for scheme in SCHEMES
        for failures in FAILURES
        for seed in range(seeds)
    ]


def splitting(seeds: int) -> list[Plan]:
    """The middle size, with fewer and larger replicas."""
    return [
        Plan("figure3", MIDDLE, m, rate, seed, accumulate=g)
        for m, g in SPLITS
        for rate in RATES
        for seed in range(seeds)
    ]


def measured(found: Simulated) -> Row:
    """The measurements of a run, in the order of `HEAD`."""
    return (
        found.utilisation,
        found.times[-1] / 3600,
        found.hours_to(REGRET),
        found.hours_to_mean(MEAN_REGRET),
        float(found.stale.mean()),
        float(found.lost),
    )


def work(plan: Plan) -> Row:
    """One run, in a worker process."""
    return measured(simulate(plan))


HEAD = (
    "utilisation",
    "total hours",
    f"hours to a regret of {REGRET}",
    f"hours until the policy's mean regret is {MEAN_REGRET:g}",
    "steps late",
    "children lost",
)


def run_all(plans: Sequence[Plan]) -> dict[Plan, Row]:
    """All runs, on all cores."""
    pool = WorkerPool(os.cpu_count() or 1)
    rows: dict[Plan, Row] = {}
    try:
        for plan, row in pool.run(work, plans):
            if isinstance(row, Lost):
                raise RuntimeError(f"{plan}: {row.reason}")
            rows[plan] = row
            print(f"\r{len(rows)} of {len(plans)}", end="", flush=True)
    finally:
        pool.close()
    print()
    return rows


def averaged(rows: Iterable[Row]) -> Row:
    """The means over seeds; a time that one seed never came to has none."""
    return tuple(mean(column) for column in zip(*rows, strict=True))


def best_rate(rows: dict[Plan, Row], plan: Plan) -> tuple[float, Row]:
    """The learning rate whose policy learns soonest, and what it gives."""
    by_rate = {
        rate: averaged(
            row
            for p, row in rows.items()
            if replace(p, seed=0) == replace(plan, seed=0, learning_rate=rate)
        )
        for rate in RATES
    }
    rate = min(by_rate, key=lambda r: (by_rate[r][3], by_rate[r][2], by_rate[r][1]))
    return rate, by_rate[rate]


def words(row: Row) -> list[str]:
    """A row's cells."""
    share, *hours, late, lost = row
    texts = [f"{h:,.1f}" if np.isfinite(h) else "never" for h in hours]
    return [f"{100 * share:.0f} %", *texts, f"{late:.1f}", f"{lost:.0f}"]


def sizes_table(rows: dict[Plan, Row]) -> tuple[str, list[list[str]], dict[str, list[Row]]]:
    """The first table, and what the picture needs: rows by scheme, in the order of sizes."""
    body, by_scheme = [], {}
    for scheme, label in SCHEMES.items():
        some = []
        for workers in WORKERS:
            plan = Plan(scheme, workers, children(scheme, workers), RATES[0], 0)
            rate, row = best_rate(rows, plan)
            some.append(row)
            body.append([label, f"{workers:,}", f"{rate:g}", *words(row)])
        by_scheme[scheme] = some
    return "Three schemes", body, by_scheme


def picture(by_scheme: dict[str, list[Row]]) -> None:
    """Utilisation, and when the policy has learned, against workers."""
    titles = ("utilisation", f"hours to a mean regret of {MEAN_REGRET:g}")
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    colours = {"synchronous": "#8a94a6", "learner": "#d97706", "figure3": "#2563eb"}
    for scheme, rows in by_scheme.items():
        for column, place in ((1, 0), (2, 3)):
            y = [row[place] if np.isfinite(row[place]) else None for row in rows]
            line = {
                "x": WORKERS,
                "y": y,
                "name": SCHEMES[scheme],
                "showlegend": column == 1,
                "line": {"color": colours[scheme]},
            }
            figure.add_trace(go.Scatter(**line), row=1, col=column)
    layout(figure, "", "")
    figure.update_xaxes(type="log", title="workers", tickvals=WORKERS)
    figure.update_yaxes(rangemode="tozero", tickformat=".0%", row=1, col=1)
    figure.update_yaxes(type="log", row=1, col=2)
    figure.update_layout(legend={"orientation": "h", "y": -0.25})
    screenshot(figure, IMAGE, (1000, 440))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    seeds = parser.parse_args().seeds
    few = max(1, seeds // 2)
    rows = run_all([*growing(seeds), *failing(seeds), *splitting(few)])
    title, sizes, by_scheme = sizes_table(rows)
    losses = [
        [
            SCHEMES[s],
            f"{f:g}",
            *words(averaged(rows[p] for p in failing(seeds) if (p.scheme, p.failures) == (s, f))),
        ]
        for s in SCHEMES
        for f in FAILURES
    ]
    splits = []
    for m, g in SPLITS:
        rate, row = best_rate(rows, Plan("figure3", MIDDLE, m, RATES[0], 0, accumulate=g))
        splits.append([f"{MIDDLE // m}", str(m), str(g), f"{rate:g}", *words(row)])
    text = [
        "# Many workers: three schemes under a simulated clock",
        "",
        f"Made by `python -m benchmarks.scale` ({os.cpu_count()} cores). NAS-Bench-201, CIFAR-10:"
        " a child takes the training time of the table (9 to 58 minutes, half an hour on average)."
        " Each search has 12,800 children, repeats are trained again, and the policy is the LSTM"
        f" controller; means over {seeds} seeds, {few} in the last table. Of the learning rates"
        f" {', '.join(map(str, RATES))}"
        " each row shows the one whose policy learns soonest. A lost worker is detected and"
        " replaced after 30 seconds. `never`: at least one seed did not reach it."
        " [docs/scale.md](../scale.md) discusses the results.",
        "",
        "![Utilisation and time to learn, against workers](../images/scale.png)",
        "",
        markdown(TextTable(title, ["scheme", "workers", "learning rate", *HEAD], sizes)),
        markdown(
            TextTable(
                f"{MIDDLE} workers, some of them lost (learning rate 0.002)",
                ["scheme", "losses per hour and worker", *HEAD],
                losses,
            )
        ),
        markdown(
            TextTable(
                f"{MIDDLE} workers as K replicas of m children, one step per G gradients",
                ["K", "m", "G", "learning rate", *HEAD],
                splits,
            )
        ),
    ]
    PAGE.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
    picture(by_scheme)


if __name__ == "__main__":
    main()
