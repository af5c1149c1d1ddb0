"""Training a child: data as tensors, and the loop."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.recurrent import LanguageModel, detached, likelihood, windows
from reinas.seeds import derive
from reinas.tasks.base import AbstractTask, Loss, Part
from reinas.tasks.recipes import Recipe
from reinas.tasks.scaling import Scaling
from reinas.training.augment import augment
from reinas.types import Curve, Epoch

CHUNK = 512  # examples at a time where no gradient is needed
STEPS, STREAMS = 70, 20  # of text


@dataclass(frozen=True, slots=True)
class Tensors:
    """A part as a network sees it: x float32 [N, *inputs]; y int64 [N] or float32 [N, outputs].

    Of text, which is `sequential`, x are the tokens int64 [N] and y the tokens that follow.
    """

    x: Tensor
    y: Tensor
    sequential: bool = False


def tensors(part: Part, inputs: Scaling, targets: Scaling) -> Tensors:
    """The part, standardised. Classes are left alone."""
    y = torch.from_numpy(part.y) if part.y.ndim == 1 else torch.from_numpy(targets(part.y))
    return Tensors(torch.from_numpy(inputs(part.x)), y)


def sequence(part: Part) -> Tensors:
    """A part of text."""
    return Tensors(torch.from_numpy(part.x), torch.from_numpy(part.y), sequential=True)


@lru_cache(maxsize=4)
def search_tensors(task: AbstractTask) -> tuple[Tensors, Tensors]:
    """Training and validation part, standardised by the training part; once a process."""
    parts = task.parts()
    if task.sequential:
        return sequence(parts.train), sequence(parts.valid)
    scalings = search_scalings(task)
    return tensors(parts.train, *scalings), tensors(parts.valid, *scalings)


@lru_cache(maxsize=4)
def search_scalings(task: AbstractTask) -> tuple[Scaling, Scaling]:
    """How inputs and targets are standardised: by the training part; once a process."""
    return task.scalings(task.parts().train)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's global generator starts from `seed` inside, and is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def batches(order: Tensor, size: int) -> list[Tensor]:
    """Indices in pieces of `size`; a last piece of one example joins the piece before it.

    Batch normalisation cannot normalise one example that has one pixel.
    """
    pieces = list(order.split(size))
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [torch.cat(pieces[-2:])]
    return pieces


LOSSES: dict[Loss, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": functional.cross_entropy,
    "mse": functional.mse_loss,
}


def predict(child: nn.Module, x: Tensor) -> Tensor:
    """The outputs [N, outputs] for examples [N, *inputs], in evaluation mode, without gradient."""
    child.eval()
    with torch.no_grad():
        return torch.cat([child(chunk) for chunk in x.split(CHUNK)])


def measure(child: nn.Module, data: Tensors, loss: Loss) -> tuple[float, float]:
    """Mean loss, and accuracy (classes) or R squared (numbers), in evaluation mode.

    Of text: nats a token over the whole part, and the geometric mean of their probabilities.
    """
    child.eval()
    if data.sequential:
        assert isinstance(child, LanguageModel)
        value = -float(likelihood(child, data.x, data.y, steps=STEPS, batch=STREAMS).mean())
        return value, math.exp(-value)
    outputs = predict(child, data.x)
    value = float(LOSSES[loss](outputs, data.y))
    if loss == "cross_entropy":
        return value, float((outputs.argmax(1) == data.y).float().mean())
    spread = float((data.y - data.y.mean(0)).square().mean())
    return value, 1 - value / spread if spread else 0.0


def optimizer(child: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over all of the child's parameters."""
    if recipe.optimizer == "adam":
        return torch.optim.Adam(
            child.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
    return torch.optim.SGD(
        child.parameters(),
        recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def train_epoch(
    child: nn.Module,
    data: Tensors,
    recipe: Recipe,
    loss: Loss,
    optimize: torch.optim.Optimizer,
    generator: torch.Generator,
) -> float:
    """One pass over `data` in an order that the generator draws; the mean training loss.

    The loss is read once, at the end: what is not finite stays so through a sum. Text is read
    in its own order, the states carried over from window to window.
    """
    child.train()
    if data.sequential:
        return _read(child, data, recipe, optimize)
    total = torch.zeros(())
    order = torch.randperm(len(data.x), generator=generator)
    for index in batches(order, recipe.batch):
        x = augment(data.x[index], recipe, generator)
        value = LOSSES[loss](child(x), data.y[index])
        optimize.zero_grad()
        value.backward()
        optimize.step()
        total += value.detach() * len(index)
    return float(total) / len(order)


def _read(
    child: nn.Module, data: Tensors, recipe: Recipe, optimize: torch.optim.Optimizer
) -> float:
    """One pass over a text by truncated back-propagation through time."""
    assert isinstance(child, LanguageModel)
    pairs = windows(data.x, data.y, recipe.batch, recipe.steps)
    state = child.start(pairs[0][0].shape[1])
    total, count = torch.zeros(()), 0
    for words, following in pairs:
        logits, state = child.run(words, detached(state))
        value = functional.cross_entropy(logits.flatten(0, 1), following.flatten())
        optimize.zero_grad()
        value.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(child.parameters(), recipe.clip)
        optimize.step()
        total += value.detach() * following.numel()
        count += following.numel()
    return float(total) / count


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def apply_recipe(child: nn.Module, recipe: Recipe) -> None:
    """Give the child's modules what the recipe says: an epsilon for normalisation, dropout."""
    for part in child.modules():
        if isinstance(part, NORMS):
            part.eps = recipe.norm_epsilon
        if isinstance(part, LanguageModel):
            part.embedding_dropout = recipe.embedding_dropout
            part.recurrent_dropout = recipe.recurrent_dropout


def init_weights(child: nn.Module, recipe: Recipe) -> None:
    """Uniform weights, where the recipe says so, from torch's global generator."""
    if recipe.initial:
        for parameter in child.parameters():
            nn.init.uniform_(parameter, -recipe.initial, recipe.initial)


class _Best:
    """The weights of the epoch with the lowest validation loss, and how long ago that was."""

    def __init__(self) -> None:
        self._loss = math.inf
        self._weights: dict[str, Tensor] = {}
        self.since = 0

    def see(self, loss: float, child: nn.Module) -> None:
        """Keep the child's weights if this is its best epoch so far."""
        self.since += 1
        if loss < self._loss:
            self._loss, self.since = loss, 0
            self._weights = {k: v.clone() for k, v in child.state_dict().items()}

    def give(self, child: nn.Module) -> None:
        """Put the best weights back."""
        child.load_state_dict(self._weights)


def fit(
    child: nn.Module,
    train: Tensors,
    valid: Tensors | None,
    recipe: Recipe,
    loss: Loss,
    *,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Curve:
    """Train the child by the recipe; the curve of its validated epochs, each given to `on_epoch`.

    Stops early, and says why, when the loss is no longer finite. Without a validation part the
    curve's `loss` and `score` are those of the training part.
    """
    apply_recipe(child, recipe)
    init_weights(child, recipe)
    optimize = optimizer(child, recipe)
    generator = torch.Generator().manual_seed(derive(recipe.seed, "order"))
    rows: list[Epoch] = []
    best = _Best()
    for epoch in range(recipe.epochs):
        for group in optimize.param_groups:
            group["lr"] = recipe.learning_rate * recipe.rate(epoch)
        train_loss = train_epoch(child, train, recipe, loss, optimize, generator)
        if not math.isfinite(train_loss):
            return Curve(tuple(rows), _diverged("training", train_loss, epoch))
        if (epoch + 1) % recipe.validate_every and epoch + 1 < recipe.epochs:
            continue
        value, score = measure(child, valid or train, loss)
        if not math.isfinite(value):
            return Curve(tuple(rows), _diverged("validation", value, epoch))
        rows.append(Epoch(epoch + 1, train_loss, value, score))
        if on_epoch is not None:
            on_epoch(rows[-1])
        if recipe.patience:
            best.see(value, child)
            if best.since >= recipe.patience:
                break
    if recipe.patience:
        best.give(child)
    return Curve(tuple(rows))


def _diverged(which: str, value: float, epoch: int) -> str:
    return f"diverged: the {which} loss was {value} in epoch {epoch + 1}"
