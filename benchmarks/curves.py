"""Tables with learning curves for `reinas compare --stopping`: perceptrons on scikit-learn's data.

    python benchmarks/curves.py FOLDER

writes FOLDER/digits.csv, breast_cancer.csv, wine.csv and diabetes.csv: 768 settings each, trained
for 27 epochs, with the validation loss after epochs 1, 3, 9 and 27 (columns loss_1, ...). All
settings are trained at once, as one batch of matrices, with the widths as masks; half a minute.
"""

import csv
import itertools
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sklearn import datasets

DATA = {
    "digits": datasets.load_digits,
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}
GRID = {
    "learning_rate": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "schedule": ("constant", "cosine"),
    "activation": ("relu", "tanh"),
    "width": (2, 4, 8, 16),
    "weight_decay": (0.0, 0.001, 0.01, 0.1),
    "dropout": (0.0, 0.3),
}
EPOCHS, BATCH, SAVED = 27, 64, (1, 3, 9, 27)
WORST = 10.0  # losses are cut here, so that a diverged setting has one


def main(folder: str) -> None:
    """Write all tables."""
    torch.set_num_threads(1)
    for name, load in DATA.items():
        rows = list(itertools.product(*GRID.values()))
        losses = curves(*split(load(), classes=name != "diabetes"), rows)
        with (Path(folder) / f"{name}.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow([*GRID, *(f"loss_{epoch}" for epoch in SAVED)])
            for row, measured in zip(rows, losses.tolist(), strict=True):
                out.writerow([*row, *(f"{value:.6g}" for value in measured)])
        print(name, "least loss", losses.min(0).values.tolist(), flush=True)


def split(data: datasets, *, classes: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Standardised training and validation parts, 2 : 1."""
    order = np.random.default_rng(0).permutation(len(data.data))
    cut = len(order) * 2 // 3
    x, y = data.data[order], data.target[order]
    x = (x - x[:cut].mean(0)) / np.maximum(x[:cut].std(0), 1e-3)
    if not classes:
        y = (y - y[:cut].mean()) / y[:cut].std()
    x_all = torch.tensor(x, dtype=torch.float32)
    y_all = torch.tensor(y, dtype=torch.long if classes else torch.float32)
    return x_all[:cut], y_all[:cut], x_all[cut:], y_all[cut:]


def curves(x: Tensor, y: Tensor, x_valid: Tensor, y_valid: Tensor, rows: list) -> Tensor:
    """The validation losses [settings, saved epochs]."""
    n, width = len(rows), max(GRID["width"])
    outputs = int(y.max()) + 1 if y.dtype == torch.long else 1
    rate, schedule, activation, widths, decay, dropout = map(np.array, zip(*rows, strict=True))
    as_tensor = lambda v: torch.tensor(v, dtype=torch.float32).reshape(n, 1, 1)  # noqa: E731
    relu = as_tensor(activation == "relu")
    mask = (torch.arange(width) < torch.tensor(widths)[:, None]).float()[:, None]
    rate, decay, dropout = as_tensor(rate), as_tensor(decay), as_tensor(dropout)
    cosine = as_tensor(schedule == "cosine")
    generator = torch.Generator().manual_seed(0)
    shapes = [(x.shape[1], width), (1, width), (width, width), (1, width), (width, outputs)]
    weights = []
    for shape in [*shapes, (1, outputs)]:
        scale = 0.0 if shape[0] == 1 else shape[0] ** -0.5
        first = scale * torch.randn(shape, generator=generator)
        weights.append(first.expand(n, *shape).clone().requires_grad_())

    def forward(inputs: Tensor, *, training: bool) -> Tensor:
        hidden = inputs.expand(n, *inputs.shape)
        for layer in (0, 2):
            hidden = torch.baddbmm(weights[layer + 1], hidden, weights[layer])
            hidden = mask * (relu * hidden.relu() + (1 - relu) * hidden.tanh())
            if training:
                drawn = torch.rand(hidden.shape[1:], generator=generator)
                hidden = hidden * (drawn >= dropout) / (1 - dropout)
        return torch.baddbmm(weights[5], hidden, weights[4])

    def losses(outputs: Tensor, targets: Tensor) -> Tensor:
        if targets.dtype == torch.long:
            flat = outputs.reshape(-1, outputs.shape[2])
            each = cross_entropy(flat, targets.repeat(n), reduction="none")
            return each.reshape(n, -1).mean(1)
        return (outputs[:, :, 0] - targets).square().mean(1)

    saved, steps = [], -(-len(x) // BATCH)
    for epoch in range(1, EPOCHS + 1):
        order = torch.randperm(len(x), generator=generator)
        for step, part in enumerate(order.split(BATCH)):
            share = (epoch - 1 + step / steps) / EPOCHS
            factor = 1 - cosine + cosine * (1 + np.cos(np.pi * share)) / 2
            loss = losses(forward(x[part], training=True), y[part])
            gradients = torch.autograd.grad(loss.sum(), weights)
            with torch.no_grad():
                for weight, raw in zip(weights, gradients, strict=True):
                    gradient = torch.nan_to_num(raw, 0, 0, 0) + decay * weight
                    weight.sub_(rate * factor * gradient.clamp(-1, 1))
        if epoch in SAVED:
            with torch.no_grad():
                found = losses(forward(x_valid, training=False), y_valid)
            saved.append(torch.nan_to_num(found, WORST, WORST).clamp(max=WORST))
    return torch.stack(saved, 1)


if __name__ == "__main__":
    main(sys.argv[1])
