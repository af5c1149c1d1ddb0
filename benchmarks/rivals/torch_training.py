"""What the rivals in torch share: images and tables as tensors, one training loop, blocks."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.rivals.contract import Array, Work

TEST_BATCH = 500


@dataclass(frozen=True)
class Hyper:
    """How a network is trained: one-cycle Nesterov SGD, or Adam for tables."""

    rate: float = 0.2
    weight_decay: float = 5e-4
    smoothing: float = 0.1
    batch: int = 64
    adam: bool = False


@dataclass(frozen=True)
class Tensors:
    """Standardised data. Images are [N, channels, height, width], tables [N, columns].

    Args:
        train: Inputs and targets to train on.
        valid: Inputs and targets to choose by.
        test: Inputs and targets of the test part.
        outputs: How many classes; 1 for regression.
        scale: Mean and deviation of the targets of a regression, which are standardised.
    """

    train: tuple[Tensor, Tensor]
    valid: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    outputs: int
    regression: bool
    scale: tuple[float, float] = (0.0, 1.0)

    @property
    def both(self) -> tuple[Tensor, Tensor]:
        """Training and validation part together."""
        x, y = (torch.cat(pair) for pair in zip(self.train, self.valid, strict=True))
        return x, y


def tensors(work: Work) -> Tensors:
    """The work's data, standardised by the training part."""
    images = work.kind == "images"
    arrays = {part: _inputs(work.data[f"x_{part}"], images) for part in ("train", "valid", "test")}
    axes = (0, 2, 3) if images else (0,)
    mean = arrays["train"].mean(axes, keepdim=True)
    spread = arrays["train"].std(axes, keepdim=True).clamp_min(1e-6)
    targets = {part: torch.from_numpy(work.data[f"y_{part}"]) for part in arrays}
    scale = (0.0, 1.0)
    if work.regression:
        scale = float(targets["train"].mean()), float(targets["train"].std())
        targets = {p: ((y.float().ravel() - scale[0]) / scale[1]) for p, y in targets.items()}
    else:
        targets = {p: y.long().ravel() for p, y in targets.items()}
    pairs = [((arrays[p] - mean) / spread, targets[p]) for p in arrays]
    if images:
        pairs = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in pairs]
    else:  # a category that the training part never has would be astronomically far away
        pairs = [(x.clamp(-10, 10), y) for x, y in pairs]
    outputs = 1 if work.regression else work.classes
    return Tensors(pairs[0], pairs[1], pairs[2], outputs, work.regression, scale)


def _inputs(x: Array, images: bool) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(x)).float()
    if not images:
        return tensor
    if tensor.ndim == 3:
        return tensor[:, None] / 255
    return tensor.permute(0, 3, 1, 2) / 255


