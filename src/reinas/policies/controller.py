"""The controller: an LSTM that answers one decision after the other (Zoph & Le 2016, 3.1, 3.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.policies.distributions import AbstractDistribution, Conditions
from reinas.types import Choice, Decision, Link


@dataclass
class Step:
    """One step of the LSTM: a choice (one column) or a layer's anchor point (its links).

    It is taken before decision `start`. `sources` are the layers that the links of `columns`
    come from. `mask_of` are the columns whose being asked makes an anchor point be asked.
    """

    start: int
    kind: str | None = None
    layer: int = 0
    columns: list[int] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    mask_of: list[int] = field(default_factory=list)


def plan(decisions: Sequence[Decision]) -> list[Step]:
    """The controller's steps: one a choice, and one a layer that a link leaves or enters.

    A layer's anchor point is its last step: after its choices, and where its links are decided.
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
"""From columns and log-probabilities [B, len(columns), options] to answers [B, len(columns)]."""


class Controller(AbstractDistribution):
    """Stacked LSTM layers with one embedding and one softmax a kind of decision.

    Each answer is drawn from a softmax and fed into the next step. Layer i's anchor point
    decides for each earlier layer j on its own: P(j feeds i) = sigmoid(v . tanh(W_prev h_j +
    W_curr h_i)), h being the top layer's output at the layers' anchor points; the sum of the
    chosen h_j divided by (1 + how many) is fed into the next step. Every weight starts uniform
    in [-initial, initial]; the first input is learned; initial states are zero.
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
        self._key = {kind: f"kind{n}" for n, kind in enumerate(kinds)}  # kinds may have dots
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

    def _walk(self, answers: Tensor, choose: Chooser) -> tuple[Tensor, Tensor]:
        """Run the LSTM over the first T decisions, writing what `choose` says into `answers`."""
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
            active = self._asked(step, answers, masks)
            top, stepped = self._lstm(x, state)
            state = [_where(active, new, old) for new, old in zip(stepped, state, strict=True)]
            if step.kind is None:
                anchors[step.layer] = top
            fed = x.new_zeros(count, self.hidden)
            if columns:
                logits = self._logits(step, top, anchors, len(columns))
                log_p = functional.log_softmax(logits, dim=-1)
                chosen = choose(columns, log_p)
                live = self._live(columns, answers, masks)
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

    def _asked(self, step: Step, answers: Tensor, masks: dict[int, Tensor]) -> Tensor | None:
        """Which rows take this step at all: bool [B], or None for every row.

        A row that does not take it keeps its state and its input, as if the step were not there.
        """
        relevant = step.columns if step.kind is not None else step.mask_of
        parts = [
            self._conditions.active(t, answers, masks) for t in relevant if t < answers.shape[1]
        ]
        if not parts or any(part is None for part in parts):
            return None
        return torch.stack([part for part in parts if part is not None]).any(0)

    def _live(self, columns: list[int], answers: Tensor, masks: dict[int, Tensor]) -> Tensor | None:
        """Which single answers are asked: bool [B, len(columns)], or None for all."""
        if not any(self._conditions[t] for t in columns):
            return None
        everyone = torch.ones(len(answers), dtype=torch.bool)
        parts = [self._conditions.active(t, answers, masks) for t in columns]
        return torch.stack([everyone if part is None else part for part in parts], dim=1)

    def _logits(self, step: Step, top: Tensor, anchors: dict[int, Tensor], width: int) -> Tensor:
        """[B, 1, options] for a choice; [B, width, 2] for an anchor point's links."""
        if step.kind is not None:
            logits: Tensor = self.softmaxes[self._key[step.kind]](top)
            return logits.unsqueeze(1)
        earlier = torch.stack([anchors[n] for n in step.sources[:width]], dim=1)
        yes = self.score(torch.tanh(self.previous(earlier) + self.current(top).unsqueeze(1)))
        # softmax over (0, s) is sigmoid(s) for "yes"
        return torch.cat([torch.zeros_like(yes), yes], dim=-1)

    def _feed(self, step: Step, chosen: Tensor, anchors: dict[int, Tensor]) -> Tensor:
        """The next step's input [B, H]: the answer's embedding, or the chosen layers' mean."""
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
