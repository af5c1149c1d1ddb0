"""Whether the toy's children have converged: all of them trained side by side, for longer.

The review trains its four children for 2,000 epochs and takes them as converged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reinas.seeds import derive
from reinas.spaces.toy import ToySpace
from reinas.tasks.toy import Toy
from reinas.threads import one_thread
from reinas.types import Answers

EPOCHS = (2_000, 5_000, 10_000, 20_000)
"""After how many epochs the losses are taken; the review's is the first."""


@dataclass(frozen=True)
class Training:
    """How the children are trained.

    Args:
        name: For the reader.
        rate: Adam's step size.
        epochs: After how many epochs their losses are taken, ascending.
    """

    name: str
    rate: float
    epochs: tuple[int, ...]


TRAININGS = (
    Training("as in the review, Adam 0.001", 0.001, EPOCHS),
    Training("a larger rate, Adam 0.02", 0.02, (3_000,)),
)


def losses_over_epochs(
    training: Training,
    seeds: int,
    *,
    seed: int = 0,
    on_epochs: Callable[[int], None] | None = None,
) -> dict[int, dict[Answers, list[float]]]:
    """Train every child with every seed, all at once, and take their losses on the way.

    A child is Dense(1) -> h -> Dense(1) -> g -> Dense(1) with Glorot-uniform weights and zero
    biases, trained by Adam on the mean squared error in batches of 32. Adam works on each number
    alone, so that all children can be rows of one tensor.

    Args:
        training: How.
        seeds: Number of training seeds per child.
        seed: Derives them.
        on_epochs: Called now and then with the number of epochs since the last call.

    Returns:
        By the number of epochs, then by the child's answers (h, g): the mean squared error over
        all points, one per seed.
    """
    children = list(ToySpace().enumerate())
    part = Toy().parts().train
    x, y = (torch.from_numpy(np.asarray(a))[:, 0] for a in (part.x, part.y))
    generator = torch.Generator().manual_seed(derive(seed, "toy", "convergence"))
    count = len(children) * seeds
    bound = 3**0.5  # Glorot's for one unit in and one out: sqrt(6 / 2)
    weights = (2 * torch.rand(3, count, 1, generator=generator) - 1).mul_(bound).requires_grad_()
    biases = torch.zeros(3, count, 1, requires_grad=True)
    answers = torch.tensor(children).repeat_interleave(seeds, 0)  # [count, 2]
    sigmoids = answers.bool().T.unsqueeze(-1)  # [2, count, 1]
    adam = torch.optim.Adam([weights, biases], training.rate)
    size = Toy().recipe.batch_size
    found = {}
    with one_thread():
        for epoch in range(1, training.epochs[-1] + 1):
            order = torch.rand(count, len(x), generator=generator).argsort(1)
            for rows in order.split(size, 1):
                error = _outputs(weights, biases, sigmoids, x[rows]) - y[rows]
                adam.zero_grad()
                error.square().mean(1).sum().backward()
                adam.step()
            if epoch in training.epochs:
                with torch.no_grad():
                    error = _outputs(weights, biases, sigmoids, x.expand(count, -1)) - y
                    means = error.square().mean(1).reshape(len(children), seeds).tolist()
                found[epoch] = dict(zip(children, means, strict=True))
            if on_epochs is not None and epoch % 100 == 0:
                on_epochs(100)
    return found


def _outputs(weights: Tensor, biases: Tensor, sigmoids: Tensor, x: Tensor) -> Tensor:
    """What each child [n] makes of its own inputs [n, points]."""
    for layer in range(3):
        x = x * weights[layer] + biases[layer]
        if layer < 2:
            x = torch.where(sigmoids[layer], x.sigmoid(), x)
    return x


def medians(losses: dict[int, dict[Answers, list[float]]]) -> dict[int, dict[Answers, float]]:
    """The median over seeds of each child's loss, by the number of epochs."""
    return {
        epoch: {child: float(np.median(values)) for child, values in by.items()}
        for epoch, by in losses.items()
    }
