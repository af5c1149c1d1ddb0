"""A child's training as an object: epoch by epoch, stopped and continued at any of them."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reinas.children.build import apply_recipe
from reinas.devices import Placement, random_state, restore_random_state
from reinas.objectives.base import Objective
from reinas.seeds import derive
from reinas.tasks.recipes import Recipe
from reinas.training.augment import augment
from reinas.training.average import AveragedWeights
from reinas.training.computing import as_placed
from reinas.training.optimizers import optimizer
from reinas.training.tensors import Tensors
from reinas.types import Curve, Epoch

VALIDATION_SHARE = 10
"""By the clock, so many times as long as a validation takes is trained between two of them."""


FORWARD = 1 / 3
"""The share of a training step's time that its forward pass takes, about."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A piece of a training by the clock; all times in seconds since the training began.

    Args:
        end: When the piece ends, its last validation included.
        warmup: The learning rate rises linearly for so long from the beginning.
        decay_from: The learning rate falls linearly from then on, to 0 at `end`. None: it does
            not fall, so that the training can go on (Hägele et al. 2024).
    """

    end: float
    warmup: float = 0.0
    decay_from: float | None = None

    def rate(self, spent: float) -> float:
        """The factor of the learning rate after so many seconds."""
        factor = min(1.0, spent / self.warmup) if self.warmup else 1.0
        if self.decay_from is not None and spent > self.decay_from:
            factor *= max(0.0, (self.end - spent) / (self.end - self.decay_from))
        return factor


class Training:
    """The training of one child by a recipe.

    Everything that decides how it goes on is in `state()`: a training that was restored from there
    gives the very numbers that it would have given without the stop. Dropout and other layers
    draw from torch's global generator, so a training runs inside `seeded(...)`.

    Args:
        child: The untrained network; changed in place.
        train: The training part.
        valid: The validation part; None measures the training part instead.
        recipe: How to train.
        objective: Gives the losses and measures.
        pace: Train by the clock instead of the recipe's epochs and schedule. None: by the recipe.
        placement: Where the data are, and the precision; resolved.
    """

    def __init__(
        self,
        child: nn.Module,
        train: Tensors,
        valid: Tensors | None,
        recipe: Recipe,
        objective: Objective,
        *,
        pace: Pace | None = None,
        placement: Placement | None = None,
    ) -> None:
        placement = placement or Placement()
        apply_recipe(child, recipe)
        init_weights(child, recipe)
        self.child = child.to(train.x.device)
        self._average = AveragedWeights(child, recipe.average) if recipe.average else None
        self._placed = as_placed(child, placement)
        self._measured = (
            self._placed if self._average is None else as_placed(self._average.module, placement)
        )
        self._scaler = torch.amp.GradScaler(
            train.x.device.type, enabled=placement.precision == "float16"
        )
        self._train, self._valid = train, valid or train
        self._recipe, self._objective = recipe, objective
        self._optimizer = optimizer(child, recipe)
        self._generator = torch.Generator().manual_seed(derive(recipe.seed, "order"))
        self._rows: list[Epoch] = []
        self._epoch = 0
        self._stopped: str | None = None
        self._best = _Best()
        self._pace, self._spent = pace, 0.0
        self._measuring = 0.0  # seconds that the last validation took
        self._expected = 0.0  # seconds that the first one will take
        self._measured_at = 0.0  # when it ended, in seconds of training
        self._passes = 0.0

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return self._epoch

    @property
    def seconds(self) -> float:
        """How long the training has taken, validations included."""
        return self._spent

    @property
    def measuring(self) -> float:
        """How many seconds the last validation took; 0 before the first."""
        return self._measuring

    @property
    def passes(self) -> float:
        """How often the training part was passed, with the parts of passes that the clock ended."""
        return self._passes

    @property
    def curve(self) -> Curve:
        """The validated epochs so far, and why the training broke off, if it did."""
        return Curve(tuple(self._rows), self._stopped)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        if self._stopped is not None or self._is_patience_over():
            return True
        if self._pace is not None:
            return self._spent >= self._pace.end - (self._measuring or self._expected)
        return self._epoch >= self._recipe.epochs

    def run_epoch(self) -> Epoch | None:
        """Train for one more epoch, and validate if it is due.

        Returns:
            The validated epoch; None where no validation was due, or where the loss is no longer
            finite: `curve.stopped` says so.
        """
        begun = time.monotonic() - self._spent
        train_loss = self._train_epoch(begun)
        self._epoch += 1
        if not math.isfinite(train_loss):
            self._stopped = _diverged("training", train_loss, self._epoch)
            return None
        if not self._is_validation_due():
            return None
        trained = time.monotonic()
        loss, score = self._objective.measure(self._measured, self._valid.x, self._valid.y)
        self._measuring = time.monotonic() - trained
        self._spent = self._measured_at = time.monotonic() - begun
        if not math.isfinite(loss):
            self._stopped = _diverged("validation", loss, self._epoch)
            return None
        self._rows.append(Epoch(self._epoch, train_loss, loss, score))
        if self._recipe.patience:
            is_settled = self._recipe.is_settled(self._epoch - 1)
            self._best.see(loss, self._kept, waiting=is_settled)
        return self._rows[-1]

    @property
    def _kept(self) -> nn.Module:
        """The network with the weights that are measured and kept."""
        return self.child if self._average is None else self._average.module

    def finish(self) -> Curve:
        """Put the weights into the child that are kept: their means, those of the best epoch.

        Returns:
            The learning curve.
        """
        if self._average is not None:
            self.child.load_state_dict(self._average.module.state_dict())
        if self._recipe.patience and self._stopped is None:
            self._best.give(self.child)
        return self.curve

    def state(self) -> dict[str, Any]:
        """Everything that decides how the training goes on: tensors, numbers, lists and text."""
        return {
            "child": self.child.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "order": self._generator.get_state(),
            "random": random_state(self._train.x.device),
            "average": None if self._average is None else self._average.state(),
            "scaler": self._scaler.state_dict(),
            "epoch": self._epoch,
            "rows": [[e.number, e.train_loss, e.loss, e.score] for e in self._rows],
            "stopped": self._stopped,
            "best": self._best.state(),
            "clock": [self._spent, self._measuring, self._measured_at, self._passes],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Args:
            state: What `state()` gave, of a training with the same child, data and recipe.
        """
        self.child.load_state_dict(state["child"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._generator.set_state(state["order"])
        restore_random_state(self._train.x.device, state["random"])
        if self._average is not None:
            self._average.restore(state["average"])
        self._scaler.load_state_dict(state["scaler"])
        self._epoch, self._stopped = state["epoch"], state["stopped"]
        self._rows = [Epoch(*row) for row in state["rows"]]
        self._best.restore(state["best"])
        self._spent, self._measuring, self._measured_at, self._passes = state["clock"]

    # ---- one epoch -------------------------------------------------------------------------------

    def _train_epoch(self, begun: float) -> float:
        """Take a step per batch of the training part; the mean training loss.

        The losses are read once, at the end: what is not finite stays so through a sum.
        """
        recipe, generator = self._recipe, self._generator
        self._placed.train()
        total, count = torch.zeros((), device=self._train.x.device), 0
        self._set_rate(self._epoch)
        for value, size in self._objective.training_losses(
            self._placed,
            self._train.x,
            self._train.y,
            recipe,
            generator,
            lambda x: augment(x, recipe, generator),
        ):
            self._optimizer.zero_grad()
            self._scaler.scale(value).backward()  # scales for float16 only
            if recipe.clip:
                self._scaler.unscale_(self._optimizer)
                nn.utils.clip_grad_norm_(self.child.parameters(), recipe.clip)
            if recipe.is_smooth or self._pace is not None:
                self._set_rate(self._epoch + count / len(self._train.x))
            self._scaler.step(self._optimizer)
            self._scaler.update()
            if self._average is not None:
                self._average.step()
            total += value.detach() * size
            count += size
            self._spent = time.monotonic() - begun
            self._expected = FORWARD * self._spent * len(self._valid.x) / count
            if self._pace is not None and self.finished:
                break
        self._passes += count / len(self._train.x)
        return float(total) / count

    def _is_validation_due(self) -> bool:
        """At the end, and as often as the recipe says; by the clock, a tenth of the time."""
        if self.finished:
            return True
        if self._pace is None:
            return self._epoch % self._recipe.validate_every == 0
        return self._spent - self._measured_at >= VALIDATION_SHARE * self._measuring

    def _set_rate(self, epochs: float) -> None:
        """The learning rate after so many epochs, or by the clock."""
        pace = self._pace
        factor = self._recipe.rate(epochs) if pace is None else pace.rate(self._spent)
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.learning_rate * factor

    def _is_patience_over(self) -> bool:
        return 0 < self._recipe.patience <= self._best.waited


class _Best:
    """The weights of the epoch with the lowest validation loss, and how long ago that was."""

    def __init__(self) -> None:
        self._loss = math.inf
        self._weights: dict[str, Tensor] = {}
        self.waited = 0
        """Validations since the loss fell last, of those that count for the patience."""

    def see(self, loss: float, child: nn.Module, *, waiting: bool) -> None:
        """Keep the child's weights if this is its best epoch so far."""
        self.waited += waiting
        if loss < self._loss:
            self._loss, self.waited = loss, 0
            self._weights = {k: v.clone() for k, v in child.state_dict().items()}

    def give(self, child: nn.Module) -> None:
        """Put the best weights back."""
        child.load_state_dict(self._weights)

    def state(self) -> dict[str, Any]:
        """What `restore` takes."""
        return {"loss": self._loss, "weights": self._weights, "waited": self.waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._loss, self._weights = state["loss"], dict(state["weights"])
        self.waited = state["waited"]


def init_weights(child: nn.Module, recipe: Recipe) -> None:
    """Draw uniform weights, where the recipe says so, from torch's global generator."""
    if recipe.initial:
        for parameter in child.parameters():
            nn.init.uniform_(parameter, -recipe.initial, recipe.initial)


def _diverged(which: str, value: float, epoch: int) -> str:
    return f"diverged: the {which} loss was {value} in epoch {epoch}"
