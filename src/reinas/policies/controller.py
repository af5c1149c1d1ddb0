"""The controller: an LSTM that answers the decisions in order (Zoph & Le 2016, 3.1 and 3.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.policies.distributions import AbstractDistribution, Conditions
from reinas.types import Choice, Decision, Link


@dataclass
class Step:
    """One step of the LSTM: a choice, or the anchor point of a layer with its links.

    Args:
        start: The step is taken before this decision.
        kind: The choice's kind; None for an anchor point.
        layer: The layer, counted from 1; 0 if the choice belongs to none.
        columns: The decisions that the step answers: one choice, or the layer's links.
        sources: The layers at which the links of `columns` start.
        mask_of: An anchor point is active in a row if any of these decisions is.
    """

    start: int
    kind: str | None = None
    layer: int = 0
    columns: list[int] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    mask_of: list[int] = field(default_factory=list)


def plan(decisions: Sequence[Decision]) -> list[Step]:
    """The controller's steps: one per choice, and one per layer that has a link.

    The step of a layer's links is its anchor point (section 3.3); it follows the layer's choices.

    Args:
        decisions: The space's T decisions.

    Returns:
        The steps in the order in which the LSTM takes them.
    """
    linked = {n for d in decisions if isinstance(d, Link) for n in (d.source, d.target)}
    steps: list[Step] = []
    anchors: dict[int, Step] = {}
    of_layer: dict[int, list[int]] = {}

    def close(upto: int, t: int) -> None:
        for layer in sorted(linked):
            if layer <= upto and layer not in anchors:
                anchors[layer] = Step(t, layer=layer, mask_of=of_layer.get(layer, []))
                steps.append(anchors[layer])

    for t, decision in enumerate(decisions):
        match decision:
            case Choice():
                close(decision.layer - 1, t)
                steps.append(Step(t, kind=decision.kind, layer=decision.layer, columns=[t]))
                of_layer.setdefault(decision.layer, []).append(t)
            case Link():
                close(decision.target, t)
                anchor = anchors[decision.target]
                anchor.columns.append(t)
                anchor.sources.append(decision.source)
                if not of_layer.get(decision.target):
                    anchor.mask_of.append(t)
    return steps


Chooser = Callable[[list[int], Tensor], Tensor]
"""Takes columns and log-probabilities [B, len(columns), options]; returns their answers."""


class Controller(AbstractDistribution):
    """Stacked LSTM layers with one embedding and one softmax per kind of decision.

    Each answer is drawn from a softmax and fed into the next step (section 3.1). At layer i's
    anchor point, a link from each earlier layer j is drawn independently: P(j feeds i) =
    sigmoid(v . tanh(W_prev h_j + W_curr h_i)), where h is the top LSTM layer's output at the
    anchor points (section 3.3). The sum of the chosen h_j, divided by (1 + their number), is fed
    into the next step. The first input is learned; the initial states are zero.

    Args:
        decisions: The space's T decisions.
        hidden: Units H per LSTM layer.
        layers: Number of LSTM layers.
        initial: All weights start uniform in [-initial, initial].
        generator: Draws the initial weights.
    """

    def __init__(
        self,
        decisions: Sequence[Decision],
        *,
        hidden: int = 35,
        layers: int = 2,
        initial: float = 0.08,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self._steps = plan(decisions)
        self._conditions = Conditions(decisions)
        kinds = {d.kind: d.num_options for d in decisions if isinstance(d, Choice)}
        # a kind may have dots, which a module's name may not
        self._key = {kind: f"kind{n}" for n, kind in enumerate(kinds)}
        self.start = nn.Parameter(torch.empty(hidden))
        self.cells = nn.ModuleList(nn.LSTMCell(hidden, hidden) for _ in range(layers))
        self.embeddings = nn.ModuleDict(
            {self._key[kind]: nn.Embedding(options, hidden) for kind, options in kinds.items()}
        )
        self.softmaxes = nn.ModuleDict(
            {self._key[kind]: nn.Linear(hidden, options) for kind, options in kinds.items()}
        )
        self.previous = nn.Linear(hidden, hidden, bias=False)
        self.current = nn.Linear(hidden, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-initial, initial, generator=generator)

    def sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """Draw answers: int64 [count, length]."""

        def draw(columns: list[int], log_probs: Tensor) -> Tensor:
            flat = log_probs.exp().flatten(0, 1)
            return torch.multinomial(flat, 1, generator=generator).view(count, len(columns))

        answers = torch.zeros(count, length, dtype=torch.int64)
        with torch.no_grad():
            self._walk(answers, draw)
        return answers

    def scores(self, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of each answer: int64 [B, T] -> two [B, T]."""
        return self._walk(answers.clone(), lambda columns, _: answers[:, columns])

    def options(self, answers: Tensor) -> list[Tensor]:
        """The log-probability of every option of each decision, in one pass."""
        found: list[Tensor] = []

        def given(columns: list[int], log_probs: Tensor) -> Tensor:
            found.extend(log_probs.unbind(dim=1))
            return answers[:, columns]

        with torch.no_grad():
            self._walk(answers.clone(), given)
        return found

    def _walk(self, answers: Tensor, choose: Chooser) -> tuple[Tensor, Tensor]:
        """Run the LSTM over the first T decisions; the choices of `choose` go into `answers`."""
        count, length = answers.shape
        x = self.start.expand(count, -1)
        state = [(x.new_zeros(count, self.hidden),) * 2 for _ in self.cells]
        masks: dict[int, Tensor] = {}
        anchors: dict[int, Tensor] = {}
        log_probs: list[Tensor] = []
        entropies: list[Tensor] = []
        for step in self._steps:
            if step.start >= length:
                break
            columns = [t for t in step.columns if t < length]
            active = self._step_active(step, answers, masks)
            top, stepped = self._lstm(x, state)
            state = [_where(active, new, old) for new, old in zip(stepped, state, strict=True)]
            if step.kind is None:
                anchors[step.layer] = top
            fed = x.new_zeros(count, self.hidden)
            if columns:
                logits = self._logits(step, top, anchors, len(columns))
                log_p = functional.log_softmax(logits, dim=-1)
                chosen = choose(columns, log_p)
                live = self._answers_active(columns, answers, masks)
                if live is not None:
                    chosen = torch.where(live, chosen, 0)
                answers[:, columns] = chosen
                picked = log_p.gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
                entropy = -(log_p.exp() * log_p).sum(-1)
                log_probs.append(picked if live is None else torch.where(live, picked, 0.0))
                entropies.append(entropy if live is None else torch.where(live, entropy, 0.0))
                fed = self._feed(step, chosen, anchors)
            x = fed if active is None else torch.where(active.unsqueeze(1), fed, x)
        return torch.cat(log_probs, dim=1), torch.cat(entropies, dim=1)

    def _lstm(
        self, x: Tensor, state: list[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """One step of all layers: the top layer's output [B, H] and the new states."""
        stepped = []
        for cell, before in zip(self.cells, state, strict=True):
            after: tuple[Tensor, Tensor] = cell(x, before)
            stepped.append(after)
            x = after[0]
        return x, stepped

    def _step_active(self, step: Step, answers: Tensor, masks: dict[int, Tensor]) -> Tensor | None:
        """Which rows take this step: bool [B], or None for all.

        The other rows keep their state and their input, as if the step did not exist.
        """
        relevant = step.columns if step.kind is not None else step.mask_of
        parts = [
            self._conditions.active(t, answers, masks) for t in relevant if t < answers.shape[1]
        ]
        if not parts or any(part is None for part in parts):
            return None
        return torch.stack([part for part in parts if part is not None]).any(0)

    def _answers_active(
        self, columns: list[int], answers: Tensor, masks: dict[int, Tensor]
    ) -> Tensor | None:
        """Which single answers are active: bool [B, len(columns)], or None for all."""
        if not any(self._conditions[t] for t in columns):
            return None
        all_rows = torch.ones(len(answers), dtype=torch.bool)
        parts = [self._conditions.active(t, answers, masks) for t in columns]
        return torch.stack([all_rows if part is None else part for part in parts], dim=1)

    def _logits(self, step: Step, top: Tensor, anchors: dict[int, Tensor], width: int) -> Tensor:
        """[B, 1, options] for a choice; [B, width, 2] for an anchor point's links."""
        if step.kind is not None:
            logits: Tensor = self.softmaxes[self._key[step.kind]](top)
            return logits.unsqueeze(1)
        earlier = torch.stack([anchors[n] for n in step.sources[:width]], dim=1)
        yes = self.score(torch.tanh(self.previous(earlier) + self.current(top).unsqueeze(1)))
        # the softmax over (0, s) gives "yes" the probability sigmoid(s)
        return torch.cat([torch.zeros_like(yes), yes], dim=-1)

    def _feed(self, step: Step, chosen: Tensor, anchors: dict[int, Tensor]) -> Tensor:
        """The next step's input [B, H]: the answer's embedding, or the scaled sum of anchors."""
        if step.kind is not None:
            embedded: Tensor = self.embeddings[self._key[step.kind]](chosen[:, 0])
            return embedded
        earlier = torch.stack([anchors[n] for n in step.sources[: chosen.shape[1]]], dim=1)
        weights = chosen.to(earlier.dtype).unsqueeze(-1)
        return (earlier * weights).sum(1) / (1 + weights.sum(1))


def _where(
    active: Tensor | None, new: tuple[Tensor, Tensor], old: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    if active is None:
        return new
    rows = active.unsqueeze(1)
    return torch.where(rows, new[0], old[0]), torch.where(rows, new[1], old[1])
