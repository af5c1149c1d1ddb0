"""Language models of found recurrent cells (Zoph & Le 2016, section 4.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import build
from reinas.children.cell_window import window
from reinas.errors import BuildError
from reinas.spaces.recurrent import Cell, RecurrentArchitecture
from reinas.tasks.base import Interface

State = tuple[tuple[Tensor, Tensor], ...]
"""Every layer's h and c: [B, H] each."""


def size(architecture: RecurrentArchitecture, vocabulary: int, width: int) -> int:
    """How many parameters the model has at a width: embedding, cells, softmax with its bias."""
    leaves = 2 * architecture.cell.base * width * width
    words = vocabulary * width * (1 if architecture.tied else 2)
    return words + architecture.layers * leaves + vocabulary


def width_of(architecture: RecurrentArchitecture, vocabulary: int) -> int:
    """The largest width that keeps within the budget; `BuildError` says the least that does."""
    budget = architecture.budget
    if (least := size(architecture, vocabulary, 1)) > budget:
        raise BuildError(
            f"a budget of {budget:,} parameters is too small for {vocabulary:,} words: it takes"
            f" {least:,} at least, far more for a useful width; raise space.budget or lower"
            " task.vocabulary"
        )
    low, high = 1, 2
    while size(architecture, vocabulary, high) <= budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if size(architecture, vocabulary, middle) <= budget:
            low = middle
        else:
            high = middle
    return low


class CellLayer(nn.Module):
    """A recurrent layer: the leaves' matrices, W [n, H, H] and U [n, H, H]."""

    def __init__(self, cell: Cell, width: int) -> None:
        super().__init__()
        self.cell = cell
        self.w = nn.Parameter(torch.empty(cell.base, width, width))
        self.u = nn.Parameter(torch.empty(cell.base, width, width))
        for matrices in (self.w, self.u):
            nn.init.uniform_(matrices, -(width**-0.5), width**-0.5)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs [T, B, H] of x [T, B, H], and the last state."""
        outputs, h, c = window(self.cell, x, *state, self.w, self.u, mask)
        return outputs, (h, c)


class LanguageModel(nn.Module):
    """Embedding, layers of the cell, softmax over the vocabulary.

    `embedding_dropout` drops whole words for a window; `recurrent_dropout` drops units of h,
    the same ones at every step of a window (Gal & Ghahramani 2016). Neither in evaluation.
    """

    def __init__(self, architecture: RecurrentArchitecture, vocabulary: int) -> None:
        super().__init__()
        self.width = width_of(architecture, vocabulary)
        self.embedding = nn.Embedding(vocabulary, self.width)
        self.layers = nn.ModuleList(
            CellLayer(architecture.cell, self.width) for _ in range(architecture.layers)
        )
        self.decoder = nn.Linear(self.width, vocabulary)
        self.tied = architecture.tied
        self.tie()
        self.embedding_dropout = 0.0
        self.recurrent_dropout = 0.0

    def tie(self) -> None:
        """Let the softmax take the embedding's weights, if it shall; again after loading them."""
        if self.tied:
            self.decoder.weight = self.embedding.weight

    def start(self, batch: int) -> State:
        """The states before the first word: zeros."""
        zeros = self.decoder.weight.new_zeros(batch, self.width)
        return tuple((zeros, zeros) for _ in self.layers)

    def run(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits [T, B, words] of int64 words [T, B], and the states after them."""
        x = functional.embedding(words, self._words())
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, last = layer(x, before, self._mask(words.shape[1]))
            after.append(last)
        logits: Tensor = self.decoder(x)
        return logits, tuple(after)

    def forward(self, words: Tensor) -> Tensor:
        """Logits [T, B, words] for the next word after each of int64 words [T, B]."""
        return self.run(words, self.start(words.shape[1]))[0]

    def _words(self) -> Tensor:
        weight = self.embedding.weight
        if not self.training or not self.embedding_dropout:
            return weight
        keep = 1 - self.embedding_dropout
        return weight * (torch.rand(len(weight), 1) < keep).to(weight.dtype) / keep

    def _mask(self, batch: int) -> Tensor | None:
        if not self.training or not self.recurrent_dropout:
            return None
        keep = 1 - self.recurrent_dropout
        return (torch.rand(batch, self.width) < keep).float() / keep


def streams(sequence: Tensor, batch: int) -> Tensor:
    """A sequence [N] cut into `batch` pieces side by side: [N // batch, batch], the rest left."""
    length = len(sequence) // batch
    return sequence[: length * batch].view(batch, length).t().contiguous()


def detached(state: State) -> State:
    """The same numbers, without what led to them: back-propagation is cut off here."""
    return tuple((h.detach(), c.detach()) for h, c in state)


SHORTEST = 64
"""Tokens of a piece: fewer would be read without what came before them."""


def likelihood(child: LanguageModel, x: Tensor, y: Tensor, *, steps: int, batch: int) -> Tensor:
    """The log-likelihood of every token of a sequence [N] given those before, in order: [N].

    The sequence is read in `batch` pieces, each from states of zero, in windows of `steps`.
    """
    pieces = max(1, min(batch, len(x) // SHORTEST))
    length = -(-len(x) // pieces)
    missing = length * pieces - len(x)
    padded = [functional.pad(s, (0, missing)).view(pieces, length).t() for s in (x, y)]
    state = child.start(pieces)
    found = []
    with torch.no_grad():
        for words, following in zip(*(p.split(steps) for p in padded), strict=True):
            logits, state = child.run(words, state)
            log_p = functional.log_softmax(logits, dim=-1)
            found.append(log_p.gather(-1, following.unsqueeze(-1)).squeeze(-1))
    return torch.cat(found).t().reshape(-1)[: len(x)]


def windows(x: Tensor, y: Tensor, batch: int, steps: int) -> Sequence[tuple[Tensor, Tensor]]:
    """The windows of training, in order: words and following words, [T, batch] each."""
    pieces = max(1, min(batch, len(x) // 2))
    return list(zip(streams(x, pieces).split(steps), streams(y, pieces).split(steps), strict=True))


@build.register
def _(architecture: RecurrentArchitecture, task: Interface) -> nn.Module:
    if task.inputs != ():
        raise BuildError(
            f"space 'recurrent' models text, but task '{task.name}' gives examples of shape"
            f" {task.inputs}: give --task text:FILE"
        )
    return LanguageModel(architecture, task.outputs)
