"""Proximal policy optimisation (Schulman et al. 2017): several steps per batch, none too far."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from reinas.errors import InvalidSettingError
from reinas.policies.distributions import AbstractDistribution
from reinas.policies.policy_gradient import Network, PolicyGradient, network_of
from reinas.spaces.base import AbstractSpace
from reinas.threads import one_thread
from reinas.types import Trial

MAX_EPOCHS = 1000


def clipped_loss(log_probs: Tensor, before: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """Minus the clipped objective (Schulman et al. 2017, equation 7), summed over the decisions.

    -(1/m) sum over k, sum over t of min(r_kt A_k, clip(r_kt, 1 - clip, 1 + clip) A_k), where r_kt
    is the answer's probability divided by the one with which it was drawn. Where nothing has
    changed yet, its gradient is that of `reinforce_loss`.

    Args:
        log_probs: [m, T], of the answers that were drawn.
        before: [m, T], the same when they were drawn.
        advantages: [m].
        clip: How far the ratio counts, in (0, 1).

    Returns:
        A differentiable scalar.
    """
    ratio = (log_probs - before).exp()
    gained = advantages.unsqueeze(1)
    kept = torch.min(ratio * gained, ratio.clamp(1 - clip, 1 + clip) * gained)
    return -kept.sum(1).mean()


class Ppo(PolicyGradient):
    """Trains a distribution over answers by the clipped objective, several Adam steps per batch.

    There is no critic, since the reward comes at the end: the baseline is REINFORCE's moving
    average. Advantages are divided by their standard deviation in the batch.

    Args:
        network: The distribution to train.
        settings: The policy's name and parameters; a search compares them when it resumes.
        learning_rate: Adam's step size, above 0 and at most 1000.
        decay: Weight of the old baseline in each update, in [0, 1).
        clip: How far a probability ratio counts, in (0, 1).
        epochs: Adam steps per batch, 1 to 1,000; each is on the whole batch.
        entropy: Weight of the entropy bonus, at least 0.

    Raises:
        InvalidSettingError: A parameter is out of range.
    """

    def __init__(
        self,
        network: AbstractDistribution,
        settings: Mapping[str, Any],
        *,
        learning_rate: float,
        decay: float,
        clip: float,
        epochs: int,
        entropy: float,
    ) -> None:
        super().__init__(network, settings, learning_rate=learning_rate, decay=decay)
        if not 0 < clip < 1:
            raise InvalidSettingError("policy.clip", f"must be above 0 and below 1, got {clip}")
        if not 1 <= epochs <= MAX_EPOCHS:
            raise InvalidSettingError(
                "policy.epochs", f"must be from 1 to {MAX_EPOCHS:,}, got {epochs}"
            )
        if not 0 <= entropy <= 1e6:
            raise InvalidSettingError(
                "policy.entropy", f"must be from 0 to a million, got {entropy}"
            )
        self._clip, self._epochs, self._entropy = clip, epochs, entropy

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Take the steps of Adam on the batch's answers and rewards.

        Args:
            trials: A finished batch; all its answers have the same length.

        Returns:
            `reward`: the batch's mean reward; `baseline`: the baseline before this update; `loss`
            and `entropy` (in nats per architecture) before the last step; `clipped`: the share of
            ratios beyond the clip then.

        Raises:
            ValueError: There is nothing to learn from (see `reinas.policies.base.rewards`).
        """
        values, baseline, following = self.baseline.advantages(trials)
        answers = torch.tensor([t.answers for t in trials], dtype=torch.int64)
        with one_thread():
            advantages = torch.tensor(values) - baseline
            if len(values) > 1:
                advantages = advantages / (advantages.std(correction=0) + 1e-8)
            with torch.no_grad():
                before = self.network.log_prob(answers)
            for _ in range(self._epochs):
                log_probs, entropies = self.network.scores(answers)
                entropy = entropies.sum(1).mean()
                loss = clipped_loss(log_probs, before, advantages.to(log_probs.dtype), self._clip)
                self.network.zero_grad()
                (loss - self._entropy * entropy).backward()
                self._adam.step()
            beyond = ((log_probs - before).exp() - 1).abs() > self._clip
        self.baseline = following
        return {
            "reward": mean(values),
            "baseline": baseline,
            "loss": loss.item(),
            "entropy": entropy.item(),
            "clipped": beyond.double().mean().item(),
        }


def ppo(
    space: AbstractSpace[Any],
    *,
    network: Network = "lstm",
    learning_rate: float = 0.01,
    clip: float = 0.2,
    epochs: int = 4,
    entropy: float = 0.0,
    decay: float = 0.95,
    seed: int = 0,
) -> Ppo:
    """Proximal policy optimisation, which reuses each batch for several steps.

    Args:
        space: The space to search.
        network: `lstm` is the paper's controller, `independent` one softmax per decision.
        learning_rate: Adam's step size, above 0 and at most 1000.
        clip: How far a probability ratio counts, in (0, 1).
        epochs: Adam steps per batch, 1 to 1,000.
        entropy: Weight of the entropy bonus, at least 0.
        decay: Weight of the old baseline in each update, in [0, 1).
        seed: Draws the controller's initial weights.

    Returns:
        The policy `ppo`.

    Raises:
        InvalidSettingError: A parameter is out of range.
    """
    settings = {
        "name": "ppo",
        "network": network,
        "learning_rate": learning_rate,
        "clip": clip,
        "epochs": epochs,
        "entropy": entropy,
        "decay": decay,
        "seed": seed,
    }
    return Ppo(
        network_of(space, network, seed),
        settings,
        learning_rate=learning_rate,
        decay=decay,
        clip=clip,
        epochs=epochs,
        entropy=entropy,
    )