def shifted(x: Tensor, flips: bool) -> Tensor:
    """Random crops of the padded batch, and mirror images where they make sense."""
    side, pad = x.shape[-1], max(1, x.shape[-1] // 8)
    padded = functional.pad(x, (pad, pad, pad, pad))
    row, column = (int(n) for n in torch.randint(0, 2 * pad + 1, (2,)))
    x = padded[:, :, row : row + x.shape[-2], column : column + side]
    if flips:
        x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    return x.contiguous(memory_format=torch.channels_last)


def one_cycle(progress: float, warm: float = 0.2) -> float:
    """The learning rate's factor: up in a straight line, then down to almost 0."""
    factor = progress / warm if progress < warm else (1 - progress) / (1 - warm)
    return max(factor, 1e-3)


def optimizer_of(network: nn.Module, hyper: Hyper) -> torch.optim.Optimizer:
    """Nesterov SGD or AdamW."""
    parameters = network.parameters()
    if hyper.adam:
        return torch.optim.AdamW(
            parameters, hyper.rate, weight_decay=hyper.weight_decay, fused=True
        )
    return torch.optim.SGD(
        parameters,
        hyper.rate,
        momentum=0.9,
        nesterov=True,
        weight_decay=hyper.weight_decay,
        fused=True,
    )


def train(
    network: nn.Module,
    pair: tuple[Tensor, Tensor],
    hyper: Hyper,
    progress: Callable[[int, float], float],
    each_epoch: Callable[[int], None] | None = None,
) -> int:
    """Train until the progress is 1.

    Args:
        network: Is trained in place.
        pair: Inputs and targets.
        hyper: How.
        progress: Given the step's number and the steps per epoch, how much of the training is
            over, from 0 to 1; the learning rate follows it.
        each_epoch: Called after each epoch with its number, from 1.

    Returns:
        How many epochs were begun.
    """
    x, y = pair
    optimizer = optimizer_of(network, hyper)
    images, regression = x.ndim == 4, y.dtype.is_floating_point
    flips = images and x.shape[1] == 3
    network.train()
    step = epoch = 0
    while True:
        epoch += 1
        batches = torch.randperm(len(x)).split(hyper.batch)
        if len(batches) > 1 and len(batches[-1]) == 1:
            batches = batches[:-1]  # batch normalisation needs two
        for batch in batches:
            done = progress(step, len(batches))
            if done >= 1:
                return epoch
            for group in optimizer.param_groups:
                group["lr"] = hyper.rate * one_cycle(done)
            inputs = shifted(x[batch], flips) if images else x[batch]
            outputs = network(inputs)
            if regression:
                loss = functional.mse_loss(outputs.squeeze(1), y[batch])
            else:
                loss = functional.cross_entropy(outputs, y[batch], label_smoothing=hyper.smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        if each_epoch is not None:
            each_epoch(epoch)
            network.train()


def until(end: float) -> Callable[[int, float], float]:
    """Progress by the clock: 1 at `end` of time.monotonic()."""
    begun = time.monotonic()
    return lambda step, steps: min(1.0, (time.monotonic() - begun) / max(1e-9, end - begun))


def epochs(count: int, end: float) -> Callable[[int, float], float]:
    """Progress by epochs, but 1 after `end` of time.monotonic() in any case."""
    return lambda step, steps: 1.0 if time.monotonic() > end else min(1.0, step / steps / count)


@torch.no_grad()
def outputs_of(network: nn.Module, x: Tensor, mirrored: bool = False) -> Tensor:
    """The network's outputs; with `mirrored`, of the mean over images and their mirror images."""
    network.eval()
    parts = []
    for batch in x.split(TEST_BATCH):
        out = network(batch)
        if mirrored:
            flipped = batch.flip(3).contiguous(memory_format=torch.channels_last)
            out = (out.softmax(1) + network(flipped).softmax(1)) / 2
        parts.append(out)
    return torch.cat(parts)


def score(network: nn.Module, pair: tuple[Tensor, Tensor], mirrored: bool = False) -> float:
    """Accuracy or R², which the standardisation of the targets does not change."""
    outputs, y = outputs_of(network, pair[0], mirrored), pair[1]
    if not y.dtype.is_floating_point:
        return (outputs.argmax(1) == y).double().mean().item()
    residual = (outputs.squeeze(1).double() - y.double()).square().sum()
    result = float(1 - residual / (y.double() - y.double().mean()).square().sum())
    return result if math.isfinite(result) else -1e9


class Residual(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, before: int, after: int, stride: int, kernel: int = 3) -> None:
        super().__init__()
        pad = kernel // 2
        self.first = nn.Conv2d(before, after, kernel, stride, pad, bias=False)
        self.second = nn.Conv2d(after, after, kernel, 1, pad, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(after), nn.BatchNorm2d(after)])
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[N, before, H, W] to [N, after, H / stride, W / stride]."""
        inner = functional.relu(self.norms[0](self.first(x)))
        return functional.relu(self.norms[1](self.second(inner)) + self.shortcut(x))


def cnn(channels: int, outputs: int, setting: dict[str, Any]) -> nn.Module:
    """A convolutional network as the searching rivals write it.

    Args:
        channels: Of the images.
        outputs: How many classes.
        setting: `stages`, `blocks` and `width`; `kernel`; whether blocks are `residual`; `dropout`.
    """
    width, kernel = setting["width"], setting["kernel"]
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, 3, 1, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]
    before = width
    for stage in range(setting["stages"]):
        after = width * 2**stage
        for block in range(setting["blocks"]):
            stride = 2 if stage and not block else 1
            if setting["residual"]:
                layers.append(Residual(before, after, stride, kernel))
            else:
                layers += [
                    nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                ]
            before = after
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(setting["dropout"])]
    layers.append(nn.Linear(before, outputs))
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def mlp(columns: int, outputs: int, setting: dict[str, Any]) -> nn.Module:
    """A multilayer perceptron: `widths`, `activation`, `norm`, `dropout`."""
    activations = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}
    layers: list[nn.Module] = []
    before = columns
    for after in setting["widths"]:
        layers.append(nn.Linear(before, after))
        if setting["norm"]:
            layers.append(nn.BatchNorm1d(after))
        layers += [activations[setting["activation"]](), nn.Dropout(setting["dropout"])]
        before = after
    layers.append(nn.Linear(before, outputs))
    return nn.Sequential(*layers)
