"""Language models of torch's own LSTM layers."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from reinas.children.build import adjust_recipe, build, check_text
from reinas.spaces.lstm import LstmArchitecture
from reinas.tasks.base import Interface
from reinas.tasks.recipes import Recipe

State = tuple[tuple[Tensor, Tensor]]
"""h and c of all layers, [layers, B, H] each."""


class LstmModel(nn.Module):
    """Embedding, LSTM layers with dropout between them, softmax over the vocabulary.

    Args:
        architecture: Layers, width, dropout, and whether the softmax shares the embedding.
        vocabulary: Number of words.
    """

    lowers_precision = True
    """Whether it computes in lower precision where that is asked for: all of it is torch's own."""

    def __init__(self, architecture: LstmArchitecture, vocabulary: int) -> None:
        super().__init__()
        width = architecture.width
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        between = architecture.dropout if architecture.layers > 1 else 0.0
        self.lstm = nn.LSTM(width, width, architecture.layers, dropout=between)
        self.dropout = nn.Dropout(architecture.dropout)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.softmax = None if architecture.tied else nn.Parameter(torch.empty(vocabulary, width))
        if self.softmax is not None:
            nn.init.normal_(self.softmax, std=width**-0.5)

    def start(self, batch: int) -> State:
        """The states before the first word: zeros, for `batch` sequences."""
        shape = (self.lstm.num_layers, batch, self.lstm.hidden_size)
        return ((self.bias.new_zeros(shape), self.bias.new_zeros(shape)),)

    def run(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits [T, B, vocabulary] of int64 words [T, B], and the states after them."""
        outputs, after = self.lstm(self.dropout(self.embedding(words)), state[0])
        weight = self.embedding.weight if self.softmax is None else self.softmax
        return functional.linear(self.dropout(outputs), weight, self.bias), (after,)

    def forward(self, words: Tensor) -> Any:
        """Logits [T, B, vocabulary] of the next word after each of int64 words [T, B]."""
        return self.run(words, self.start(words.shape[1]))[0]


@build.register
def _(architecture: LstmArchitecture, task: Interface) -> nn.Module:
    check_text("lstm", task)
    return LstmModel(architecture, task.outputs)


@adjust_recipe.register
def _(architecture: LstmArchitecture, recipe: Recipe) -> Recipe:
    if architecture.rate == 1:
        return recipe
    return replace(recipe, learning_rate=recipe.learning_rate * architecture.rate)
