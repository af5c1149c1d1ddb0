"""The LSTM controller against its equations, written once more in NumPy."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy import stats

from policies.enumerated import (
    SMALL_CONV,
    chi_square,
    controller,
    everything,
    generator,
    marginal_columns,
)
from reinas import ConvSpace, MlpSpace, zoph_le
from reinas.errors import SettingError
from reinas.policies.controller import Controller
from reinas.spaces.base import check_decisions
from reinas.types import Choice, Link
from spaces.handmade import LISTS, active, any_lists, choice, when


class Numpy:
    """Section 3.1 and 3.3 in NumPy: one architecture at a time, one step after the other."""

    def __init__(self, network, decisions):
        self.w = {name: p.detach().numpy() for name, p in network.named_parameters()}
        self.layers = sum(name.endswith("weight_ih") for name in self.w)
        kinds = [d.kind for d in decisions if isinstance(d, Choice)]
        self.key = {kind: f"kind{n}" for n, kind in enumerate(dict.fromkeys(kinds))}
        self.decisions = decisions
        self.linked = {n for d in decisions if isinstance(d, Link) for n in (d.source, d.target)}

    def lstm(self, x):
        """Both layers once: c' = f c + i g, h' = o tanh(c'); gates in the order i, f, g, o."""
        for n in range(self.layers):
            h, c = self.state[n]
            gates = (
                self.w[f"cells.{n}.weight_ih"] @ x
                + self.w[f"cells.{n}.bias_ih"]
                + self.w[f"cells.{n}.weight_hh"] @ h
                + self.w[f"cells.{n}.bias_hh"]
            )
            i, f, g, o = np.split(gates, 4)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
            self.state[n] = (h, c)
            x = h
        return x

    def log_prob(self, answers):
        """One log-probability a decision; what is not asked is as if it were not there."""
        zero = np.zeros(self.w["start"].shape)
        self.state = [(zero, zero) for _ in range(self.layers)]
        self.x = self.w["start"]
        self.anchors = {}
        self.result = [0.0] * len(answers)
        self.answers = answers
        flags = active(self.decisions, answers)
        for t in range(len(answers)):
            layer = getattr(self.decisions[t], "layer", None)
            if layer is not None and flags[t]:
                self.choose(t)
            own = [n for n in range(len(answers)) if self.layer_of(n) == layer]
            if layer in self.linked and t == own[-1] and any(flags[n] for n in own):
                self.anchor(layer, flags)
        return self.result

    def layer_of(self, t):
        """A choice's layer."""
        return getattr(self.decisions[t], "layer", None)

    def choose(self, t):
        """A choice's step: softmax, and the answer's embedding as the next input."""
        key, answer = self.key[self.decisions[t].kind], self.answers[t]
        weight, bias = (self.w[f"softmaxes.{key}.{name}"] for name in ("weight", "bias"))
        logits = weight @ self.lstm(self.x) + bias
        self.result[t] = logits[answer] - np.log(np.exp(logits).sum())
        self.x = self.w[f"embeddings.{key}.weight"][answer]

    def anchor(self, layer, flags):
        """A layer's last step: sigmoid(v . tanh(W_prev h_j + W_curr h_i)) for each earlier j."""
        self.anchors[layer] = here = self.lstm(self.x)
        chosen = []
        for t, decision in enumerate(self.decisions[: len(self.answers)]):
            if not isinstance(decision, Link) or decision.target != layer or not flags[t]:
                continue
            before = self.anchors[decision.source]
            inner = self.w["previous.weight"] @ before + self.w["current.weight"] @ here
            p = 1 / (1 + np.exp(-self.w["score.weight"][0] @ np.tanh(inner)))
            self.result[t] = np.log(p if self.answers[t] else 1 - p)
            if self.answers[t]:
                chosen.append(before)
        self.x = sum(chosen, np.zeros_like(self.x)) / (1 + len(chosen))


@pytest.mark.parametrize(
    ("space", "arguments"),
    [
        (ConvSpace(depth=4), {}),
        (ConvSpace(depth=4, strides=(1, 2, 3)), {"initial": 0.3}),
        (ConvSpace(depth=5, filters=(8, 16)), {"hidden": 35, "initial": 0.08}),
        (ConvSpace(depth=1), {}),
        (MlpSpace(), {}),
    ],
    ids=["conv", "strides", "the paper's size", "one layer", "mlp"],
)
def test_log_probabilities_are_those_of_the_equations(space, arguments):
    """Every column agrees with the NumPy re-implementation to 1e-10, whole and as a prefix."""
    network = controller(space.decisions, **arguments)
    numpy = Numpy(network, space.decisions)
    for length in space.lengths:
        answers = space.sample(12, seed=length, length=length, over="decisions")
        ours = network.log_prob(torch.tensor(answers)).detach().numpy()
        for row, wanted in zip(ours, map(numpy.log_prob, answers), strict=True):
            np.testing.assert_allclose(row, wanted, rtol=0, atol=1e-10)


# layers of choices and links, each layer asked or not by a type before it
TYPES = (
    choice("first", 2),
    choice("size1", 3, 1),
    choice("size2", 3, 2, when("first", 1)),
    choice("more2", 2, 2, when("size2", 2)),
    Link("1to2", 1, 2, when("first", 1)),
    choice("size3", 3, 3),
    Link("1to3", 1, 3),
    Link("2to3", 2, 3, when("first", 1)),
    choice("rate", 2),
)


# the first layer may be missing; the second then has its anchor point, but no link
WITHOUT_FIRST = (
    choice("first", 2),
    choice("size1", 3, 1, when("first", 1)),
    choice("size2", 3, 2),
    Link("1to2", 1, 2, when("first", 1)),
    choice("size3", 3, 3),
    Link("1to3", 1, 3, when("first", 1)),
    Link("2to3", 2, 3),
    choice("rate", 2),
)


@pytest.mark.parametrize("decisions", [LISTS["nested"], LISTS["depth first"], TYPES, WITHOUT_FIRST])
def test_inactive_steps_are_not_taken(decisions):
    """What comes after them is as in the NumPy version, which leaves them out altogether."""
    network = controller(decisions)
    numpy = Numpy(network, decisions)
    answers = everything(decisions)
    ours = network.log_prob(answers).detach().numpy()
    for row, wanted in zip(ours, map(numpy.log_prob, answers.tolist()), strict=True):
        np.testing.assert_allclose(row, wanted, rtol=0, atol=1e-10)


def test_the_default_is_two_layers_of_35_units():
    """Every weight's shape by name: one embedding and one softmax per kind; v, W_prev, W_curr."""
    network = zoph_le(ConvSpace(strides=(1, 2, 3))).network
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    expected = {"start": (35,)}
    for n in (0, 1):
        expected |= {f"cells.{n}.weight_{x}": (140, 35) for x in ("ih", "hh")}
        expected |= {f"cells.{n}.bias_{x}": (140,) for x in ("ih", "hh")}
    for n, options in enumerate((4, 4, 3, 3, 4)):
        expected |= {
            f"embeddings.kind{n}.weight": (options, 35),
            f"softmaxes.kind{n}.weight": (options, 35),
            f"softmaxes.kind{n}.bias": (options,),
        }
    expected |= {"previous.weight": (35, 35), "current.weight": (35, 35), "score.weight": (1, 35)}
    assert shapes == expected
    assert all(p.requires_grad for p in network.parameters())


def test_weights_are_shared_over_layers():
    """A deeper space has the same parameters, so that the depth may grow: same P for a prefix."""
    shallow = zoph_le(ConvSpace(depth=3), seed=5).network
    deep = zoph_le(ConvSpace(depth=20), seed=5).network
    assert [p.shape for p in shallow.parameters()] == [p.shape for p in deep.parameters()]
    answers = torch.tensor(ConvSpace(depth=3).sample(10, 0))
    assert torch.equal(shallow.log_prob(answers), deep.log_prob(answers))


@pytest.mark.parametrize("initial", [0.08, 0.5])
def test_every_weight_starts_uniform(initial):
    """In [-initial, initial], tensor by tensor and all together (Kolmogorov-Smirnov)."""
    network = zoph_le(ConvSpace(strides=(1, 2, 3)), initial=initial, seed=2).network
    tensors = [p.detach().flatten().numpy() for p in network.parameters()]
    uniform = stats.uniform(-initial, 2 * initial)
    for values in tensors:
        assert np.abs(values).max() <= initial
        assert stats.kstest(values, uniform.cdf).pvalue > 1e-4
    together = np.concatenate(tensors)
    assert stats.kstest(together, uniform.cdf).pvalue > 1e-4
    assert np.abs(together).max() > 0.99 * initial
    assert len(np.unique(together)) > 0.99 * len(together)


def test_weights_follow_the_seed():
    """The same seed gives the same weights, another seed others in every tensor."""
    one, again, other = (zoph_le(ConvSpace(), seed=s).network.parameters() for s in (1, 1, 2))
    for a, b, c in zip(one, again, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_the_global_generator_is_left_alone():
    """Making a controller, sampling and scoring draw nothing from torch's own generator."""
    torch.manual_seed(0)
    before = torch.get_rng_state()
    policy = zoph_le(SMALL_CONV)
    network = Controller(SMALL_CONV.decisions, generator=generator())
    network.log_prob(torch.tensor(policy.propose(3, length=12, seed=0)))
    # torch's own initialisation, which is overwritten, may draw; sampling may not
    torch.set_rng_state(before)
    network.sample(5, 12, generator())
    assert torch.equal(torch.get_rng_state(), before)


def test_every_skip_connection_is_its_own_bit():
    """All 2^6 patterns of links of four layers have different P, all six links different odds."""
    space = ConvSpace(depth=4, heights=(1,), widths=(1,), filters=(8,))
    network = controller(space.decisions)
    links = [t for t, d in enumerate(space.decisions) if isinstance(d, Link)]
    assert len(links) == 6
    answers = torch.zeros(64, len(space.decisions), dtype=torch.int64)
    answers[:, links] = torch.tensor(list(product((0, 1), repeat=6)))
    log_probs = network.log_prob(answers).detach()
    p = log_probs.sum(1).exp()
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert len(set(p.tolist())) == 64
    assert len(set(log_probs[0, links].tolist())) == 6


def test_links_into_a_layer_are_independent_of_each_other():
    """The link from 1 to 4 has the same odds whatever the other links into 4 are."""
    space = ConvSpace(depth=4, heights=(1,), widths=(1,), filters=(8,))
    answers = torch.zeros(8, len(space.decisions), dtype=torch.int64)
    answers[:, -3:] = torch.tensor(list(product((0, 1), repeat=3)))
    columns = controller(space.decisions).log_prob(answers)[:, -3:]
    for n in range(3):
        for answer in (0, 1):
            same = columns[answers[:, n - 3] == answer, n]
            torch.testing.assert_close(same, same[:1].expand(4), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["previous", "current", "score"])
def test_anchors_learn(name):
    """The links' log-probabilities have a gradient in each matrix of the anchor point."""
    network = controller(SMALL_CONV.decisions)
    network.log_prob(torch.tensor([[1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1]]))[:, -2:].sum().backward()
    gradient = getattr(network, name).weight.grad
    assert gradient.abs().min() > 0


def test_the_anchors_hidden_state_is_not_detached():
    """Cut off from h_i, a link still learns through h_j: W_curr = 0 leaves a way to layer 1.

    With the LSTM's recurrent weights at 0, layer 2's steps do not depend on layer 1's, so all of
    the gradient in what layer 1 was fed with comes through h_1.
    """
    network = controller(SMALL_CONV.decisions)
    with torch.no_grad():
        network.current.weight.zero_()
        for cell in network.cells:
            cell.weight_hh.zero_()
            cell.bias_hh[6:12] = -1e3  # the forget gate is shut
    link = network.log_prob(torch.tensor([[0, 0, 0, 1, 0, 0, 1]]))[0, 6]
    link.backward()
    filters = network.embeddings["kind2"].weight.grad  # what layer 1's anchor step is fed with
    assert filters.abs().max() > 0


def test_the_next_steps_input_is_the_sampled_answer():
    """Another answer to any choice or link changes what comes later, and its embedding learns.

    (A mistake that others made: a zero vector, the argmax or the RNN's own output is fed.)
    """
    network = controller(SMALL_CONV.decisions)
    base = [0] * 12
    before = network.log_prob(torch.tensor([base])).detach()[0]
    for t in (0, 3, 6):  # a height, the next layer's height, the first link
        changed = base.copy()
        changed[t] = 1
        after = network.log_prob(torch.tensor([changed])).detach()[0]
        assert torch.equal(after[:t], before[:t])
        later = [n for n in range(t + 1, 12) if n in (3, 6, 7, 10, 11) and n > t]
        assert (after[later] != before[later]).all()
    network.log_prob(torch.tensor([base]))[0, 3:].sum().backward()
    gradient = network.embeddings["kind0"].weight.grad
    assert gradient[0].abs().min() > 0  # answered
    assert gradient[1].abs().max() == 0  # not answered


def test_proposals_are_samples_and_not_the_likeliest_answer():
    """A fresh controller, nearly uniform, proposes nearly all of 64 networks in 500 draws."""
    drawn = zoph_le(SMALL_CONV).propose(500, length=12, seed=0)
    assert len(set(drawn)) > 60


ODD = {
    "a link that depends on a link of the same layer": (
        choice("a", layer=1),
        choice("b", layer=2),
        choice("c", layer=3),
        Link("1to3", 1, 3),
        Link("2to3", 2, 3, when("1to3", 1)),
    ),
    "the same without choices": (
        choice("a", layer=1),
        Link("1to3", 1, 3),
        Link("2to3", 2, 3, when("1to3", 1)),
    ),
    "a choice between a layer's links": (
        choice("a", layer=1),
        choice("b", layer=2),
        choice("c", layer=3),
        Link("1to3", 1, 3),
        choice("rate", 3),
        Link("2to3", 2, 3),
    ),
    "a link that depends on a choice between": (
        choice("a", layer=1),
        choice("b", layer=2),
        choice("c", layer=3),
        Link("1to3", 1, 3),
        choice("rate", 3),
        Link("2to3", 2, 3, when("rate", 0)),
    ),
    "a choice without layer after the last link": (
        choice("a", layer=1),
        choice("b", layer=2),
        Link("1to2", 1, 2),
        choice("rate", 3),
    ),
    **LISTS,
}


def is_learned_as_it_is_drawn(decisions):
    """A list is refused, or sampled with the probabilities that are scored, column by column."""
    try:
        check_decisions(decisions)
    except SettingError:
        return
    network, answers = controller(decisions), everything(decisions)
    log_probs = network.log_prob(answers).detach()
    p = log_probs.sum(1).exp()
    assert p.sum() == pytest.approx(1, abs=1e-12)
    drawn = network.sample(2000, len(decisions), generator(1))
    assert chi_square(drawn, answers, p) > 1e-6
    np.testing.assert_allclose(log_probs, marginal_columns(answers, p)[0], atol=1e-10)


@pytest.mark.parametrize("decisions", ODD.values(), ids=ODD.keys())
def test_odd_lists_are_refused_or_learned(decisions):
    """Otherwise the log-probability belongs to another architecture than the reward."""
    is_learned_as_it_is_drawn(decisions)


@given(any_lists())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_whatever_is_accepted_can_be_learned(decisions):
    """For all lists, in whatever order: there is nothing between refused and right."""
    is_learned_as_it_is_drawn(decisions)
