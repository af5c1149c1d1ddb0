"""One parameter-server shard: a slice of the parameters and its optimiser (section 3.2)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from reinas.policies.base import State
from reinas.policies.policy_gradient import adam
from reinas.study.servers.slices import MOMENTS, SUM
from reinas.threads import one_thread

Slice = list[Tensor | None]
"""A shard's part of a gradient: flat pieces, or None for parameters without a gradient."""


class Shard:
    """Holds one share of a policy's state (`Slices.shares`) and applies gradients to it.

    Gradients are numbered and must come in order, each once. A shard is empty until `load` is
    called.

    Args:
        learning_rate: The learning rate of Adam.
        accumulate: Gradients that are added up before each step of the optimiser.
    """

    def __init__(self, learning_rate: float, accumulate: int) -> None:
        self._rate, self._accumulate = learning_rate, accumulate
        self._number = -1

    def load(self, share: State, number: int) -> None:
        """Replace what the shard holds.

        Args:
            share: This shard's share of a policy's state, as `Slices.shares` returns it.
            number: How many gradients the state includes.
        """
        pieces = range(sum(name.endswith(".theta") for name in share))

        def tensor(place: int, what: str) -> Tensor:
            return torch.from_numpy(np.array(share[f"{place}.{what}"]))

        self._theta = [torch.nn.Parameter(tensor(k, "theta")) for k in pieces]
        self._sums: Slice = [tensor(k, SUM) if f"{k}.{SUM}" in share else None for k in pieces]
        self._adam = adam(self._theta, self._rate)
        slots = {
            k: {slot: tensor(k, slot) for slot in ("step", *MOMENTS)}
            for k in pieces
            if f"{k}.step" in share
        }
        groups = self._adam.state_dict()["param_groups"]
        self._adam.load_state_dict({"state": slots, "param_groups": groups})
        self._number = number

    def _check(self, number: int) -> None:
        if number != self._number:
            raise ValueError(f"{self._number} gradients have come, not {number}")

    def fetch(self) -> list[Tensor]:
        """A copy of the shard's slice of the parameters.

        Returns:
            Flat pieces.

        Raises:
            ValueError: The shard is empty.
        """
        if self._number < 0:
            raise ValueError("there are no parameters yet")
        return [piece.detach().clone() for piece in self._theta]

    def add(self, number: int, gradient: Sequence[Tensor | None]) -> None:
        """Add a gradient, and step if it completes `accumulate` of them.

        Args:
            number: The gradient's number, counted from 0.
            gradient: This shard's slice of it, as `Slices.cut` returns it.

        Raises:
            ValueError: The shard is empty, or expects another number.
        """
        self._check(number)
        self._number += 1
        self._sums = [_plus(a, b) for a, b in zip(self._sums, gradient, strict=True)]
        if self._number % self._accumulate == 0:
            for piece, total in zip(self._theta, self._sums, strict=True):
                piece.grad = total
            with one_thread():
                self._adam.step()
            self._sums = [None] * len(self._theta)

    def state(self, number: int) -> State:
        """The shard's share of the policy's state.

        Args:
            number: How many gradients the caller expects the state to include.

        Returns:
            Arrays named `<piece>.<part>`, as `Slices.gathered` takes them.

        Raises:
            ValueError: The shard is empty, or includes another number of gradients.
        """
        self._check(number)
        share: State = {}
        slots = self._adam.state_dict()["state"]
        for k, (theta, total) in enumerate(zip(self._theta, self._sums, strict=True)):
            share[f"{k}.theta"] = theta.detach().numpy().copy()
            share |= {f"{k}.{slot}": v.numpy().copy() for slot, v in slots.get(k, {}).items()}
            if total is not None:
                share[f"{k}.{SUM}"] = total.numpy().copy()
        return share


def _plus(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b
