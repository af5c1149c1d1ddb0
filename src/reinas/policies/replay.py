"""REINFORCE with a memory: every step learns from children of all earlier batches, too."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reinas.errors import InvalidSettingError
from reinas.policies.base import State
from reinas.policies.distributions import AbstractDistribution
from reinas.policies.history import History
from reinas.policies.policy_gradient import Network, PolicyGradient, network_of
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.threads import one_thread
from reinas.types import Trial

MAX_STEPS = 1000
MEMORY = "memory."
"""What the names of the memory's arrays begin with."""


def replay_loss(log_probs: Tensor, drawn_at: Tensor, advantages: Tensor, most: float) -> Tensor:
    """Minus the importance-weighted policy gradient: REINFORCE on children of an older policy.

    -(1/n) sum over k of min(P(a_k) / P_k(a_k), most) A_k log P(a_k), where P_k is the policy that
    drew child k, and the weight is taken as a constant. Unless `most` cuts a weight off, the
    gradient's expectation is the exact one for any P_k (Precup, Sutton & Singh 2000).

    Args:
        log_probs: [n], of whole architectures under the policy now.
        drawn_at: [n], the same when they were drawn.
        advantages: [n].
        most: The greatest weight.

    Returns:
        A differentiable scalar.
    """
    weights = (log_probs.detach() - drawn_at).exp().clamp(max=most)
    return -(weights * advantages * log_probs).mean()


class Replay(PolicyGradient):
    """REINFORCE that remembers all children and learns from a sample of them at every step.

    After each batch it takes several steps of Adam: the first on the batch, the others on
    children that are drawn from all, with importance weights.

    Args:
        network: The distribution to train.
        settings: The policy's name and parameters; a search compares them when it resumes.
        learning_rate: Adam's step size, above 0 and at most 1000.
        decay: Weight of the old baseline in each update, in [0, 1).
        steps: Adam steps per batch, 1 to 1,000; with 1 nothing is replayed.
        sample: How many remembered children each further step learns from, at least 1.
        most: The greatest importance weight, above 0.

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
        steps: int,
        sample: int,
        most: float,
    ) -> None:
        super().__init__(network, settings, learning_rate=learning_rate, decay=decay)
        if not 1 <= steps <= MAX_STEPS:
            raise InvalidSettingError(
                "policy.steps", f"must be from 1 to {MAX_STEPS:,}, got {steps}"
            )
        if sample < 1:
            raise InvalidSettingError("policy.sample", f"must be at least 1, got {sample}")
        if not 0 < most <= 1e6:
            raise InvalidSettingError(
                "policy.most", f"must be above 0 and at most a million, got {most}"
            )
        self._steps, self._sample, self._most = steps, sample, most
        self._history = History()
        self._drawn_at: list[float] = []  # log-probability when each was drawn

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Remember the batch, and take the steps of Adam.

        Args:
            trials: A finished batch; all its answers have the same length.

        Returns:
            `reward`: the batch's mean reward; `baseline`: the baseline before this update; `loss`
            of the last step; `entropy`: of the policy before the first, in nats per architecture;
            `remembered`: the number of children that it can learn from.

        Raises:
            ValueError: There is nothing to learn from (see `reinas.policies.base.rewards`).
        """
        values, baseline, following = self.baseline.advantages(trials)
        batch = torch.tensor([t.answers for t in trials], dtype=torch.int64)
        with one_thread():
            with torch.no_grad():
                log_probs, entropies = self.network.scores(batch)
            drawn_at = log_probs.sum(1).tolist()
            self._history.add(trials)
            self._drawn_at += drawn_at
            count = len(self._history)
            loss = self._step(range(count - len(trials), count), baseline)
            usable = [k for k, a in enumerate(self._history.answers) if len(a) == batch.shape[1]]
            rng = np.random.default_rng(derive(0, "replay", count))
            for _ in range(self._steps - 1):
                loss = self._step(rng.choice(usable, min(self._sample, len(usable))), baseline)
        self.baseline = following
        return {
            "reward": mean(values),
            "baseline": baseline,
            "loss": loss,
            "entropy": entropies.sum(1).mean().item(),
            "remembered": len(usable),
        }

    def _step(self, places: Sequence[int] | Any, baseline: float) -> float:
        """One step of Adam on these children; the loss before it."""
        chosen = [int(place) for place in places]
        answers = torch.tensor([self._history.answers[k] for k in chosen], dtype=torch.int64)
        log_probs = self.network.log_prob(answers).sum(1)
        advantages = log_probs.new_tensor([self._history.values[k] - baseline for k in chosen])
        drawn_at = log_probs.new_tensor([self._drawn_at[k] for k in chosen])
        loss = replay_loss(log_probs, drawn_at, advantages, self._most)
        self.network.zero_grad()
        loss.backward()
        self._adam.step()
        return loss.item()

    def state(self) -> State:
        """What every policy gradient has, and the memory."""
        memory: State = {**self._history.state(), "drawn_at": np.array(self._drawn_at, np.float64)}
        return {**super().state(), **{f"{MEMORY}{key}": value for key, value in memory.items()}}

    def restore(self, state: State) -> None:
        """Restore the network and the memory."""
        memory = {k.removeprefix(MEMORY): v for k, v in state.items() if k.startswith(MEMORY)}
        super().restore({k: v for k, v in state.items() if not k.startswith(MEMORY)})
        self._drawn_at = memory.pop("drawn_at").tolist()
        self._history.restore(memory)


def replay(
    space: AbstractSpace[Any],
    *,
    network: Network = "lstm",
    learning_rate: float = 0.01,
    steps: int = 4,
    sample: int = 32,
    most: float = 10.0,
    decay: float = 0.95,
    seed: int = 0,
) -> Replay:
    """REINFORCE with a memory of all children, whose gradients count by importance weights.

    Args:
        space: The space to search.
        network: `lstm` is the paper's controller, `independent` one softmax per decision.
        learning_rate: Adam's step size, above 0 and at most 1000.
        steps: Adam steps per batch, 1 to 1,000; all but the first are on remembered children.
        sample: How many remembered children each of these learns from, at least 1.
        most: The greatest importance weight, above 0.
        decay: Weight of the old baseline in each update, in [0, 1).
        seed: Draws the controller's initial weights.

    Returns:
        The policy `replay`.

    Raises:
        InvalidSettingError: A parameter is out of range.
    """
    settings = {
        "name": "replay",
        "network": network,
        "learning_rate": learning_rate,
        "steps": steps,
        "sample": sample,
        "most": most,
        "decay": decay,
        "seed": seed,
    }
    return Replay(
        network_of(space, network, seed),
        settings,
        learning_rate=learning_rate,
        decay=decay,
        steps=steps,
        sample=sample,
        most=most,
    )
