"""`python -m benchmarks.images`: the controller against random search on MNIST and CIFAR-10.

Small networks on parts of the images; every search has the same budget and seeds. It writes
docs/results/images.md and docs/images/images.png; if it was killed, it continues.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots
from scipy import stats

from benchmarks.pictures import screenshot
from reinas import (
    Arrays,
    Budget,
    ConvSpace,
    Processes,
    RandomSearch,
    Recipe,
    Store,
    TrainedEvaluator,
    finish,
    search,
    zoph_le,
)

DATA = {"MNIST": "mnist.npz", "CIFAR-10": "cifar10-15k.npz"}
EXAMPLES, EPOCHS, LAST = 2500, 3, 16
SPACE = ConvSpace(depth=4, filters=(8, 16, 24), strides=(1, 2))
POLICIES = {
    "zoph-le": lambda seed: zoph_le(SPACE, learning_rate=0.01, seed=seed),
    "random": lambda seed: RandomSearch(SPACE),
}
COLOURS = {"zoph-le": "#c0563b", "random": "#33518a"}


def run(args: argparse.Namespace) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Run every search, then train its best network to the end and test it once."""
    store = Store(args.store)
    results: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for data, file in DATA.items():
        task = Arrays(str(Path(args.data) / file), examples=EXAMPLES, reward="cubed")
        for seed in range(args.seeds):
            for policy, make in POLICIES.items():
                name = f"{data} {policy} {seed}"
                found = search(
                    SPACE,
                    make(seed),
                    TrainedEvaluator(task, Recipe(epochs=EPOCHS)),
                    budget=Budget(args.children),
                    seed=seed,
                    store=store,
                    name=name,
                    executor=Processes(args.workers),
                )
                done = finish(
                    store, name, SPACE, task, grid=None, folder=Path(args.networks) / name
                )
                accuracy = [t.outcome.value ** (1 / 3) for t in found.record.finished()]
                results.setdefault((data, policy), []).append(
                    {"accuracy": accuracy, "test": done.final.metrics["accuracy"]}
                )
                test = done.final.metrics["accuracy"]
                print(f"{name}: {max(accuracy):.4f}, test {test:.4f}", flush=True)
    return results


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval by Student's t, in per cent."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{100 * values.mean():.2f} ± {100 * half:.2f}"


def measures(runs: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """One value per seed, by name."""
    accuracy = np.array([r["accuracy"] for r in runs])
    return {
        "best child, validation": accuracy.max(1),
        f"mean of the last {LAST} children, validation": accuracy[:, -LAST:].mean(1),
        "best network trained on, test": np.array([r["test"] for r in runs]),
    }


def table(args: argparse.Namespace, results: dict[tuple[str, str], list[dict[str, Any]]]) -> str:
    """The page: how it was made, and one row per measure with the difference and its interval."""
    rows = []
    for data in DATA:
        ours, theirs = (measures(results[data, policy]) for policy in POLICIES)
        for name in ours:
            difference = ours[name] - theirs[name]
            p = stats.ttest_rel(ours[name], theirs[name]).pvalue
            rows.append(
                f"| {data} | {name} | {interval(ours[name])} | {interval(theirs[name])} |"
                f" {interval(difference)} | {p:.3f} |"
            )
    space = f"depth {SPACE.depth}, filters {list(SPACE.filters)}, strides {list(SPACE.strides)}"
    return "\n".join(
        [
            "# The controller against random search on images",
            "",
            f"Made by `python -m benchmarks.images` ({os.cpu_count()} cores, torch"
            f" {torch.__version__}): {args.seeds} seeds, {args.children} children a search, each"
            f" trained for {EPOCHS} epochs on {EXAMPLES * 4 // 5:,} images, validated on"
            f" {EXAMPLES // 5:,}; space conv, {space}; zoph-le at learning rate 0.01. The best"
            f" network of each search is then trained for at most {3 * EPOCHS} epochs and tested"
            " once. Accuracies in per cent: mean over seeds ± 95 % interval (Student's t);"
            " differences are paired by seed. The CIFAR-10 images are decoded from lossy copies,"
            " so that no accuracy here compares with a published one.",
            "",
            "| data | measure | zoph-le | random | difference | p |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            "![Best accuracy so far and mean of the last children](../images/images.png)",
            "",
        ]
    )


def figure(results: dict[tuple[str, str], list[dict[str, Any]]]) -> Any:
    """Best so far (thick) and moving mean (thin), over seeds, with their standard errors."""
    picture = make_subplots(cols=len(DATA), rows=1, subplot_titles=list(DATA))
    for column, data in enumerate(DATA, start=1):
        for policy in POLICIES:
            accuracy = 100 * np.array([r["accuracy"] for r in results[data, policy]])
            best = np.maximum.accumulate(accuracy, axis=1)
            kernel = np.ones(LAST) / LAST
            mean = np.array([np.convolve(row, kernel, mode="valid") for row in accuracy])
            lines = [("best so far", best, 0, 2.5), (f"mean of {LAST}", mean, LAST - 1, 1.2)]
            for what, values, start, width in lines:
                _band(picture, values, start, f"{policy}, {what}", COLOURS[policy], width, column)
    picture.update_layout(
        template="plotly_white",
        legend={"orientation": "h", "y": -0.2},
        margin={"l": 60, "r": 20, "t": 40, "b": 60},
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#1b2433"},
    )
    picture.update_xaxes(title_text="children")
    picture.update_yaxes(title_text="validation accuracy, %", col=1)
    return picture


def _band(
    picture: Any,
    values: np.ndarray,
    start: int,
    name: str,
    colour: str,
    width: float,
    column: int,
) -> None:
    x = np.arange(start, start + values.shape[1]) + 1
    middle, error = values.mean(0), stats.sem(values, axis=0)
    edges = np.concatenate([middle + error, (middle - error)[::-1]])
    picture.add_trace(
        go.Scatter(
            x=np.concatenate([x, x[::-1]]),
            y=edges,
            fill="toself",
            fillcolor=colour,
            opacity=0.15,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        ),
        row=1,
        col=column,
    )
    line = {"color": colour, "width": width}
    picture.add_trace(
        go.Scatter(x=x, y=middle, name=name, line=line, showlegend=column == 1), row=1, col=column
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data", help="folder of the .npz files")
    parser.add_argument("--children", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--store", default="images.db", help="where the searches are kept")
    parser.add_argument("--networks", default="images-networks", help="folder of the networks")
    args = parser.parse_args()
    results = run(args)
    Path("docs/results/images.md").write_text(table(args, results), encoding="utf-8")
    screenshot(figure(results), Path("docs/images/images.png"), (1000, 460))


if __name__ == "__main__":
    main()
