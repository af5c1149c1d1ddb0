"""What all policies that climb a policy gradient share: a network, Adam, a baseline."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from reinas.errors import InvalidSettingError
from reinas.policies.base import MAX_SEED, AbstractPolicy, State
from reinas.policies.baseline import Baseline
from reinas.policies.controller import Controller
from reinas.policies.distributions import AbstractDistribution
from reinas.policies.independent import IndependentSoftmaxes
from reinas.spaces.base import AbstractSpace, check_decisions
from reinas.threads import one_thread
from reinas.types import Answers

MAX_LEARNING_RATE = 1000  # far beyond it the weights overflow and sampling is impossible

Network = Literal["lstm", "independent"]
"""The paper's controller, or one softmax per decision."""


def adam(parameters: Iterable[Tensor], learning_rate: float) -> torch.optim.Adam:
    """Adam with torch's other defaults: the optimiser of every controller, whole or in slices.

    Args:
        parameters: What to optimise.
        learning_rate: Adam's step size.

    Returns:
        The optimiser.
    """
    return torch.optim.Adam(parameters, learning_rate, fused=True)


def seeded(seed: int) -> torch.Generator:
    """A generator for a controller's initial weights.

    Args:
        seed: 0 to 2^63 - 1.

    Returns:
        The generator.

    Raises:
        InvalidSettingError: The seed is out of range.
    """
    if not 0 <= seed <= MAX_SEED:
        raise InvalidSettingError("policy.seed", f"must be from 0 to 2^63 - 1, got {seed}")
    return torch.Generator().manual_seed(seed)


def network_of(space: AbstractSpace[Any], network: Network, seed: int) -> AbstractDistribution:
    """A distribution over a space's answers, as the paper's controller begins or uniform.

    Args:
        space: The space.
        network: Which one.
        seed: Draws the controller's initial weights, uniform in [-0.08, 0.08].

    Returns:
        The distribution.

    Raises:
        InvalidSettingError: The seed is out of range.
    """
    generator = seeded(seed)
    check_decisions(space.decisions)
    if network == "independent":
        return IndependentSoftmaxes(space.decisions)
    return Controller(space.decisions, generator=generator)


class PolicyGradient(AbstractPolicy):
    """A distribution over answers that is trained by Adam; `update` says on what.

    Args:
        network: The distribution to train.
        settings: The policy's name and parameters; a search compares them when it resumes.
        learning_rate: Adam's step size, above 0 and at most 1000.
        decay: Weight of the old baseline in each update, in [0, 1).

    Raises:
        InvalidSettingError: A parameter is out of range.

    Attributes:
        network: The distribution that is trained.
        learning_rate: Adam's step size.
        baseline: The baseline of the next batch.
    """

    def __init__(
        self,
        network: AbstractDistribution,
        settings: Mapping[str, Any],
        *,
        learning_rate: float,
        decay: float,
    ) -> None:
        if not 0 < learning_rate < math.inf:
            raise InvalidSettingError(
                "policy.learning_rate", f"must be above 0 and finite, got {learning_rate}"
            )
        if learning_rate > MAX_LEARNING_RATE:
            raise InvalidSettingError(
                "policy.learning_rate", f"must be at most {MAX_LEARNING_RATE}, got {learning_rate}"
            )
        if not 0 <= decay < 1:
            raise InvalidSettingError(
                "policy.decay", f"must be at least 0 and below 1, got {decay}"
            )
        self.network = network
        self._settings = dict(settings)
        self.learning_rate = learning_rate
        self.baseline = Baseline(decay)
        self._adam = adam(network.parameters(), learning_rate)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The policy's name and parameters."""
        return self._settings

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Sample from the network."""
        generator = torch.Generator().manual_seed(seed)
        with one_thread():
            drawn = self.network.sample(count, length, generator)
        return [tuple(row) for row in drawn.tolist()]

    def state(self) -> State:
        """Weights, Adam's moments and step counts, the baseline, the lowest reward below 0."""
        result: State = {
            "baseline": np.array(self.baseline.average),
            "worst": np.array(self.baseline.worst),
        }
        for name, value in self.network.state_dict().items():
            result[f"network.{name}"] = value.numpy().copy()
        for index, slots in self._adam.state_dict()["state"].items():
            for name, value in slots.items():
                result[f"adam.{index}.{name}"] = value.numpy().copy()
        return result

    def restore(self, state: State) -> None:
        """Restore the weights, the optimiser and the baseline."""
        arrays = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        average, worst = (float(arrays.pop(key)) for key in ("baseline", "worst"))
        self.baseline = replace(self.baseline, average=average, worst=worst)
        weights = {}
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in arrays.items():
            head, _, rest = name.partition(".")
            if head == "network":
                weights[rest] = tensor
            else:
                index, _, slot = rest.partition(".")
                moments.setdefault(int(index), {})[slot] = tensor
        self.network.load_state_dict(weights)
        groups = self._adam.state_dict()["param_groups"]
        self._adam.load_state_dict({"state": moments, "param_groups": groups})
