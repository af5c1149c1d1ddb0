"""The cost of reinas, as rates and ratios that are each measured within one run."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.plain_cell import window as plain_window
from reinas import (
    AbstractEvaluator,
    Budget,
    ConvSpace,
    Digits,
    Observer,
    Outcome,
    Processes,
    RandomSearch,
    TrainedEvaluator,
    Trial,
    conv_blocks,
    fit,
    independent,
    published,
    search,
    zoph_le,
)
from reinas.children import build
from reinas.children.cell_window import window
from reinas.objectives.classification import Classification
from reinas.spaces.conv_architecture import ConvArchitecture, ConvLayer
from reinas.tasks.recipes import Recipe
from reinas.training.augment import augment
from reinas.training.tensors import Tensors, search_tensors, seeded

SPACE = ConvSpace(depth=5, filters=(8, 16, 24, 36))  # the space of `make demo`


class Free(AbstractEvaluator[Any]):
    """Takes no time, so that the search itself is measured."""

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
            search(space, make(space), Free(), budget=Budget(64), store=path, name="warm")
            begun = time.perf_counter()
            search(space, make(space), Free(), budget=Budget(2000), store=path, name="timed")
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

    class Memory(Observer):
        def on_trial(self, trial: Trial) -> None:
            if trial.number in (499, 1999):
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                readings.append(pages * resource.getpagesize() / 2**20)

    with tempfile.TemporaryDirectory() as folder:
        space = ConvSpace()
        path = str(Path(folder) / "s.db")
        search(space, zoph_le(space), Free(), budget=Budget(2000), store=path, observer=Memory())
    early, late = readings
    say("memory after 2,000 trials", f"{late / early:.3f}", f"of {early:.0f} MiB after 500", "~ 1")


def workers() -> None:
    """Two workers against one, on digits children."""
    evaluator = TrainedEvaluator(Digits(), Recipe(epochs=8))

    def seconds(count: int) -> float:
        executor = Processes(count)
        begun = time.perf_counter()
        search(
            SPACE,
            RandomSearch(SPACE),
            evaluator,
            budget=Budget(64),
            batch_size=16,
            executor=executor,
        )
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
        fit(child, train, valid, recipe, task.objective)
        return time.perf_counter() - begun

    def by_hand() -> float:
        with seeded(0):
            child = build(architecture, task)
        return seconds_by_hand(child, train, epochs, valid)

    ours(), by_hand()
    say("fit / loop by hand", *ratios([(ours(), by_hand()) for _ in range(11)]), "< 1.05")


def say(what: str, value: str, how: str, goal: str) -> None:
    print(f"| {what} | {value} | {how} | {goal} |", flush=True)


class ByHand(nn.Module):
    """Six layers with skip connections, written in plain PyTorch."""

    def __init__(self) -> None:
        super().__init__()

        def layer(channels: int, filters: int, size: tuple[int, int]) -> nn.Sequential:
            padding = (size[0] // 2, size[1] // 2)
            convolution = nn.Conv2d(channels, filters, size, padding=padding, bias=False)
            return nn.Sequential(convolution, nn.BatchNorm2d(filters), nn.ReLU(inplace=True))

        self.one = layer(1, 24, (3, 3))
        self.two = layer(24, 24, (5, 5))
        self.three = layer(24 + 24, 36, (3, 3))
        self.four = layer(36, 24, (3, 3))
        self.five = layer(24 + 24, 24, (1, 3))
        self.six = layer(24 + 24, 36, (3, 3))
        self.classifier = nn.Linear(36, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = self.one(x)
        two = self.two(one)
        three = self.three(torch.cat([one, two], 1))
        four = self.four(three)
        five = self.five(torch.cat([two, four], 1))
        six = self.six(torch.cat([four, five], 1))
        logits: torch.Tensor = self.classifier(six.mean((2, 3)))
        return logits


SIX = ConvArchitecture(
    (
        ConvLayer(3, 3, 24, (0,)),
        ConvLayer(5, 5, 24, (1,)),
        ConvLayer(3, 3, 36, (1, 2)),
        ConvLayer(3, 3, 24, (3,)),
        ConvLayer(1, 3, 24, (2, 4)),
        ConvLayer(3, 3, 36, (4, 5)),
    )
)


@dataclass(frozen=True)
class Shape:
    """The shapes that building a network for images needs."""

    inputs: tuple[int, int, int]
    name: str = "images"
    outputs: int = 10


MNIST, CIFAR10 = Shape((1, 28, 28)), Shape((3, 32, 32))


def noise(shape: Shape, count: int) -> Tensors:
    """Random images: speed does not depend on their content."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, *shape.inputs, generator=generator)
    return Tensors(x, torch.randint(10, (count,), generator=generator))


def seconds_by_hand(
    child: nn.Module, data: Tensors, epochs: int, valid: Tensors | None = None
) -> float:
    """A plain training loop; after every epoch it is evaluated on `valid` (or `data`)."""
    begun = time.perf_counter()
    held = valid or data
    sgd = torch.optim.SGD(
        child.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-4, fused=True
    )
    for _ in range(epochs):
        child.train()
        for index in torch.randperm(len(data.x)).split(64):
            loss = functional.cross_entropy(child(data.x[index]), data.y[index])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
        child.eval()
        with torch.no_grad():
            outputs = child(held.x)
            functional.cross_entropy(outputs, held.y)
            (outputs.argmax(1) == held.y).float().mean()
    return time.perf_counter() - begun


