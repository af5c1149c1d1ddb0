"""`python -m benchmarks.language`: cells with equal parameters and equal text, on WikiText-2.

An LSTM, the paper's cell (figure 8) and the best cells of a small search, each trained from several
seeds on the same part of the text. It writes docs/results/language.md; if it was killed, it
continues.
"""

import argparse
import gzip
import os
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from reinas import (
    Budget,
    Processes,
    Recipe,
    RecurrentSpace,
    Store,
    Text,
    TrainedEvaluator,
    search,
    zoph_le,
)
from reinas.children import build
from reinas.children.recurrent import LanguageModel
from reinas.errors import BuildError
from reinas.evaluators.base import AbstractEvaluator
from reinas.seeds import derive
from reinas.spaces.recurrent import RecurrentArchitecture
from reinas.store.values import Proposal
from reinas.tasks.scaling import Scaling
from reinas.threads import one_thread
from reinas.training.fit import fit
from reinas.training.tensors import search_tensors, seeded, tensors
from reinas.types import Job, Outcome
from reinas.zoo import ZOO

WORDS, VOCABULARY, BUDGET, EPOCHS = 200_000, 2_000, 500_000, 6
SPACE = RecurrentSpace(layers=1, budget=BUDGET)
RECIPE = Recipe(
    optimizer="adam",
    learning_rate=0.005,
    weight_decay=0.0,
    schedule="cosine",
    epochs=EPOCHS,
    batch_size=20,
    initial=0.05,
    clip=5.0,
)


REMARK = (
    "The LSTM as a tree computes the same function as torch's"
    " (tests/children/test_cell_window.py), but its output gate is a sum of four pairs of matrices,"
    " all of which Adam moves at once. This is likely why it trains so badly here."
)


@dataclass(frozen=True)
class Lstm:
    """torch's own LSTM as a child, as wide as the budget of parameters allows."""

    budget: int = BUDGET

    def width(self, vocabulary: int) -> int:
        width = 1
        while 2 * vocabulary * width + 8 * width**2 + vocabulary <= self.budget:
            width += 1
        return width - 1


