"""What the rivals that search share: from a setting to a network, its training, the final one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.rivals.contract import Answer, Work, accuracy_or_r2
from benchmarks.rivals.torch_training import (
    Hyper,
    Tensors,
    cnn,
    epochs,
    mlp,
    outputs_of,
    score,
    tensors,
    train,
    until,
)

SEARCH, TRIAL = 0.6, 0.1
"""The share of the time that is searched, and that one trial at full length should take."""
MAX_VALID = 2000
TABLE_EPOCHS = 81
Setting = dict[str, Any]
MIDDLE: Setting = {
    "stages": 3,
    "blocks": 1,
    "width": 16,
    "kernel": 3,
    "residual": True,
    "dropout": 0.0,
    "rate": 0.1,
    "weight_decay": 5e-4,
    "smoothing": 0.1,
}


@dataclass
class Searched:
    """A work's data, and how long a trial is.

    Args:
        work: The run.
        data: Its tensors.
        epochs: Of a trial that is not stopped early.
    """

    work: Work
    data: Tensors
    epochs: int

    @property
    def images(self) -> bool:
        """Whether networks are convolutional."""
        return self.work.kind == "images"

    def network(self, setting: Setting) -> nn.Module:
        """The network of a setting."""
        inputs = self.data.train[0].shape[1]
        return (cnn if self.images else mlp)(inputs, self.data.outputs, setting)

    def hyper(self, setting: Setting) -> Hyper:
        """The training of a setting."""
        return Hyper(
            setting["rate"],
            setting["weight_decay"],
            setting["smoothing"],
            setting.get("batch", 64),
            adam=not self.images,
        )

    def trial(
        self, setting: Setting, count: int, report: Callable[[int, float], None] | None = None
    ) -> float:
        """Train for that many epochs and validate.

        Args:
            setting: The network and its training.
            count: How many epochs.
            report: Given each epoch and the score after it; what it raises ends the trial.

        Returns:
            The validation score.
        """
        network = self.network(setting)
        valid = tuple(part[:MAX_VALID] for part in self.data.valid)
        end = time.monotonic() + min(
            max(1.0, self.work.left(SEARCH)), 3 * TRIAL * 60 * self.work.minutes
        )

        def each(epoch: int) -> None:
            if report is not None:
                report(epoch, score(network, valid))

        train(network, self.data.train, self.hyper(setting), epochs(count, end), each)
        return score(network, valid)

    def final(self, setting: Setting, note: str) -> Answer:
        """Train the chosen setting on both parts: images for the time left, tables as a trial."""
        torch.manual_seed(self.work.seed)
        network = self.network(setting)
        begun = time.monotonic()
        outputs_of(network, self.data.test[0][:500])
        testing = 1 + 2 * (len(self.data.test[0]) / 500 + 1) * (time.monotonic() - begun)
        end = time.monotonic() + max(1.0, self.work.left() - testing)
        progress = until(end) if self.images else epochs(self.epochs, end)
        count = train(network, self.data.both, self.hyper(setting), progress)
        outputs = outputs_of(network, self.data.test[0])
        if self.data.regression:
            mean, spread = self.data.scale
            predicted = (outputs.squeeze(1) * spread + mean).numpy()
        else:
            predicted = outputs.argmax(1).numpy()
        what = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}"
                         for k, v in setting.items())  # fmt: skip
        test = accuracy_or_r2(predicted, self.work.data["y_test"])
        return Answer(test, f"{note}, final training of {count} epochs; {what}")


def searched(work: Work) -> Searched:
    """Read the data, and time an epoch of a network of middle size."""
    torch.set_num_threads(work.threads)
    torch.manual_seed(work.seed)
    result = Searched(work, tensors(work), TABLE_EPOCHS)
    if work.kind != "images":
        return result
    few = tuple(part[:512] for part in result.data.train)
    network = result.network(MIDDLE)
    train(network, few, result.hyper(MIDDLE), lambda step, steps: step / 2)
    begun = time.monotonic()
    train(network, few, result.hyper(MIDDLE), lambda step, steps: step / steps)
    epoch = (time.monotonic() - begun) * len(result.data.train[0]) / len(few[0])
    result.epochs = int(min(81, max(3, TRIAL * 60 * work.minutes / epoch)))
    return result