def ratios(pairs: list[tuple[float, float]]) -> tuple[str, str]:
    """The median ratio, and the range of the pairs."""
    values = sorted(one / other for one, other in pairs)
    spread = f"{len(values)} pairs, {values[0]:.2f} to {values[-1]:.2f}"
    return f"{statistics.median(values):.3f}", spread


def mnist() -> None:
    """A child of depth 6 at MNIST's size against the same network written by hand."""
    data = noise(MNIST, 320)
    recipe = Recipe(epochs=1)

    def ours() -> float:
        child = build(SIX, MNIST)
        begun = time.perf_counter()
        fit(child, data, data, recipe, Classification())
        return time.perf_counter() - begun

    def theirs(layout: torch.memory_format) -> float:
        return seconds_by_hand(ByHand().to(memory_format=layout), data, 1)

    ours(), theirs(torch.contiguous_format)
    for name, layout in (("", torch.contiguous_format), (", channels last", torch.channels_last)):
        result = ratios([(theirs(layout), ours()) for _ in range(7)])
        say(f"by hand{name} / child, depth 6, MNIST", *result, "> 0.95")


def augmentation() -> None:
    """Crops and flips against the training of a child of depth 6, at CIFAR-10's size."""
    data = noise(CIFAR10, 256)
    recipe = Recipe(epochs=1, pad=4, flip=True)
    generator = torch.Generator().manual_seed(0)
    shares = []
    for _ in range(7):
        child = build(SIX, CIFAR10)
        begun = time.perf_counter()
        fit(child, data, data, recipe, Classification())
        whole = time.perf_counter() - begun
        begun = time.perf_counter()
        for index in torch.arange(256).split(64):
            augment(data.x[index], recipe, generator)
        shares.append((time.perf_counter() - begun) / whole)
    value = f"{100 * statistics.median(shares):.2f} %"
    say("augmentation / epoch", value, "crop by 4 and flip, depth 6, CIFAR-10's size", "< 5 %")


def layout() -> None:
    """Channels last against the usual layout: a step of training, random networks."""
    spaces = {
        "depth 5, 8 x 8": (SPACE, Shape((1, 8, 8)), 20),
        "depth 6, 28 x 28": (ConvSpace(), MNIST, 2),
        "depth 6, layer types, 32 x 32": (ConvSpace(layer_types=True), CIFAR10, 2),
        "depth 6 in blocks, 32 x 32": (conv_blocks(6, pools=(2, 4)), CIFAR10, 2),
    }
    for name, (space, shape, epochs) in spaces.items():
        pairs = []
        data = noise(shape, 64)
        for answers in space.sample(7, 0):
            first, second = (build(space.decode(answers), shape) for _ in range(2))
            first.to(memory_format=torch.channels_last)
            second.to(memory_format=torch.contiguous_format)
            seconds_by_hand(second, data, 1)
            pairs.append(
                (seconds_by_hand(first, data, epochs), seconds_by_hand(second, data, epochs))
            )
        say(f"channels last / usual, {name}", *ratios(pairs), "< 1 where used")


def cells() -> None:
    """A window of figure 8's cell, forward and back, against autograd's and torch's LSTM."""
    cell = published("zoph-le-cell").architecture.cell
    steps, batch = 35, 20

    def seconds(function, *inputs) -> float:
        begun = time.perf_counter()
        function(*inputs)[0].sum().backward()
        return time.perf_counter() - begun

    for width in (64, 160, 400):
        x = torch.randn(steps, batch, width, requires_grad=True)
        state = torch.zeros(batch, width)
        matrices = [(torch.randn(8, width, width) / width).requires_grad_() for _ in "wu"]
        equal = round(width * 2**0.5)  # the LSTM's 8 H^2 parameters are the cell's 16 H^2
        lstm = nn.LSTM(equal, equal, bias=False)
        y = torch.randn(steps, batch, equal, requires_grad=True)
        inputs = (cell, x, state, state, *matrices)
        timed = [
            (seconds(plain_window, *inputs), seconds(window, *inputs), seconds(lstm, y))
            for _ in range(9)
        ][2:]
        how = f"width {width}, 35 steps, batch 20"
        value, spread = ratios([(plain, ours) for plain, ours, _ in timed])
        say("cell by autograd / cell", value, f"{how}; {spread}", "> 2 at 160, > 1")
        value, spread = ratios([(theirs, ours) for _, ours, theirs in timed])
        say("LSTM of as many parameters / cell", value, f"{how}; {spread}", "> 1")


ALL = {
    f.__name__: f
    for f in (imports, throughput, memory, workers, training, mnist, augmentation, layout, cells)
}


def main(measurements: list[Callable[[], None]]) -> None:
    torch.set_num_threads(1)
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, Python {sys.version.split()[0]}\n")
    print("| what | measured | how | goal |\n| --- | --- | --- | --- |")
    for measure in measurements:
        measure()
