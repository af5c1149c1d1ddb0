"""Whether every kind of network trains on this machine's accelerator: `make device-check`.

Each kind trains for a few epochs on the CPU and on the device, by a recipe that uses as much of the
training loop as it can; then the network is finished, saved, loaded and asked for predictions.
"""

import importlib.util
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import reinas
from reinas import Budget, MemoryStore, Placement, Recipe, RecipeGrid, TrainedEvaluator
from reinas.evaluators.trained import Job
from reinas.spaces.recurrent import RecurrentSpace
from reinas.spaces.stages import StagesSpace
from reinas.tasks.in_memory import ArrayTask

EXAMPLES = 10_000
"""Examples of each kind, so that a device has something to do."""
STAND_IN_EXAMPLES = 60
"""So few that the stand-in, which is slow, takes a minute."""
NEAR = 0.15
"""How far the validation loss on the device may be from the CPU's, as a share: other sums, and
other random numbers where words are dropped."""
ALL_OF_IT = Recipe(
    learning_rate=0.05,
    schedule="trapezoid",
    warmup=0.1,
    epochs=2,
    pad=1,
    upsample=1,
    flip=True,
    cutout=2,
    mixup=0.2,
    label_smoothing=0.1,
    clip=1.0,
    average=0.2,
    patience=3,
)
"""As much of the training loop as one recipe can use."""


@dataclass(frozen=True)
class Kind:
    """A kind of network with data for it.

    Args:
        space: What may be built; the network is drawn from it.
        task: Makes the data; takes a number of examples and a folder for files.
        recipe: How it is trained.
    """

    space: Any
    task: Callable[[int, Path], Any]
    recipe: Recipe = ALL_OF_IT

    @property
    def architecture(self) -> Any:
        return self.space.decode(self.answers)

    @property
    def answers(self) -> Any:
        return self.space.sample(1, 1)[0]


def images(count: int, _: Path) -> Any:
    """Where in an image of 16 x 16 pixels with noise the bright square is."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 4, count)
    x = generator.standard_normal((count, 2, 16, 16)) * 0.5
    for image, place in zip(x, y, strict=True):
        image[:, 8 * (place // 2) :, 8 * (place % 2) :][:, :8, :8] += 1
    return ArrayTask(x.astype(np.float32), y)


def series(count: int, _: Path) -> Any:
    """Two frequencies to tell apart, [2, 32] each."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, count)
    phase = np.arange(32) * (0.4 + 0.4 * y[:, None]) + generator.uniform(0, 6, (count, 1))
    x = np.stack([np.sin(phase), np.cos(phase)], 1)
    x += 0.2 * generator.standard_normal(x.shape)
    return ArrayTask(x.astype(np.float32), y)


def columns(count: int) -> Any:
    return np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)


def classes(count: int, _: Path) -> Any:
    """Four classes of eight numbers."""
    x = columns(count)
    return ArrayTask(x, 2 * (x[:, 0] > 0) + (x[:, 1] > 0))


def labels(count: int, _: Path) -> Any:
    """Three labels of eight numbers."""
    x = columns(count)
    return ArrayTask(x, (x[:, :3] > 0).astype(np.int64))


def numbers(count: int, _: Path) -> Any:
    """Two sums of eight numbers."""
    x = columns(count)
    return ArrayTask(x, x @ np.arange(16, dtype=np.float32).reshape(8, 2))


def toy(_: int, __: Path) -> Any:
    return reinas.Toy()


def text(count: int, folder: Path) -> Any:
    """Words that follow each other by a rule, with noise."""
    generator = np.random.default_rng(0)
    words = np.cumsum(1 + (generator.random(count) < 0.2)) % 12
    (folder / "words.txt").write_text(" ".join(f"w{n}" for n in words))
    return reinas.Text(str(folder / "words.txt"), size="small")


