"""Language models of found recurrent cells (Zoph & Le 2016, section 4.2)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import build, check_text, configure
from reinas.children.cell_steps import window as steps_window
from reinas.children.cell_window import window
from reinas.errors import BuildError
from reinas.spaces.recurrent import Cell, RecurrentArchitecture
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe

State = tuple[tuple[Tensor, Tensor], ...]
"""h and c of every layer, [B, H] each."""


def size(architecture: RecurrentArchitecture, vocabulary: int, width: int) -> int:
    """The number of parameters of a model: embedding, cells, softmax with its bias.

    Args:
        architecture: The cell and the number of layers.
        vocabulary: Number of words.
        width: Units per layer.

    Returns:
        The number of scalars.
    """
    leaves = 2 * architecture.cell.base * width * width
    words = vocabulary * width * (1 if architecture.tied else 2)
    return words + architecture.layers * leaves + vocabulary


def width_of(architecture: RecurrentArchitecture, vocabulary: int) -> int:
    """The largest width whose model stays within the architecture's budget of parameters.

    Args:
        architecture: The cell, the number of layers, and the budget.
        vocabulary: Number of words.

    Returns:
        Units per layer.

    Raises:
        BuildError: The budget is too small for any width.
    """
    budget = architecture.budget
    if (least := size(architecture, vocabulary, 1)) > budget:
        raise BuildError(
            f"a budget of {budget:,} parameters is too small for {vocabulary:,} words: it takes"
            f" {least:,} at least, and many more for a useful width; raise space.budget or lower"
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
    """A recurrent layer of a cell; its parameters are W and U of the leaves, [n, H, H] each.

    Args:
        cell: The cell.
        width: Units H.

    Attributes:
        plain: Whether steps are computed by torch's own operations, which can be exported, also on
            the CPU, where it takes longer.
    """

    def __init__(self, cell: Cell, width: int) -> None:
        super().__init__()
        self.cell = cell
        self.plain = False
        self.w = nn.Parameter(torch.empty(cell.base, width, width))
        self.u = nn.Parameter(torch.empty(cell.base, width, width))
        for matrices in (self.w, self.u):
            nn.init.uniform_(matrices, -(width**-0.5), width**-0.5)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run a window.

        Args:
            x: Inputs [T, B, H].
            state: h and c before the window, [B, H] each.
            mask: [B, H]; multiplies h before every step, or None.

        Returns:
            Outputs [T, B, H], and h and c after the window.
        """
        run = steps_window if self.plain else window
        outputs, h, c = run(self.cell, x, *state, self.w, self.u, mask)
        return outputs, (h, c)


class LanguageModel(nn.Module):
    """A language model: embedding, layers of the cell, softmax over the vocabulary (section 4.2).

    Args:
        architecture: The cell, the number of layers, the budget, and whether the softmax shares
            the embedding's weights.
        vocabulary: Number of words.

    Attributes:
        width: Units H per layer, as many as the budget allows.
        embedding_dropout: Probability of dropping a word for a whole window (Gal & Ghahramani
            2016); in training only.
        recurrent_dropout: Probability of dropping a unit of h, the same units at every step of a
            window; in training only.
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
        # weights that are assigned, not copied, replace both parameters
        self.register_load_state_dict_post_hook(_tie_again)  # type: ignore[no-untyped-call]
        self.embedding_dropout = 0.0
        self.recurrent_dropout = 0.0

    def tie(self) -> None:
        """Share the embedding's weights with the softmax if they are tied."""
        if self.tied:
            self.decoder.weight = self.embedding.weight

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Move or convert all weights; for some devices that replaces both parameters."""
        moved = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.tie()
        return moved

    def start(self, batch: int) -> State:
        """The states before the first word: zeros, for `batch` sequences."""
        zeros = self.decoder.weight.new_zeros(batch, self.width)
        return tuple((zeros, zeros) for _ in self.layers)

    def run(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits [T, B, vocabulary] of int64 words [T, B], and the states after them."""
        x = functional.embedding(words, self.embedding_weight())
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, last = layer(x, before, self.recurrent_mask(words.shape[1]))
            after.append(last)
        logits: Tensor = self.decoder(x)
        return logits, tuple(after)

    def forward(self, words: Tensor) -> Tensor:
        """Logits [T, B, vocabulary] of the next word after each of int64 words [T, B]."""
        return self.run(words, self.start(words.shape[1]))[0]

    def embedding_weight(self) -> Tensor:
        """The embedding [vocabulary, H]; in training some words are dropped, the others scaled."""
        weight = self.embedding.weight
        if not self.training or not self.embedding_dropout:
            return weight
        keep = 1 - self.embedding_dropout
        kept = torch.rand(len(weight), 1, device=weight.device) < keep
        return weight * kept.to(weight.dtype) / keep

    def recurrent_mask(self, batch: int) -> Tensor | None:
        """A random dropout mask of h [batch, H]; None if nothing is dropped."""
        if not self.training or not self.recurrent_dropout:
            return None
        keep = 1 - self.recurrent_dropout
        drawn = torch.rand(batch, self.width, device=self.decoder.weight.device)
        return (drawn < keep).float() / keep


def _tie_again(module: nn.Module, keys: object) -> None:
    assert isinstance(module, LanguageModel)
    module.tie()


@configure.register
def _(module: LanguageModel, recipe: Recipe) -> None:
    module.embedding_dropout = recipe.embedding_dropout
    module.recurrent_dropout = recipe.recurrent_dropout


@build.register
def _(architecture: RecurrentArchitecture, task: Interface) -> nn.Module:
    check_text("recurrent", task)
    return LanguageModel(architecture, task.outputs)
