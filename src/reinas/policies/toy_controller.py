"""The review's controller of five parameters (docs/review.md)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.policies.distributions import AbstractDistribution

NAMES = ("c", "w1", "b1", "w2", "b2")
"""The parameters, in the order of theta."""


class ReviewController(AbstractDistribution):
    """The review's distribution over the toy space's two binary decisions, in float64.

    P(A1 = 1) = sigmoid(c); P(A2 = 1 | A1 = a) = sigmoid(w2 tanh(w1 a + b1) + b2).

    Args:
        theta: The initial (c, w1, b1, w2, b2).
    """

    def __init__(self, theta: Sequence[float]) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def _second(self, first: Tensor) -> Tensor:
        """The logit of A2 = 1 given the first answers [B]."""
        _, w1, b1, w2, b2 = self.theta
        logit: Tensor = w2 * torch.tanh(w1 * first + b1) + b2
        return logit

    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw answers: int64 [count, length], length 1 or 2."""
        with torch.no_grad():
            uniform = torch.rand(count, 2, dtype=torch.float64, generator=generator)
            first = uniform[:, 0] < torch.sigmoid(self.theta[0])
            second = uniform[:, 1] < torch.sigmoid(self._second(first.double()))
        return torch.stack([first, second], dim=1)[:, :length].long()

    def scores(self, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of each answer: int64 [B, T] -> two [B, T], T 1 or 2."""
        first = answers[:, 0].double()
        logits = torch.stack([self.theta[0].expand(len(answers)), self._second(first)], dim=1)
        logits = logits[:, : answers.shape[1]]
        signed = logits * (2 * answers - 1)
        entropy = functional.softplus(logits) - logits * torch.sigmoid(logits)
        return functional.logsigmoid(signed), entropy
