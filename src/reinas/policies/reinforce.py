"""REINFORCE (Zoph & Le 2016, section 3.2): the loss, the baseline, the policy."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from reinas.errors import InvalidSettingError
from reinas.policies.baseline import Advantages, Baseline
from reinas.policies.controller import Controller
from reinas.policies.independent import IndependentSoftmaxes
from reinas.policies.policy_gradient import PolicyGradient, seeded
from reinas.spaces.base import AbstractSpace, check_decisions
from reinas.spaces.recurrent import RecurrentSpace
from reinas.threads import one_thread
from reinas.types import Trial

RATE, RATE_FOR_CELLS = 0.0006, 0.0005  # of the paper: sections 4.1 and 4.2
MAX_UNITS = 4096  # units or layers of a controller: more would not fit into memory


def reinforce_loss(log_probs: Tensor, rewards: Tensor, baseline: float) -> Tensor:
    """A loss whose gradient is minus the REINFORCE estimate of the policy gradient (section 3.2).

    -(1/m) sum over k, sum over t of log P(a_t | a_(t-1)..a_1) (R_k - b)

    Args:
        log_probs: [m, T], of the answers that were drawn.
        rewards: [m], of the same architectures.
        baseline: b.

    Returns:
        A differentiable scalar.
    """
    advantages = (rewards - baseline).detach()
    return -(log_probs.sum(dim=1) * advantages).mean()


Gradient = list[Tensor | None]
"""One tensor per parameter, in their order; None where the batch does not use it."""


class Reinforce(PolicyGradient):
    """Trains a distribution over answers by policy gradient, one Adam step per batch.

    The baseline is an exponential moving average of the earlier batches' mean rewards. It starts
    at the first batch's mean and is updated after the advantages are computed (section 3.2). There
    is no entropy bonus, no clipping and no temperature.

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

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Take one step of Adam on the batch's answers and rewards.

        Args:
            trials: A finished batch; all its answers have the same length.

        Returns:
            `reward`: the batch's mean reward; `baseline`: the baseline before this update; `loss`;
            `entropy`: of the policy, in nats per architecture; `gradient_norm`.

        Raises:
            ValueError: There is nothing to learn from (see `reinas.policies.base.rewards`).
        """
        advantages = self.baseline.advantages(trials)
        _, diagnostics = self._backward(trials, advantages)
        with one_thread():
            self._adam.step()
        self.baseline = advantages.next
        return diagnostics

    def gradient(
        self, trials: Sequence[Trial], baseline: Baseline
    ) -> tuple[Gradient, dict[str, float]]:
        """The gradient of `reinforce_loss` at the current parameters; nothing is learned.

        Args:
            trials: A finished batch; all its answers have the same length.
            baseline: The baseline to use instead of the policy's own.

        Returns:
            The gradient, and the diagnostics that `update` returns.

        Raises:
            ValueError: There is nothing to learn from (see `reinas.policies.base.rewards`).
        """
        return self._backward(trials, baseline.advantages(trials))

    def _backward(
        self, trials: Sequence[Trial], advantages: Advantages
    ) -> tuple[Gradient, dict[str, float]]:
        answers = torch.tensor([t.answers for t in trials], dtype=torch.int64)
        values, baseline, _ = advantages
        with one_thread():
            log_probs, entropies = self.network.scores(answers)
            loss = reinforce_loss(log_probs, log_probs.new_tensor(values), baseline)
            self.network.zero_grad()
            loss.backward()
            gradient = [p.grad for p in self.network.parameters()]
            norm = torch.nn.utils.get_total_norm([g for g in gradient if g is not None])
        return gradient, {
            "reward": mean(values),
            "baseline": baseline,
            "loss": loss.item(),
            "entropy": entropies.detach().sum(1).mean().item(),
            "gradient_norm": norm.item(),
        }


def zoph_le(
    space: AbstractSpace[Any],
    *,
    hidden: int = 35,
    layers: int = 2,
    initial: float = 0.08,
    learning_rate: float | None = None,
    decay: float = 0.95,
    seed: int = 0,
) -> Reinforce:
    """The paper's controller: an LSTM trained by REINFORCE (sections 3.1, 3.2 and 4.1).

    The defaults are the paper's. At its learning rate nothing is learned before about 500 samples;
    for small budgets take 0.01 or so.

    Args:
        space: The space to search.
        hidden: Units per LSTM layer, 1 to 4,096.
        layers: Number of LSTM layers, 1 to 4,096.
        initial: The weights start uniform in [-initial, initial]; above 0.
        learning_rate: Adam's step size, above 0 and at most 1000. None: the paper's, 0.0005 for
            recurrent cells (section 4.2) and 0.0006 for everything else (section 4.1).
        decay: Weight of the old baseline in each update, in [0, 1).
        seed: Draws the initial weights.

    Returns:
        The policy `zoph-le`.

    Raises:
        InvalidSettingError: A parameter is out of range.
    """
    for key, value in (("hidden", hidden), ("layers", layers)):
        if value < 1:
            raise InvalidSettingError(f"policy.{key}", f"must be at least 1, got {value}")
        if value > MAX_UNITS:
            raise InvalidSettingError(
                f"policy.{key}", f"must be at most {MAX_UNITS:,}, got {value}"
            )
    generator = seeded(seed)
    if not 0 < initial < math.inf:
        raise InvalidSettingError("policy.initial", f"must be above 0 and finite, got {initial}")
    check_decisions(space.decisions)
    if learning_rate is None:
        learning_rate = RATE_FOR_CELLS if isinstance(space, RecurrentSpace) else RATE
    network = Controller(
        space.decisions,
        hidden=hidden,
        layers=layers,
        initial=initial,
        generator=generator,
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
    """One independent softmax per decision, trained by the same rule as the controller.

    This is the review's alternative to the LSTM (docs/review.md). It starts uniform, so it has no
    seed.

    Args:
        space: The space to search.
        learning_rate: Adam's step size, above 0 and at most 1000.
        decay: Weight of the old baseline in each update, in [0, 1).

    Returns:
        The policy `independent`.

    Raises:
        InvalidSettingError: A parameter is out of range.
    """
    check_decisions(space.decisions)
    settings = {"name": "independent", "learning_rate": learning_rate, "decay": decay}
    return Reinforce(
        IndependentSoftmaxes(space.decisions), settings, learning_rate=learning_rate, decay=decay
    )
