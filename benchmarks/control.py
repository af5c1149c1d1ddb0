"""`python -m benchmarks.control`: the paper's first control experiment, on text one can afford.

Section 4.2 adds max to the combinations and sin to the activations, and finds a cell that is about
as good. Here each seed searches the paper's space and the larger one with equally many children;
the best cell of each is trained anew from fresh seeds and measured on the test part. It writes
docs/results/control.md; if it was killed, it continues.
"""

import argparse
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.language import RECIPE, part_of
from reinas import Budget, Processes, RecurrentSpace, Store, Text, TrainedEvaluator, search, zoph_le
from reinas.children import build
from reinas.compare.page import interval_text
from reinas.compare.statistics import interval
from reinas.evaluators.base import AbstractEvaluator
from reinas.seeds import derive
from reinas.spaces.recurrent import ACTIVATIONS, COMBINATIONS
from reinas.store.values import Proposal
from reinas.tasks.scaling import Scaling
from reinas.threads import cores, one_thread
from reinas.training.fit import fit
from reinas.training.tensors import search_tensors, seeded, tensors
from reinas.types import Job, Outcome

PAGE = Path("docs/results/control.md")
WORDS, VOCABULARY, BUDGET = 60_000, 1_000, 150_000
CHILD_EPOCHS, FINAL_EPOCHS, FRESH = 2, 6, 3
SPACES = {
    "the paper's": RecurrentSpace(layers=1, budget=BUDGET),
    "with max and sin": RecurrentSpace(
        layers=1, budget=BUDGET, combinations=COMBINATIONS, activations=ACTIVATIONS
    ),
}


class Measured(AbstractEvaluator[Any]):
    """Trains a found cell and measures the test part; only for what is reported in the end."""

    def __init__(self, task: Text) -> None:
        self.task = task

    @property
    def settings(self) -> dict[str, Any]:
        return {"task": dict(self.task.settings), "epochs": FINAL_EPOCHS}

    def __call__(self, job: Job[Any]) -> Outcome:
        train, valid = search_tensors(self.task)
        recipe = replace(RECIPE, epochs=FINAL_EPOCHS, seed=job.seed, patience=FINAL_EPOCHS)
        with one_thread(), seeded(job.seed):
            child = build(job.architecture, self.task)
            fit(child, train, valid, recipe, self.task.objective)
            test = tensors(self.task.test(), Scaling.none(), Scaling.none(), self.task.objective)
            loss, _ = self.task.objective.measure(child, test.x, test.y)
        return Outcome(80 * float(np.exp(-2 * loss)), 0.0, {"test": float(np.exp(loss))})


def found(store: Store, task: Text, kind: str, seed: int, children: int, workers: int) -> Any:
    """The best cell of one search, and its validation perplexity after `CHILD_EPOCHS`."""
    space = SPACES[kind]
    result = search(
        space,
        zoph_le(space, learning_rate=0.01, seed=seed),
        TrainedEvaluator(task, replace(RECIPE, epochs=CHILD_EPOCHS)),
        budget=Budget(children),
        seed=seed,
        store=store,
        name=f"{kind} {seed}",
        executor=Processes(workers),
    )
    best = result.record.best(1)[0]
    assert best.outcome is not None
    return space.decode(best.answers), float(np.sqrt(80 / best.outcome.value))


def tested(store: Store, task: Text, cells: dict[tuple[str, int], Any], workers: int) -> Any:
    """Test perplexities by kind and seed: of each cell, from `FRESH` seeds."""
    keys = list(cells)
    record = store.put("final", {"task": dict(task.settings)}, len(keys) * FRESH)
    if not record.batch(0):
        answers = [(n, fresh) for n in range(len(keys)) for fresh in range(FRESH)]
        record.propose(0, [Proposal(k, a, a, str(a), None) for k, a in enumerate(answers)])
    jobs = [
        Job(t.number, cells[keys[t.answers[0]]], derive(0, "control", t.answers[1]))
        for t in record.batch(0)
        if t.outcome is None
    ]
    with closing(Processes(workers)) as executor:
        for job, outcome in executor.run(Measured(task), jobs):
            record.record(job.trial, outcome)
    results: dict[tuple[str, int], list[float]] = {key: [] for key in keys}
    for trial in record.finished():
        results[keys[trial.answers[0]]].append(trial.outcome.metrics["test"])
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/wikitext-2"))
    parser.add_argument("--children", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--scratch", type=Path, default=Path("control-scratch"))
    args = parser.parse_args()
    text = part_of(args.data, args.scratch / "text", WORDS)
    task = Text(str(text), vocabulary=VOCABULARY, size="small")
    store = Store(str(args.scratch / "control.db"))
    cells, valid = {}, {}
    for seed in range(args.seeds):
        for kind in SPACES:
            cell, perplexity = found(store, task, kind, seed, args.children, args.workers)
            cells[kind, seed], valid[kind, seed] = cell, perplexity
            print(f"{kind}, seed {seed}: {perplexity:.1f} by {cell}", flush=True)
    test = tested(store, task, cells, args.workers)
    PAGE.write_text(page(args, valid, test), encoding="utf-8")


def page(
    args: argparse.Namespace,
    valid: dict[tuple[str, int], float],
    test: dict[tuple[str, int], list[float]],
) -> str:
    """The page: one row per space, and the paired difference."""
    columns = {
        kind: [
            np.array([valid[kind, seed] for seed in range(args.seeds)]),
            np.array([np.mean(test[kind, seed]) for seed in range(args.seeds)]),
        ]
        for kind in SPACES
    }
    small, large = columns.values()
    columns["difference, paired by seed"] = [b - a for a, b in zip(small, large, strict=True)]
    rows = [
        f"| {kind} | {' | '.join(interval_text(interval(v), 1) for v in values)} |"
        for kind, values in columns.items()
    ]
    return "\n".join(
        [
            "# Control experiment 1: max and sin added to the cell's functions",
            "",
            f"Made by `python -m benchmarks.control` ({cores()} cores, torch {torch.__version__}):"
            f" {WORDS:,} words of WikiText-2, the {VOCABULARY:,} most frequent ones, cells of"
            f" {BUDGET:,} parameters. Each of {args.seeds} seeds searches each space with"
            f" {args.children} children of {CHILD_EPOCHS} epochs (zoph-le at learning rate 0.01);"
            f" its best cell is trained anew for {FINAL_EPOCHS} epochs from {FRESH} fresh seeds."
            " Perplexity, mean over the searches and 95 % interval (Student's t). The paper's own"
            " experiment has 15,000 children on Penn Treebank.",
            "",
            "| combinations and activations | best child, validation | trained anew, test |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