ADAM = replace(ALL_OF_IT, optimizer="adam", learning_rate=0.01, epochs=3)
WORDS = Recipe(
    "adam",
    0.01,
    schedule="cosine",
    epochs=2,
    batch_size=4,
    steps=10,
    initial=0.1,
    clip=1.0,
    average=0.2,
    embedding_dropout=0.1,
    recurrent_dropout=0.1,
    patience=3,
)
KINDS = {
    "conv": Kind(reinas.ConvSpace(depth=3, filters=(8,)), images),
    "conv, layer types": Kind(
        reinas.ConvSpace(depth=5, filters=(8,), strides=(1, 2), layer_types=True), images
    ),
    "conv, series": Kind(reinas.ConvSpace(depth=2, filters=(8,), dimensions=1), series, ADAM),
    "conv-blocks": Kind(reinas.conv_blocks(4, block=2, filters=(4,), pools=(1, 2)), images),
    "stages": Kind(StagesSpace(stages=2, widths=(8,), depths=(1, 2), stems=(1,)), images),
    "stages, series": Kind(
        StagesSpace(stages=2, widths=(8,), depths=(1,), stems=(2,), dimensions=1), series, ADAM
    ),
    "mlp": Kind(reinas.MlpSpace(depth=2), classes, ADAM),
    "mlp, labels": Kind(reinas.MlpSpace(depth=1), labels, ADAM),
    "mlp, numbers": Kind(reinas.MlpSpace(depth=1), numbers, ADAM),
    "nasbench201": Kind(reinas.NasBench201Space(channels=4, cells=1), images),
    "recurrent": Kind(RecurrentSpace(base=4, budget=5000), text, WORDS),
    "recurrent, tied": Kind(RecurrentSpace(base=2, budget=5000, tied=True), text, WORDS),
    "toy": Kind(reinas.ToySpace(), toy, replace(reinas.Toy().recipe, epochs=20)),
}


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Args:
        loss: The validation loss.
        seconds: What it took, without the data.
    """

    loss: float
    seconds: float


def trained(kind: Kind, task: Any, placement: Placement) -> Trained:
    """Train a kind of network once."""
    outcome = TrainedEvaluator(task, kind.recipe, placement=placement)(Job(0, kind.architecture, 1))
    if outcome.error:
        raise reinas.ReinasError(outcome.error)
    return Trained(outcome.metrics["loss"], outcome.seconds)


def finished(kind: Kind, task: Any, placement: Placement, folder: Path) -> Any:
    """Search one network, finish it, save it: the test's metrics."""
    store = MemoryStore()
    reinas.search(
        kind.space,
        reinas.RandomSearch(kind.space),
        TrainedEvaluator(task, kind.recipe, placement=placement),
        budget=Budget(1),
        store=store,
        name="check",
    )
    grid = RecipeGrid((kind.recipe.learning_rate,), (0.0,))
    if task.objective.tokens:
        grid = replace(grid, embedding_dropouts=(0.1,), recurrent_dropouts=(0.1,), initials=(0.1,))
    return reinas.finish(store, "check", kind.space, task, folder=folder, grid=grid, epochs=2).final


def examples(task: Any) -> Any:
    """A few raw examples of the test part, as a tensor of the CPU."""
    import torch

    x = torch.from_numpy(task.test().x[:8])
    return x[:, None] if task.objective.tokens else x


def agree(one: list[Any], other: list[Any]) -> bool:
    """Whether the predictions on two devices are the same, up to rounding."""
    if all(isinstance(value, float) for value in one):
        return bool(np.allclose(one, other, rtol=1e-3, atol=1e-3))
    return np.mean([a == b for a, b in zip(one, other, strict=True)]) > 0.8


def check(name: str, device: str, folder: Path, count: int = EXAMPLES) -> tuple[Trained, Trained]:
    """Train, finish, save, load and predict.

    Args:
        name: The kind.
        device: Where; something that `Placement` takes.
        folder: For files.
        count: Number of examples, or of words.

    Returns:
        What came of the training on the CPU, and on the device.

    Raises:
        ReinasError: Something is not as it should be.
    """
    kind = KINDS[name]
    task = kind.task(count, folder)
    there = Placement(device).resolved()
    on_cpu, on_device = (trained(kind, task, place) for place in (Placement(), there))
    if not math.isfinite(on_device.loss):
        raise reinas.ReinasError(f"the loss is {on_device.loss}")
    if abs(on_device.loss - on_cpu.loss) > NEAR * max(abs(on_cpu.loss), 0.1):
        raise reinas.ReinasError(f"the loss is {on_device.loss}, and {on_cpu.loss} on the CPU")
    finished(kind, task, there, folder)
    x = examples(task)
    here = reinas.load(folder)
    moved = reinas.load(folder, device=device)
    if not agree(here.predict(x), moved.predict(x)):
        raise reinas.ReinasError("the saved network predicts other values than on the CPU")
    return on_cpu, on_device


def table(device: str, count: int = EXAMPLES) -> int:
    """Check every kind and print a row for each; how many have failed."""
    failed = 0
    print(f"{'kind':20}{'loss, CPU':>12}{f'loss, {device}':>16}{'s, CPU':>10}{f's, {device}':>12}")
    for name in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                on_cpu, there = check(name, device, Path(folder), count)
            except Exception as error:
                failed += 1
                print(f"{name:20}FAILED: {type(error).__name__}: {error}")
                continue
        print(
            f"{name:20}{on_cpu.loss:12.4f}{there.loss:16.4f}"
            f"{on_cpu.seconds:10.2f}{there.seconds:12.2f}",
            flush=True,
        )
    return failed


def main() -> int:
    """Check this machine's accelerator, or the stand-in; how many kinds have failed."""
    device = Placement("auto").resolved().device
    if device != "cpu":
        return table(device)
    print("PyTorch finds no accelerator on this machine, so the stand-in of the tests is checked:")
    path = Path(__file__).parents[1] / "tests" / "stand_in_device.py"
    spec = importlib.util.spec_from_file_location("stand_in_device", path)
    if spec is None or spec.loader is None or not path.exists():
        print(f"{path} is missing; with an accelerator, every kind of network would train on it")
        return 0
    stand_in = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stand_in)
    with stand_in.present() as there:
        failed = table(there.type, STAND_IN_EXAMPLES)
    print("The stand-in computes on the CPU, through Python: its times mean nothing.")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
