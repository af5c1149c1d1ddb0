"""Language models of random cells for tests, and plain reckoning of what they compute."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.special import log_softmax

from reinas import build
from reinas.spaces.recurrent import RecurrentArchitecture
from reinas.training.tensors import Tensors, seeded
from reinas.zoo.recurrent import FIGURE_5, parsed

PLAIN = Path(__file__).parents[1] / "benchmarks" / "plain_cell.py"
SPEC = importlib.util.spec_from_file_location("plain_cell", PLAIN)
plain_cell = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(plain_cell)

CELL = parsed(FIGURE_5)


@dataclass(frozen=True)
class Words:
    """As much of a task as a model has to know."""

    outputs: int = 11
    inputs: tuple[int, ...] = ()
    name: str = "words"


def architecture(budget=3000, layers=2, tied=False, cell=CELL):
    return RecurrentArchitecture(cell, layers, budget, tied)


def model(seed=0, vocabulary=11, **settings):
    with seeded(seed):
        return build(architecture(**settings), Words(vocabulary))


def tokens(length, seed=0, vocabulary=11):
    """A part of text at random: words and following words."""
    drawn = torch.from_numpy(np.random.default_rng(seed).integers(0, vocabulary, length + 1))
    return Tensors(drawn[:-1], drawn[1:])


def reckoned(child, words):
    """Log-probabilities [T, B, V] by autograd's plain cell, layer by layer, from zeros."""
    x = child.embedding.weight[words]
    for layer in child.layers:
        zeros = torch.zeros(words.shape[1], child.width)
        x = plain_cell.window(layer.cell, x, zeros, zeros, layer.w, layer.u)[0]
    logits = x @ child.decoder.weight.T + child.decoder.bias
    return log_softmax(logits.detach().double().numpy(), axis=-1)
