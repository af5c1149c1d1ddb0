"""REINFORCE (Zoph & Le 2016, section 3.2): the loss, the baseline, the policy."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reinas.errors import SettingError
from reinas.policies.base import AbstractPolicy, State
from reinas.policies.baseline import Baseline
from reinas.policies.controller import Controller
from reinas.policies.distributions import AbstractDistribution
from reinas.policies.independent import IndependentSoftmaxes
from reinas.spaces.base import AbstractSpace, check_decisions
from reinas.threads import one_thread
from reinas.types import Answers, Trial

FASTEST = 1000  # Adam's step: far beyond it the weights overflow and nothing can be drawn
MOST = 4096  # units and layers of a controller: more would not fit into memory


def reinforce_loss(log_probs: Tensor, rewards: Tensor, baseline: float) -> Tensor:
    """Minus the estimator's objective: its gradient is minus the policy gradient (section 3.2).

    `log_probs` [m, T] of the answers that were drawn, `rewards` [m] that they earned:
    -(1/m) sum over k, sum over t of log P(a_t | a_(t-1)..a_1) (R_k - b).
    """
    advantages = (rewards - baseline).detach()
    return -(log_probs.sum(dim=1) * advantages).mean()


Gradient = list[Tensor | None]
"""One tensor a parameter, in their order; None where the batch says nothing about it."""


def adam(parameters: Iterable[Tensor], learning_rate: float) -> torch.optim.Adam:
    """The optimiser of every controller, whole or in slices."""
    return torch.optim.Adam(parameters, learning_rate, fused=True)


class Reinforce(AbstractPolicy):
    """Trains a network of answers by policy gradient, one Adam step a batch.

    The baseline is an exponential moving average of earlier batches' mean rewards; it starts at
    the first batch's mean and is updated after the advantage is taken. There is no entropy
    bonus, no clipping, no temperature. `settings` is what the search compares when it resumes.
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
            raise SettingError(
                f"policy: learning_rate must be above 0 and finite, got {learning_rate}"
            )
        if learning_rate > FASTEST:
            raise SettingError(f"policy: learning_rate must be at most 1000, got {learning_rate}")
        if not 0 <= decay < 1:
            raise SettingError(f"policy: decay must be at least 0 and below 1, got {decay}")
        self.network = network
        self._settings = dict(settings)
        self.learning_rate = learning_rate
        self.earlier = Baseline(decay)
        self._adam = adam(network.parameters(), learning_rate)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The policy's name and parameters."""
        return self._settings

    @property
    def baseline(self) -> float:
        """The moving average of rewards; NaN before the first update."""
        return self.earlier.average

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Draw from the network."""
        generator = torch.Generator().manual_seed(seed)
        with one_thread():
            drawn = self.network.sample(count, length, generator)
        return [tuple(row) for row in drawn.tolist()]

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """One step of Adam on the batch's own answers and rewards.

        Diagnostics: mean reward, baseline before the update, loss, entropy of the policy at
        these answers (nats an architecture), gradient norm.
        """
        _, said = self.gradient(trials, self.earlier)
        with one_thread():
            self._adam.step()
        self.earlier = self.earlier.after(self.earlier.values(trials))
        return said

    def gradient(
        self, trials: Sequence[Trial], baseline: Baseline
    ) -> tuple[Gradient, dict[str, float]]:
        """Minus the batch's policy gradient at the network as it is, and the diagnostics.

        Nothing is learned by it; the gradient is that of `reinforce_loss`.
        """
        answers = torch.tensor([t.answers for t in trials], dtype=torch.int64)
        values = baseline.values(trials)
        before = baseline.before(values)
        with one_thread():
            log_probs, entropies = self.network.scores(answers)
            loss = reinforce_loss(log_probs, log_probs.new_tensor(values), before)
            self.network.zero_grad()
            loss.backward()
            gradient = [p.grad for p in self.network.parameters()]
            norm = torch.nn.utils.get_total_norm([g for g in gradient if g is not None])
        return gradient, {
            "reward": mean(values),
            "baseline": before,
            "loss": loss.item(),
            "entropy": entropies.detach().sum(1).mean().item(),
            "gradient_norm": norm.item(),
        }

    def state(self) -> State:
        """Weights, Adam's moments and step counts, the baseline, the worst reward below 0."""
        result: State = {
            "baseline": np.array(self.earlier.average),
            "worst": np.array(self.earlier.worst),
        }
        for name, value in self.network.state_dict().items():
            result[f"network.{name}"] = value.numpy().copy()
        for index, slots in self._adam.state_dict()["state"].items():
            for name, value in slots.items():
                result[f"adam.{index}.{name}"] = value.numpy().copy()
        return result

    def restore(self, state: State) -> None:
        """Everything that `state()` gave."""
        arrays = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        average, worst = (float(arrays.pop(key)) for key in ("baseline", "worst"))
        self.earlier = replace(self.earlier, average=average, worst=worst)
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


def zoph_le(
    space: AbstractSpace[Any],
    *,
    hidden: int = 35,
    layers: int = 2,
    initial: float = 0.08,
    learning_rate: float = 0.0006,
    decay: float = 0.95,
    seed: int = 0,
) -> Reinforce:
    """The paper's controller: two LSTM layers of 35 units, REINFORCE, Adam at 0.0006.

    Nothing is learned at this rate before about 500 samples; small budgets want
    learning_rate=0.01 or so. `seed` draws the initial weights.
    """
    for key, value in (("hidden", hidden), ("layers", layers)):
        if value < 1:
            raise SettingError(f"zoph-le: {key} must be at least 1, got {value}")
        if value > MOST:
            raise SettingError(f"zoph-le: {key} must be at most {MOST:,}, got {value}")
    if not 0 <= seed < 1 << 63:
        raise SettingError(f"zoph-le: seed must be from 0 to 2^63 - 1, got {seed}")
    if not 0 < initial < math.inf:
        raise SettingError(f"zoph-le: initial must be above 0 and finite, got {initial}")
    check_decisions(space.decisions)
    network = Controller(
        space.decisions,
        hidden=hidden,
        layers=layers,
        initial=initial,
        generator=torch.Generator().manual_seed(seed),
    )
    settings = {
        "name": "zoph-le",
        "hidden": hidden,
        "layers": layers,
        "initial": initial,
        "learning_rate": learning_rate,
        "decay": decay,
        "seed": seed,
    }
    return Reinforce(network, settings, learning_rate=learning_rate, decay=decay)


def independent(
    space: AbstractSpace[Any], *, learning_rate: float = 0.1, decay: float = 0.95
) -> Reinforce:
    """One softmax a decision, the same learning rule: the review's counter-proposal.

    It starts uniform, so there is nothing to seed.
    """
    check_decisions(space.decisions)
    settings = {"name": "independent", "learning_rate": learning_rate, "decay": decay}
    return Reinforce(
        IndependentSoftmaxes(space.decisions), settings, learning_rate=learning_rate, decay=decay
    )
