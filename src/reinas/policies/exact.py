"""The exact objective and its gradient, where the space can be enumerated."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reinas.errors import SettingError
from reinas.policies.distributions import AbstractDistribution
from reinas.spaces.base import AbstractSpace
from reinas.types import A, Answers

LIMIT = 1_000_000  # answers; beyond that the sum takes more memory than it is worth


def all_answers(space: AbstractSpace[A]) -> Tensor:
    """All canonical answers of a small space: int64 [size, T]."""
    _check_size(space)
    return torch.tensor(list(space.enumerate()), dtype=torch.int64)


def all_rewards(space: AbstractSpace[A], reward: Callable[[Answers], float]) -> Tensor:
    """The reward of each of `all_answers`: float64 [size]."""
    _check_size(space)
    return torch.tensor([reward(a) for a in space.enumerate()], dtype=torch.float64)


def _check_size(space: AbstractSpace[A]) -> None:
    if space.size > LIMIT:
        digits = int(math.log10(space.size))  # takes whole numbers of any size
        raise SettingError(
            f"{space.name} has more than 10^{digits} architectures: the exact gradient sums over"
            f" all of them and takes at most {LIMIT:,}; use a smaller space"
        )


def expected_reward(network: AbstractDistribution, answers: Tensor, rewards: Tensor) -> Tensor:
    """J(theta) = sum over all answers of P(answers; theta) R(answers) (section 3.2).

    `answers` int64 [size, T] and `rewards` [size] cover the space; the result is a scalar that
    can be differentiated: nothing is sampled.
    """
    return network.log_prob(answers).sum(dim=1).exp().mul(rewards).sum()


def exact_gradient(
    network: AbstractDistribution, answers: Tensor, rewards: Tensor
) -> tuple[Tensor, ...]:
    """The gradient of J with respect to each of the network's parameters, in their order."""
    value = expected_reward(network, answers, rewards)
    parameters = [p for p in network.parameters() if p.requires_grad]
    # parameters that this space never uses (anchor points without links) have gradient zero
    return torch.autograd.grad(value, parameters, allow_unused=True, materialize_grads=True)
