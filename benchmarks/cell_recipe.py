"""`python -m benchmarks.cell_recipe`: the recipes for text, on cells and on torch's LSTM.

An LSTM as a tree of the recurrent space and torch's own, with equal parameters, words and epochs,
by each of the recipes of `Text`; validation perplexity, written to docs/results/cell-recipe.md.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast, get_args

import numpy as np

from benchmarks.language import BUDGET, VOCABULARY, WORDS, Lstm, part_of
from reinas import Text, TrainedEvaluator
from reinas.compare.page import interval_text
from reinas.compare.statistics import interval
from reinas.seeds import derive
from reinas.tasks.text import Size
from reinas.threads import cores
from reinas.types import Job
from reinas.zoo import ZOO

PAGE = Path("docs/results/cell-recipe.md")
PERPLEXITY = 80.0
"""The reward is this divided by the square of the perplexity."""


def perplexity(task: Text, architecture: Any, epochs: int, seed: int) -> tuple[float, float]:
    """Validation perplexity after so many epochs, and the seconds that the training took."""
    begun = time.perf_counter()
    evaluate = TrainedEvaluator(task, replace(task.recipe, epochs=epochs))
    outcome = evaluate(Job(0, architecture, derive(seed, "cell recipe")))
    if outcome.reward is None:
        raise SystemExit(f"a child failed: {outcome.error}")
    return float(np.sqrt(PERPLEXITY / outcome.reward)), time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/wikitext-2"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", default=",".join(get_args(Size)), help="which recipes")
    args = parser.parse_args()
    models = {
        "LSTM (torch's)": Lstm(),
        "LSTM as a tree": replace(ZOO["lstm"].architecture, layers=1, budget=BUDGET),
        "the paper's cell": replace(ZOO["zoph-le-cell"].architecture, layers=1, budget=BUDGET),
    }
    rows = []
    with TemporaryDirectory() as folder:
        path = part_of(args.data, Path(folder))
        for size in args.sizes.split(","):
            task = Text(str(path), vocabulary=VOCABULARY, size=cast(Size, size))
            for name, architecture in models.items():
                runs = [
                    perplexity(task, architecture, args.epochs, seed) for seed in range(args.seeds)
                ]
                found = interval([run[0] for run in runs])
                seconds = np.mean([run[1] for run in runs])
                rows.append(f"| {size} | {name} | {interval_text(found, 1)} | {seconds:.0f} |")
                print(rows[-1], flush=True)
    text = [
        "# The recipes for text, on cells and on torch's LSTM",
        "",
        f"Made by `python -m benchmarks.cell_recipe --epochs {args.epochs} --seeds {args.seeds}"
        f" --sizes {args.sizes}`"
        f" ({cores()} core{'s' if cores() > 1 else ''}): {WORDS:,} words of WikiText-2,"
        f" {VOCABULARY:,} different ones,"
        f" {BUDGET:,} parameters, {args.epochs} epochs. Validation perplexity, mean over seeds and"
        " 95 % interval (Student's t).",
        "",
        "| recipe (`task.size`) | model | validation perplexity | seconds |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
