"""One independent softmax per decision: the review's alternative to the LSTM (docs/review.md)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.policies.distributions import AbstractDistribution, Conditions
from reinas.types import Decision


class IndependentSoftmaxes(AbstractDistribution):
    """One softmax per decision, independent of all other decisions.

    The parameters are a table of logits [T, most options], all 0 at first: every answer is equally
    likely. Conditional decisions are drawn like the others and ignored where they are inactive.

    Args:
        decisions: The space's T decisions.
    """

    def __init__(self, decisions: Sequence[Decision]) -> None:
        super().__init__()
        options = torch.tensor([d.num_options for d in decisions])
        self.logits = nn.Parameter(torch.zeros(len(decisions), int(options.max())))
        self.missing: Tensor  # bool [T, most options]: options that a decision does not have
        missing = torch.arange(self.logits.shape[1]) >= options.unsqueeze(1)
        self.register_buffer("missing", missing, persistent=False)
        self._conditions = Conditions(decisions)

    def _log_softmax(self, length: int) -> Tensor:
        """[length, most options]; missing options get probability 0."""
        logits = self.logits[:length].masked_fill(self.missing[:length], -torch.inf)
        return functional.log_softmax(logits, dim=-1)

    def options(self, answers: Tensor) -> list[Tensor]:
        """The log-probability of every option of each decision: in each row the same."""
        with torch.no_grad():
            rows = self._log_softmax(answers.shape[1])
        known = [row[~missing] for row, missing in zip(rows, self.missing, strict=False)]
        return [row.expand(len(answers), -1) for row in known]

    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw answers: int64 [count, length]."""
        with torch.no_grad():
            probabilities = self._log_softmax(length).exp()
            drawn = torch.multinomial(probabilities, count, replacement=True, generator=generator)
        answers = drawn.T.contiguous()
        return torch.where(self._conditions.all_active(answers), answers, 0)

    def scores(self, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of each answer: int64 [B, T] -> two [B, T]."""
        log_p = self._log_softmax(answers.shape[1])
        active = self._conditions.all_active(answers)
        picked = log_p.expand(len(answers), -1, -1).gather(-1, answers.unsqueeze(-1)).squeeze(-1)
        terms = log_p.exp() * log_p.masked_fill(self.missing[: len(log_p)], 0.0)
        entropy = -terms.sum(-1).expand_as(picked)
        return torch.where(active, picked, 0.0), torch.where(active, entropy, 0.0)
