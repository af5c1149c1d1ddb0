"""What reinas costs, each as a ratio measured in one run."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from reinas import (
    AbstractEvaluator,
    ConvSpace,
    Digits,
    Outcome,
    Processes,
    RandomSearch,
    TrainedEvaluator,
    fit,
    independent,
    search,
    zoph_le,
)
from reinas.children import build
from reinas.children.training import search_tensors, seeded
from reinas.tasks.recipes import Recipe

SPACE = ConvSpace(depth=5, filters=(8, 16, 24, 36))  # the space of `make demo`


class Free(AbstractEvaluator[Any]):
    """Costs nothing: what remains is the search itself."""

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"name": "free"}

    def __call__(self, job: Any) -> Outcome:
        return Outcome((job.seed % 1000) / 1000)


def imports() -> None:
    """`import reinas` against an empty Python program."""

    def seconds(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    pairs = [(seconds("import reinas"), seconds("pass")) for _ in range(9)]
    reinas, empty = (statistics.median(column) for column in zip(*pairs, strict=True))
    say("import reinas", f"{1000 * (reinas - empty):.0f} ms", "beyond an empty program", "< 500 ms")


def throughput() -> None:
    """Search and SQLite with a free evaluator."""
    policies = {"random": RandomSearch, "independent": independent, "zoph-le": zoph_le}
    for name, make in policies.items():
        with tempfile.TemporaryDirectory() as folder:
            space = ConvSpace()
            path = str(Path(folder) / "s.db")
            search(space, make(space), Free(), trials=64, store=path, name="warm")
            begun = time.perf_counter()
            search(space, make(space), Free(), trials=2000, store=path, name="timed")
            rate = 2000 / (time.perf_counter() - begun)
        say(
            f"search, store, {name}", f"{rate:.0f} trials/s", "conv, depth 6, batches of 8", "> 500"
        )
        say(
            f"  against a child of 1 s, {name}",
            f"{100 / rate:.2f} %",
            "propose + update + store",
            "< 1 %",
        )


def memory() -> None:
    """The main process over 2,000 trials."""
    readings = []

    def read(trial: Any) -> None:
        if trial.number in (499, 1999):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            readings.append(pages * resource.getpagesize() / 2**20)

    with tempfile.TemporaryDirectory() as folder:
        space = ConvSpace()
        path = str(Path(folder) / "s.db")
        search(space, zoph_le(space), Free(), trials=2000, store=path, on_trial=read)
    early, late = readings
    say("memory after 2,000 trials", f"{late / early:.3f}", f"of {early:.0f} MiB after 500", "~ 1")


def workers() -> None:
    """Two workers against one, on digits children."""
    evaluator = TrainedEvaluator(Digits(), Recipe(epochs=8))

    def seconds(count: int) -> float:
        executor = Processes(count)
        begun = time.perf_counter()
        search(SPACE, RandomSearch(SPACE), evaluator, trials=64, children=16, executor=executor)
        return time.perf_counter() - begun

    one, two = seconds(1), seconds(2)
    say("two workers", f"{one / two:.2f} x", f"one takes {one:.0f} s for 64 children", "> 1.8 x")


def training() -> None:
    """`fit` against a loop written by hand over the same network and batches."""
    task, epochs = Digits(), 4
    recipe = Recipe(epochs=epochs, schedule="constant")
    train, valid = search_tensors(task)
    architecture = SPACE.decode(SPACE.sample(1, 3)[0])

    def ours() -> float:
        with seeded(0):
            child = build(architecture, task)
        begun = time.perf_counter()
        fit(child, train, valid, recipe, "cross_entropy")
        return time.perf_counter() - begun

    def by_hand() -> float:
        with seeded(0):
            child = build(architecture, task)
        begun = time.perf_counter()
        sgd = torch.optim.SGD(
            child.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-4, fused=True
        )
        for _ in range(epochs):
            child.train()
            for index in torch.randperm(len(train.x)).split(64):
                loss = functional.cross_entropy(child(train.x[index]), train.y[index])
                sgd.zero_grad()
                loss.backward()
                sgd.step()
            child.eval()
            with torch.no_grad():
                outputs = child(valid.x)
                functional.cross_entropy(outputs, valid.y)
                (outputs.argmax(1) == valid.y).float().mean()
        return time.perf_counter() - begun

    ours(), by_hand()
    ratios = [ours() / by_hand() for _ in range(11)]
    low, mid, high = min(ratios), statistics.median(ratios), max(ratios)
    say("fit / loop by hand", f"{mid:.3f}", f"11 pairs, {low:.2f} to {high:.2f}", "< 1.05")


def say(what: str, value: str, how: str, goal: str) -> None:
    print(f"| {what} | {value} | {how} | {goal} |", flush=True)


ALL = {f.__name__: f for f in (imports, throughput, memory, workers, training)}


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, Python {sys.version.split()[0]}\n")
    print("| what | measured | how | goal |\n| --- | --- | --- | --- |")
    for name in names or ALL:
        ALL[name]()
