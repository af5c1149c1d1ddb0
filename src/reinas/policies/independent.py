"""One softmax a decision, independent of all others: the review's counter-proposal to the LSTM."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.policies.distributions import AbstractDistribution, Conditions
from reinas.types import Decision


class IndependentSoftmaxes(AbstractDistribution):
    """A table of logits [T, most options], all 0 at first: every answer equally likely.

    Conditional decisions are drawn like the others and ignored where they are not asked.
    """

    def __init__(self, decisions: Sequence[Decision]) -> None:
        super().__init__()
        options = torch.tensor([d.num_options for d in decisions])
        self.logits = nn.Parameter(torch.zeros(len(decisions), int(options.max())))
        self.missing: Tensor
        missing = torch.arange(self.logits.shape[1]) >= options.unsqueeze(1)
        self.register_buffer("missing", missing, persistent=False)
        self._conditions = Conditions(decisions)

    def _log_softmax(self, length: int) -> Tensor:
        """[length, options]; options that a decision does not have get no probability."""
        logits = self.logits[:length].masked_fill(self.missing[:length], -torch.inf)
        return functional.log_softmax(logits, dim=-1)

    def _live(self, answers: Tensor) -> Tensor:
        """Which answers are asked: bool [B, T]."""
        masks: dict[int, Tensor] = {}
        live = torch.ones_like(answers, dtype=torch.bool)
        for t in range(answers.shape[1]):
            mask = self._conditions.active(t, answers, masks)
            if mask is not None:
                live[:, t] = mask
        return live

    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw answers: int64 [count, length]."""
        with torch.no_grad():
            probabilities = self._log_softmax(length).exp()
            drawn = torch.multinomial(probabilities, count, replacement=True, generator=generator)
        answers = drawn.T.contiguous()
        return torch.where(self._live(answers), answers, 0)

    def scores(self, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of each answer: int64 [B, T] -> two [B, T]."""
        log_p = self._log_softmax(answers.shape[1])
        live = self._live(answers)
        picked = log_p.expand(len(answers), -1, -1).gather(-1, answers.unsqueeze(-1)).squeeze(-1)
        terms = log_p.exp() * log_p.masked_fill(self.missing[: len(log_p)], 0.0)
        entropy = -terms.sum(-1).expand_as(picked)
        return torch.where(live, picked, 0.0), torch.where(live, entropy, 0.0)
