"""Distributions between the paper's LSTM and independent softmaxes, to tell their causes apart.

The two differ in more than the recurrence: whether sampled answers are fed back, whether decisions
of a kind share weights, and how the distribution is parameterised. Each network here changes one
of these. Their policies can be named on the command line as any policy of one's own, such as
`reinas.questions.networks:attention`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.errors import SettingError
from reinas.policies.controller import Controller, Step
from reinas.policies.distributions import AbstractDistribution, Conditions
from reinas.policies.encoding import kind_name
from reinas.policies.policy_gradient import seeded
from reinas.policies.reinforce import Reinforce
from reinas.spaces.base import AbstractSpace, check_decisions
from reinas.types import Choice, Decision

MAX_PREFIXES = 200_000
"""The most prefixes for which a table of softmaxes is made."""


class Unfed(Controller):
    """The paper's controller, but for the samples: nothing of an answer enters the next step.

    It is a product of independent softmaxes, made by an LSTM that reads zeros.
    """

    def _feed(self, step: Step, chosen: Tensor, anchors: dict[int, Tensor]) -> Tensor:
        return self.start.new_zeros(len(chosen), self.hidden)


class PrefixTable(AbstractDistribution):
    """One softmax for every prefix of answers: any distribution over the space, exactly.

    All logits are 0 at first.

    Args:
        decisions: The space's T decisions, without conditions; at most 200,000 prefixes.

    Raises:
        SettingError: There are conditions, or too many prefixes.
    """

    def __init__(self, decisions: Sequence[Decision]) -> None:
        super().__init__()
        if any(d.when for d in decisions):
            raise SettingError("a table of prefixes takes decisions without conditions")
        self._options = [d.num_options for d in decisions]
        prefixes = [math.prod(self._options[:t]) for t in range(len(decisions))]
        if sum(prefixes) > MAX_PREFIXES:
            raise SettingError(
                f"a table of prefixes takes at most {MAX_PREFIXES:,}, got {sum(prefixes):,}"
            )
        self.logits = nn.ParameterList(
            torch.zeros(count, options)
            for count, options in zip(prefixes, self._options, strict=True)
        )

    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw answers: int64 [count, length]."""
        answers = torch.zeros(count, length, dtype=torch.int64)
        place = torch.zeros(count, dtype=torch.int64)
        with torch.no_grad():
            for t in range(length):
                probabilities = self.logits[t][place].softmax(-1)
                answers[:, t] = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
                place = place * self._options[t] + answers[:, t]
        return answers

    def scores(self, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of each answer: int64 [B, T] -> two [B, T]."""
        place = torch.zeros(len(answers), dtype=torch.int64)
        found = []
        for t in range(answers.shape[1]):
            found.append(_score(self.logits[t][place], answers[:, t]))
            place = place * self._options[t] + answers[:, t]
        return torch.stack([p for p, _ in found], 1), torch.stack([e for _, e in found], 1)


class Attention(AbstractDistribution):
    """A small transformer in place of the LSTM: each step attends to all earlier answers.

    One layer of causal self-attention with a position for every decision; one embedding and one
    softmax per kind of decision, as in the paper's controller; a link is one more kind.

    Args:
        decisions: The space's T decisions.
        width: Units, a multiple of `heads`.
        heads: Attention heads.
        generator: Draws the initial weights, uniform in [-0.08, 0.08].
    """

    def __init__(
        self,
        decisions: Sequence[Decision],
        *,
        width: int = 36,
        heads: int = 4,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self._conditions = Conditions(decisions)
        kinds = {kind_name(d): d.num_options for d in decisions}
        key = {kind: f"kind{n}" for n, kind in enumerate(kinds)}
        self._kinds = [key[kind_name(d)] for d in decisions]
        self.embeddings = nn.ModuleDict(
            {key[kind]: nn.Embedding(options, width) for kind, options in kinds.items()}
        )
        self.softmaxes = nn.ModuleDict(
            {key[kind]: nn.Linear(width, options) for kind, options in kinds.items()}
        )
        self.start = nn.Parameter(torch.empty(width))
        self.positions = nn.Parameter(torch.empty(len(decisions), width))
        self.layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        norms = {
            id(p) for m in self.modules() if isinstance(m, nn.LayerNorm) for p in m.parameters()
        }
        with torch.no_grad():
            for parameter in self.parameters():
                if id(parameter) not in norms:
                    parameter.uniform_(-0.08, 0.08, generator=generator)

    def _tops(self, answers: Tensor, length: int) -> Tensor:
        """The outputs of the first steps [B, length, width], given the answers before each."""
        read = [self.start.expand(len(answers), -1)]
        read += [self.embeddings[self._kinds[t]](answers[:, t]) for t in range(length - 1)]
        steps = torch.stack(read, 1) + self.positions[:length]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        tops: Tensor = self.layer(steps, src_mask=mask, is_causal=True)
        return tops

    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw answers: int64 [count, length]."""
        answers = torch.zeros(count, length, dtype=torch.int64)
        masks: dict[int, Tensor] = {}
        with torch.no_grad():
            for t in range(length):
                logits = self.softmaxes[self._kinds[t]](self._tops(answers, t + 1)[:, t])
                drawn = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
                live = self._conditions.active(t, answers, masks)
                answers[:, t] = drawn if live is None else torch.where(live, drawn, 0)
        return answers

    def scores(self, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of each answer: int64 [B, T] -> two [B, T]."""
        tops = self._tops(answers, answers.shape[1])
        found = []
        for t in range(answers.shape[1]):
            found.append(_score(self.softmaxes[self._kinds[t]](tops[:, t]), answers[:, t]))
        active = self._conditions.all_active(answers)
        zero = torch.zeros(())
        return (
            torch.where(active, torch.stack([p for p, _ in found], 1), zero),
            torch.where(active, torch.stack([e for _, e in found], 1), zero),
        )


def _score(logits: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probability of one answer and entropy of its softmax: [B, options], [B] -> two [B]."""
    log_p = functional.log_softmax(logits, -1)
    return log_p.gather(1, chosen.unsqueeze(1))[:, 0], -(log_p.exp() * log_p).sum(-1)


def apart(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The same decisions, each choice a kind of its own: no weights are shared between them."""
    return tuple(
        replace(d, kind=d.name) if isinstance(d, Choice) else d  # links are no choices
        for d in decisions
    )


def _policy(name: str, network: AbstractDistribution, rate: float, **more: int) -> Reinforce:
    settings = {"name": f"{__name__}:{name}", "learning_rate": rate, **more}
    return Reinforce(network, settings, learning_rate=rate, decay=0.95)


def kinds_apart(
    space: AbstractSpace[Any], *, learning_rate: float = 0.01, seed: int = 0
) -> Reinforce:
    """The paper's LSTM with an embedding and a softmax for every decision.

    Args:
        space: The space to search.
        learning_rate: Adam's step size.
        seed: Draws the initial weights.

    Returns:
        The policy.
    """
    check_decisions(space.decisions)
    network = Controller(apart(space.decisions), generator=seeded(seed))
    return _policy("kinds_apart", network, learning_rate, seed=seed)


def unfed(space: AbstractSpace[Any], *, learning_rate: float = 0.01, seed: int = 0) -> Reinforce:
    """The paper's LSTM without its samples: it never sees which answers were drawn.

    Args:
        space: The space to search.
        learning_rate: Adam's step size.
        seed: Draws the initial weights.

    Returns:
        The policy.
    """
    check_decisions(space.decisions)
    network = Unfed(space.decisions, generator=seeded(seed))
    return _policy("unfed", network, learning_rate, seed=seed)


def unfed_kinds_apart(
    space: AbstractSpace[Any], *, learning_rate: float = 0.01, seed: int = 0
) -> Reinforce:
    """Neither samples fed back nor weights shared: independent softmaxes, made by an LSTM.

    Args:
        space: The space to search.
        learning_rate: Adam's step size.
        seed: Draws the initial weights.

    Returns:
        The policy.
    """
    check_decisions(space.decisions)
    network = Unfed(apart(space.decisions), generator=seeded(seed))
    return _policy("unfed_kinds_apart", network, learning_rate, seed=seed)


def prefix_table(space: AbstractSpace[Any], *, learning_rate: float = 0.1) -> Reinforce:
    """One softmax per prefix of answers: what an autoregressive network can express, exactly.

    Args:
        space: The space to search; small, and without conditions.
        learning_rate: Adam's step size.

    Returns:
        The policy; it starts uniform.

    Raises:
        SettingError: The space has conditions, or too many prefixes.
    """
    check_decisions(space.decisions)
    return _policy("prefix_table", PrefixTable(space.decisions), learning_rate)


def attention(
    space: AbstractSpace[Any], *, learning_rate: float = 0.01, seed: int = 0
) -> Reinforce:
    """A small transformer in place of the LSTM, each decision a kind of its own.

    Args:
        space: The space to search.
        learning_rate: Adam's step size.
        seed: Draws the initial weights.

    Returns:
        The policy.
    """
    check_decisions(space.decisions)
    network = Attention(apart(space.decisions), generator=seeded(seed))
    return _policy("attention", network, learning_rate, seed=seed)
