"""What early stopping saves: at which share of the cost a policy is as good as without it.

    python -m benchmarks.stopping

makes the tables of benchmarks/curves.py, runs each policy with and without `asha` on them, and
writes docs/results/stopping.md. A minute on two cores.
"""

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks import curves
from reinas.compare.runs import Run, RunSpec, run, table_of

Floats = NDArray[np.float64]
EVALUATIONS, BATCH, CHECKPOINTS = 100, 5, (25, 50, 100)
GRID = np.arange(0.25, EVALUATIONS + 0.01, 0.25)
"""Costs in whole trainings at which regrets are read."""
RESAMPLES, LEVEL = 1000, 95


def specifications(
    path: Path, policy: str, seeds: int, evaluations: int, stopping: dict[str, object] | None
) -> list[RunSpec]:
    """Runs of a policy on a table of curves, one per seed."""
    table = {
        "name": "csv",
        "path": str(path),
        "decisions": list(curves.GRID),
        "reward": [f"loss_{curves.SAVED[-1]}"],
        "maximise": False,
        "fidelities": [f"loss_{epoch}" for epoch in curves.SAVED[:-1]],
    }
    own = {"name": policy}
    return [
        RunSpec(table, None, "mean", own, BATCH, evaluations, True, seed, stopping=stopping)
        for seed in range(seeds)
    ]


def regret(found: Run, best: float) -> Floats:
    """How far the best child trained whole is from the best there is, at each cost of GRID.

    Before the first such child it is not a number.
    """
    values = np.where(np.isnan(found.rewards), -np.inf, found.means)
    reached = np.maximum.accumulate(values)
    place = np.searchsorted(found.spent, GRID, side="right") - 1
    left: Floats = best - reached[np.maximum(place, 0)]
    return np.where((place >= 0) & np.isfinite(left), left, np.nan)


def share(plain: Floats, stopped: Floats, cost: int) -> float:
    """The cost at which the mean regret with stopping is that without it at `cost`, divided by it.

    Args:
        plain: Regrets without stopping [seeds, costs].
        stopped: Regrets with it [seeds, costs].
        cost: In whole trainings.

    Returns:
        Infinity where it never gets there.
    """
    aim = plain.mean(0)[np.searchsorted(GRID, cost)]
    there = np.flatnonzero(stopped.mean(0) <= aim + 1e-12)  # no number before all have begun
    return float(GRID[there[0]]) / cost if len(there) else np.inf


def interval(plain: Floats, stopped: Floats, cost: int) -> tuple[float, float]:
    """Percentiles of the share over seeds drawn anew, which are the same in both."""
    rng = np.random.default_rng(0)
    draws = rng.integers(len(plain), size=(RESAMPLES, len(plain)))
    shares = [share(plain[draw], stopped[draw], cost) for draw in draws]
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(shares, [tail, 100 - tail], method="nearest")
    return float(low), float(high)


def text(plain: Floats, stopped: Floats, cost: int) -> str:
    """A cell of the page."""
    low, high = interval(plain, stopped, cost)
    shown = [
        "never" if not np.isfinite(v) else f"{v:.2f}"
        for v in (share(plain, stopped, cost), low, high)
    ]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stopping", description=__doc__)
    parser.add_argument("--policies", default="random,bayes")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=400, help="with stopping")
    parser.add_argument("--least", type=int, default=1, help="the first rung, in epochs")
    parser.add_argument("--out", type=Path, default=Path("docs/results/stopping.md"))
    args = parser.parse_args(arguments)
    rule: dict[str, object] = {"name": "asha", "eta": 3, "least": args.least}
    rows = []
    with TemporaryDirectory() as folder, ProcessPoolExecutor(os.cpu_count()) as pool:
        curves.main(folder)
        for name in curves.DATA:
            path = Path(folder) / f"{name}.csv"
            for policy in args.policies.split(","):
                best = table_of(specifications(path, policy, 1, 1, None)[0].table).best
                assert best is not None  # every row of the table is there
                plain, stopped = (
                    np.array([regret(found, best) for found in pool.map(run, specs)])
                    for specs in (
                        specifications(path, policy, args.seeds, EVALUATIONS, None),
                        specifications(path, policy, args.seeds, args.evaluations, rule),
                    )
                )
                cells = [text(plain, stopped, cost) for cost in CHECKPOINTS]
                rows.append(f"| {name} | {policy} | {' | '.join(cells)} |")
                print(rows[-1], flush=True)
    args.out.write_text(page(rows, args), encoding="utf-8")
    print(f"wrote {args.out}")


def page(rows: Sequence[str], args: argparse.Namespace) -> str:
    """The page as Markdown."""
    heads = " | ".join(f"after {cost} trainings" for cost in CHECKPOINTS)
    return "\n".join(
        [
            "# What early stopping saves",
            "",
            f"Written by `python -m benchmarks.stopping` ({args.seeds} seeds,"
            f" {os.cpu_count()} cores).",
            "",
            "Four tables of perceptrons with the validation loss after 1, 3, 9 and 27 epochs"
            " (`benchmarks/curves.py`). Each cell is a share of the cost: a policy with"
            f" `asha` (eta 3, first rung {args.least}) has, at that share, the mean regret that the"
            f" same policy has without it after so many whole trainings. In brackets {LEVEL} % of"
            f" {RESAMPLES:,} resamplings of the seeds; *never*: not within {args.evaluations}"
            " trials. Below 1 stopping saves, above 1 it costs. How noisy `bayes` takes early"
            " scores to be was chosen on these same tables.",
            "",
            f"| table | policy | {heads} |",
            f"|---|---|{'---|' * len(CHECKPOINTS)}",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