class LstmLayer(nn.Module):
    """torch's LSTM with the interface of a layer of cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, width, bias=False)

    def forward(self, x: Tensor, state: Any, mask: Tensor | None) -> tuple[Tensor, Any]:
        outputs, (h, c) = self.lstm(x, (state[0][None], state[1][None]))
        return outputs, (h[0], c[0])


@build.register
def _(architecture: Lstm, task: Any) -> nn.Module:
    if task.inputs != ():
        raise BuildError("the LSTM models text")
    # the model around the cell is the same; figure 5's has 4 H^2 parameters, the LSTM 8 H^2
    width, cell = architecture.width(task.outputs), ZOO["figure-5"].architecture.cell
    budget = 2 * task.outputs * width + task.outputs + 4 * width**2
    model = LanguageModel(RecurrentArchitecture(cell, 1, budget, tied=False), task.outputs)
    model.layers = nn.ModuleList([LstmLayer(width)])
    return model


@dataclass(frozen=True)
class FinalRecord(AbstractEvaluator[Any]):
    """Trains on the training part, keeps the best epoch by validation, measures the test part.

    Only for the few models that are compared in the end.
    """

    task: Text

    @property
    def settings(self) -> dict[str, Any]:
        return {"task": dict(self.task.settings)}

    def __call__(self, job: Job[Any]) -> Outcome:
        train, valid = search_tensors(self.task)
        recipe = replace(RECIPE, seed=job.seed, patience=EPOCHS)
        with one_thread(), seeded(job.seed):
            child = build(job.architecture, self.task)
            curve = fit(child, train, valid, recipe, self.task.objective)
            test = tensors(self.task.test(), Scaling.none(), Scaling.none(), self.task.objective)
            loss, _ = self.task.objective.measure(child, test.x, test.y)
        best = min(epoch.loss for epoch in curve.epochs)
        metrics = {
            "valid": float(np.exp(best)),
            "test": float(np.exp(loss)),
            "parameters": sum(p.numel() for p in child.parameters()),
            "width": child.width,
        }
        return Outcome(80 * float(np.exp(-2 * best)), 0.0, metrics)


def part_of(folder: Path, target: Path, total: int = WORDS) -> Path:
    """The first words of the training part, and shares of the others, as files of their own."""
    target.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", total), ("valid", total // 8), ("test", total // 8)):
        text = gzip.decompress((folder / f"{part}.raw.gz").read_bytes()).decode("utf-8")
        kept, words = [], 0
        for line in text.split("\n"):
            kept.append(line)
            words += len(line.split()) + 1
            if words >= count:
                break
        (target / f"{part}.txt").write_text("\n".join(kept), encoding="utf-8")
    return target


def compared(store: Store, task: Text, children: int, workers: int) -> dict[str, Any]:
    """The models by name: the architecture, and how it was found."""
    found = search(
        SPACE,
        zoph_le(SPACE, learning_rate=0.01),
        TrainedEvaluator(task, replace(RECIPE, epochs=2)),
        budget=Budget(children),
        store=store,
        name="cells",
        executor=Processes(workers),
    )
    best = [SPACE.decode(trial.answers) for trial in found.record.best(2)]
    cell = replace(ZOO["zoph-le-cell"].architecture, layers=1, budget=BUDGET)
    tree = replace(ZOO["lstm"].architecture, layers=1, budget=BUDGET)
    return {
        "LSTM (torch's)": Lstm(),
        "LSTM as a tree": tree,
        "the paper's cell (figure 8)": cell,
        "best of the search": best[0],
        "second of the search": best[1],
    }


def trained(
    store: Store, task: Text, models: dict[str, Any], seeds: int, workers: int
) -> dict[str, list[Outcome]]:
    """Train every model from every seed, except those that are in the store."""
    log = store.put("final", {"task": dict(task.settings)}, len(models) * seeds)
    names = list(models)
    if not log.batch(0):
        answers = [(n, seed) for n in range(len(names)) for seed in range(seeds)]
        log.propose(0, [Proposal(k, a, a, str(a), None) for k, a in enumerate(answers)])
    jobs = [
        Job(t.number, models[names[t.answers[0]]], derive(0, "final", t.answers[1]))
        for t in log.batch(0)
        if t.outcome is None
    ]
    with closing(Processes(workers)) as executor:
        for job, outcome in executor.run(FinalRecord(task), jobs):
            log.record(job.trial, outcome)
            print(
                names[log.trial(job.trial).answers[0]], outcome.metrics or outcome.error, flush=True
            )
    results: dict[str, list[Outcome]] = {name: [] for name in names}
    for trial in log.finished():
        results[names[trial.answers[0]]].append(trial.outcome)
    return results


def interval(values: np.ndarray) -> str:
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{values.mean():.1f} ± {half:.1f}"


def table(results: dict[str, list[Outcome]], models: dict[str, Any], args: Any) -> str:
    first = next(iter(results))
    rows = []
    for name, outcomes in results.items():
        columns = {k: np.array([o.metrics[k] for o in outcomes]) for k in ("valid", "test")}
        base = np.array([o.metrics["test"] for o in results[first]])
        apart = "-" if name == first else interval(columns["test"] - base)
        one = outcomes[0].metrics
        rows.append(
            f"| {name} | {one['width']:.0f} | {one['parameters']:,.0f} |"
            f" {interval(columns['valid'])} | {interval(columns['test'])} | {apart} |"
        )
    cells = [f"- {name}: `{models[name]}`" for name in list(models)[3:]]
    how = (
        f"({os.cpu_count()} cores, torch {torch.__version__}): the first {WORDS:,} words of"
        f" the training part, a vocabulary of the {VOCABULARY:,} most frequent words, {BUDGET:,}"
        f" parameters, one layer, and {EPOCHS} epochs of Adam at {RECIPE.learning_rate:g} with a"
        f" cosine schedule for every model; {args.seeds} seeds each. The search had {args.children}"
        " children of 2 epochs, with zoph-le at learning rate 0.01. Perplexities: mean over seeds"
        " ± 95 % interval (Student's t), differences paired by seed. Results of such small models"
        " on so few words say nothing about the paper's 54 million parameters on Penn Treebank."
    )
    return "\n".join(
        [
            "# Cells with equal parameters on a part of WikiText-2",
            "",
            f"Made by `python -m benchmarks.language` {how}",
            "",
            "| model | width | parameters | validation | test | test minus LSTM |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            REMARK,
            "",
            *cells,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data/wikitext-2", help="folder of WikiText-2")
    parser.add_argument("--children", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--scratch", default="language-scratch", help="where texts and store are")
    args = parser.parse_args()
    scratch = Path(args.scratch)
    text = part_of(Path(args.data), scratch / "text")
    task = Text(str(text), vocabulary=VOCABULARY, size="small")
    store = Store(str(scratch / "language.db"))
    models = compared(store, task, args.children, args.workers)
    results = trained(store, task, models, args.seeds, args.workers)
    Path("docs/results/language.md").write_text(table(results, models, args), encoding="utf-8")


if __name__ == "__main__":
    main()
