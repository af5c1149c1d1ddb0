"""Small networks whose whole distribution can be written down."""

from collections import Counter as Tally
from types import SimpleNamespace

import numpy as np
import torch
from scipy import stats

from reinas import ConvSpace, MlpSpace
from reinas.policies.controller import Controller
from reinas.policies.independent import IndependentSoftmaxes
from spaces.handmade import LISTS, brute

SMALL_CONV = ConvSpace(depth=3, heights=(1, 3), widths=(1,), filters=(8,))

CASES = {
    "conv": SMALL_CONV.decisions,
    "conv with strides": ConvSpace(
        depth=2, heights=(1,), widths=(1, 3), filters=(8,), strides=(1, 2)
    ).decisions,
    "mlp": MlpSpace(depth=3, widths=(8, 16), activations=("relu", "tanh")).decisions,
    **LISTS,
}


def generator(seed=0):
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def controller(decisions, *, seed=0, hidden=6, initial=1.0):
    """An LSTM far from uniform, in float64."""
    network = Controller(decisions, hidden=hidden, initial=initial, generator=generator(seed))
    return network.double()


def independent(decisions, *, seed=0):
    """Random softmaxes, in float64."""
    network = IndependentSoftmaxes(decisions).double()
    with torch.no_grad():
        network.logits.normal_(generator=generator(seed))
    return network


NETWORKS = {"controller": controller, "independent": independent}


def everything(decisions):
    """All canonical answers, by brute force: int64 [size, T]."""
    return torch.tensor(brute(decisions), dtype=torch.int64)


def marginal_columns(answers, probabilities):
    """What the columns must be, from P alone: ratios of sums over answers that share a prefix.

    log P(a_t | a_1..a_(t-1)) and the entropy of that conditional, each [size, T].
    """
    rows = [tuple(row) for row in answers.tolist()]
    mass = [{} for _ in range(answers.shape[1] + 1)]
    for row, p in zip(rows, probabilities.tolist(), strict=True):
        for t, table in enumerate(mass):
            table[row[:t]] = table.get(row[:t], 0.0) + p
    log_probs = np.zeros(answers.shape)
    entropies = np.zeros(answers.shape)
    for k, row in enumerate(rows):
        for t in range(len(row)):
            given = mass[t][row[:t]]
            options = [p for head, p in mass[t + 1].items() if head[:t] == row[:t]]
            log_probs[k, t] = np.log(mass[t + 1][row[: t + 1]] / given)
            entropies[k, t] = -sum(p / given * np.log(p / given) for p in options)
    return log_probs, entropies


def chi_square(drawn, answers, probabilities):
    """The p-value that the rows of `drawn` come from this distribution; rare ones together."""
    seen = Tally(tuple(row) for row in drawn.tolist())
    rows = [tuple(row) for row in answers.tolist()]
    assert seen.keys() <= set(rows)
    observed = np.array([seen[row] for row in rows], dtype=float)
    expected = np.asarray(probabilities) * len(drawn)
    order = np.argsort(expected)
    observed, expected = observed[order], expected[order]
    # the rarest share a bin until at least 5 are expected there
    together = int(np.searchsorted(np.cumsum(expected), 5)) + 1
    observed = np.array([observed[:together].sum(), *observed[together:]])
    expected = np.array([expected[:together].sum(), *expected[together:]])
    if len(expected) == 1:
        return 1.0
    return stats.chisquare(observed, expected).pvalue


def table(seed=0, decisions=SMALL_CONV.decisions):
    """All answers of a space and a random reward in [0, 1] for each, by name."""
    answers = everything(decisions)
    rewards = torch.rand(len(answers), dtype=torch.float64, generator=generator(seed))
    of = {tuple(a): r for a, r in zip(answers.tolist(), rewards.tolist(), strict=True)}
    return SimpleNamespace(answers=answers, rewards=rewards, of=of)


def numeric_gradient(function, parameters, step=1e-5):
    """Central differences of a scalar function, parameter by parameter."""
    result = []
    with torch.no_grad():
        for parameter in parameters:
            flat = parameter.view(-1)
            gradient = torch.zeros_like(flat)
            for n in range(len(flat)):
                before = flat[n].item()
                flat[n] = before + step
                above = float(function())
                flat[n] = before - step
                below = float(function())
                flat[n] = before
                gradient[n] = (above - below) / (2 * step)
            result.append(gradient.view_as(parameter))
    return result
