"""The exact objective and its gradient, for spaces small enough to enumerate (section 3.2)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reinas.errors import SettingError
from reinas.policies.distributions import AbstractDistribution
from reinas.spaces.base import AbstractSpace
from reinas.types import A, Answers

MAX_SIZE = 1_000_000  # architectures; a larger sum takes more memory than it is worth


def all_answers(space: AbstractSpace[A]) -> Tensor:
    """All canonical answers of a small space.

    Args:
        space: At most 1,000,000 architectures.

    Returns:
        int64 [size, T], in the order of `space.enumerate()`.

    Raises:
        SettingError: The space is too large.
    """
    _check_size(space)
    return torch.tensor(list(space.enumerate()), dtype=torch.int64)


def all_rewards(space: AbstractSpace[A], reward: Callable[[Answers], float]) -> Tensor:
    """The reward of each of `all_answers`.

    Args:
        space: At most 1,000,000 architectures.
        reward: The reward of one architecture.

    Returns:
        float64 [size].

    Raises:
        SettingError: The space is too large.
    """
    _check_size(space)
    return torch.tensor([reward(a) for a in space.enumerate()], dtype=torch.float64)


def _check_size(space: AbstractSpace[A]) -> None:
    if space.size > MAX_SIZE:
        digits = int(math.log10(space.size))  # log10 takes integers of any size
        raise SettingError(
            f"{space.name} has more than 10^{digits} architectures: the exact gradient sums over"
            f" all of them and takes at most {MAX_SIZE:,}; use a smaller space"
        )


def expected_reward(network: AbstractDistribution, answers: Tensor, rewards: Tensor) -> Tensor:
    """J(theta) = sum over all architectures of P(answers; theta) R(answers) (section 3.2).

    Args:
        network: The distribution P.
        answers: int64 [size, T], the whole space.
        rewards: [size].

    Returns:
        A differentiable scalar; nothing is sampled.
    """
    return network.log_prob(answers).sum(dim=1).exp().mul(rewards).sum()


def exact_gradient(
    network: AbstractDistribution, answers: Tensor, rewards: Tensor
) -> tuple[Tensor, ...]:
    """The gradient of `expected_reward` with respect to the network's parameters.

    Args:
        network: The distribution P.
        answers: int64 [size, T], the whole space.
        rewards: [size].

    Returns:
        One tensor per trainable parameter, in their order; zeros where the space does not use
        the parameter.
    """
    value = expected_reward(network, answers, rewards)
    parameters = [p for p in network.parameters() if p.requires_grad]
    # a space without links never uses the anchor points' parameters
    return torch.autograd.grad(value, parameters, allow_unused=True, materialize_grads=True)
