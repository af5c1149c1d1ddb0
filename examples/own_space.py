"""A space of your own: the width of a bottleneck, and a shortcut around it or none.

One class says what may be built, one function builds it, and everything else (policies, store,
executors, reports) works as it is. Run it: `python examples/own_space.py`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor, nn

import reinas
from reinas import Budget


@dataclass(frozen=True)
class Bottleneck:
    """The architecture: what a child is built from. Frozen, comparable, without torch."""

    width: int
    shortcut: bool
    scale: float | None  # of the shortcut; there is none without one


@dataclass(frozen=True)
class BottleneckSpace(reinas.AbstractSpace[Bottleneck]):
    """Bottlenecks with an optional shortcut; its scale is decided only where there is one."""

    widths: tuple[int, ...] = (1, 2, 4, 8)
    scales: tuple[float, ...] = (0.5, 1.0)
    name: ClassVar[str] = "bottleneck"

    @cached_property
    def decisions(self) -> tuple[reinas.Choice, ...]:
        """Width, shortcut, and the shortcut's scale if there is one."""
        when = (reinas.When("shortcut", (True,)),)
        return (
            reinas.Choice("width", "width", self.widths),
            reinas.Choice("shortcut", "shortcut", (False, True)),
            reinas.Choice("scale", "scale", self.scales, when=when),
        )

    def decode(self, answers: tuple[int, ...]) -> Bottleneck:
        """The bottleneck that the answers mean."""
        self.check(answers)
        width, shortcut, scale = answers
        return Bottleneck(
            self.widths[width], bool(shortcut), self.scales[scale] if shortcut else None
        )

    def encode(self, architecture: Bottleneck) -> tuple[int, ...]:
        """The answers that mean the bottleneck."""
        scale = 0 if architecture.scale is None else self.scales.index(architecture.scale)
        return self.widths.index(architecture.width), int(architecture.shortcut), scale


class BottleneckNet(nn.Module):
    """Features -> few -> classes, plus a scaled linear shortcut."""

    def __init__(self, architecture: Bottleneck, inputs: int, outputs: int) -> None:
        super().__init__()
        self.narrow = nn.Sequential(
            nn.Linear(inputs, architecture.width), nn.ReLU(), nn.Linear(architecture.width, outputs)
        )
        self.shortcut = nn.Linear(inputs, outputs) if architecture.shortcut else None
        self.scale = architecture.scale

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, outputs] of rows [B, inputs]."""
        out: Tensor = self.narrow(x)
        return out if self.shortcut is None else out + self.scale * self.shortcut(x)


@reinas.build.register
def _(architecture: Bottleneck, task: reinas.AbstractTask) -> nn.Module:
    return BottleneckNet(architecture, task.inputs[0], task.outputs)


if __name__ == "__main__":
    torch.set_num_threads(1)
    space = BottleneckSpace()
    policy = reinas.zoph_le(space, learning_rate=0.01, seed=0)
    found = reinas.search(space, policy, reinas.TrainedEvaluator(reinas.Wine()), budget=Budget(24))
    print(f"{space.size} architectures, {len(found.record.finished())} trials")
    print(f"best: {found.best_architecture}, reward {found.best_trial.reward:.4f}")
