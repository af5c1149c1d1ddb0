"""Multilayer perceptrons: the depth decides which of the other decisions are active."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas import MlpSpace
from reinas.errors import AnswersError, SettingError
from reinas.spaces.mlp import MlpArchitecture, MlpLayer
from reinas.testing import SpaceContract


class TestDefault(SpaceContract):
    """The default space."""

    def make(self):
        return MlpSpace()


class TestOneActivation(SpaceContract):
    """A decision with one option."""

    def make(self):
        return MlpSpace(depth=3, activations=("gelu",))


class TestOneLayer(SpaceContract):
    """A depth of one: the depth is still a decision, with one option."""

    def make(self):
        return MlpSpace(depth=1, widths=(16,))


class TestDeep(SpaceContract):
    """A depth of twenty."""

    def make(self):
        return MlpSpace(depth=20, widths=(4, 8), activations=("relu", "identity"))


spaces = st.builds(
    MlpSpace,
    depth=st.integers(1, 6),
    widths=st.sampled_from([(8, 16, 32), (64, 4), (5,)]),
    activations=st.sampled_from([("relu", "tanh", "sigmoid"), ("gelu", "identity"), ("relu",)]),
)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_random_networks_encode_and_decode_back(data):
    """For all spaces and networks in them: answers that decode to the same network."""
    space = data.draw(spaces)
    layer = st.builds(MlpLayer, st.sampled_from(space.widths), st.sampled_from(space.activations))
    layers = data.draw(st.lists(layer, min_size=1, max_size=space.depth))
    answers = space.encode(MlpArchitecture(tuple(layers)))
    space.check(answers)
    assert len(answers) == 1 + 2 * space.depth
    assert space.decode(answers) == MlpArchitecture(tuple(layers))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_random_answers_decode_and_encode_back(data):
    """For all spaces and canonical answers: as decoded by hand, and the same answers again."""
    space = data.draw(spaces)
    depth = data.draw(st.integers(1, space.depth))
    pair = st.tuples(
        st.integers(0, len(space.widths) - 1), st.integers(0, len(space.activations) - 1)
    )
    pairs = data.draw(st.lists(pair, min_size=depth, max_size=depth))
    answers = (depth - 1, *(x for p in pairs for x in p), *(0, 0) * (space.depth - depth))
    decoded = space.decode(answers)
    assert decoded.layers == tuple(
        MlpLayer(space.widths[w], space.activations[a]) for w, a in pairs
    )
    assert space.encode(decoded) == answers


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
@pytest.mark.parametrize(("widths", "activations"), [(5, 3), (1, 1), (2, 1), (4, 5)])
def test_the_size_is_the_closed_formula(depth, widths, activations):
    """The sum over depths k of (widths * activations)^k."""
    space = MlpSpace(
        depth=depth,
        widths=tuple(range(1, widths + 1)),
        activations=("relu", "tanh", "sigmoid", "gelu", "identity")[:activations],
    )
    assert space.size == sum((widths * activations) ** k for k in range(1, depth + 1))


def test_a_network_worked_by_hand():
    """Depth 2 of 4: the third and the fourth layer are inactive and are 0."""
    space = MlpSpace()
    answers = (1, 2, 1, 4, 0, 0, 0, 0, 0)
    assert str(space.decode(answers)) == "32 tanh | 128 relu"
    assert space.encode(space.decode(answers)) == answers


def test_a_layer_beyond_the_depth_is_inactive():
    """At depth 1 the second layer's width must be 0."""
    with pytest.raises(AnswersError, match=r"mlp: layer2.width is inactive .* got 2"):
        MlpSpace().decode((0, 1, 1, 2, 0, 0, 0, 0, 0))


def test_the_whole_list_is_answered_always():
    """The depth is a decision, not a length."""
    with pytest.raises(AnswersError, match="mlp: expected 9 answers, got 3"):
        MlpSpace().decode((0, 1, 1))


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"depth": 0}, "depth must be at least 1, got 0"),
        ({"widths": ()}, "widths needs one or more different values"),
        ({"widths": (8, 0)}, r"widths must be at least 1, got \[8, 0\]"),
        ({"activations": ("relu", "relu")}, "activations needs one or more different values"),
        ({"activations": ("relu", "sine")}, "activations are among relu, .*; got 'sine'"),
    ],
)
def test_parameters_that_make_no_space_are_refused(settings_, message):
    """The message has the parameter, what it has to be, and what came."""
    with pytest.raises(SettingError, match=f"mlp: {message}"):
        MlpSpace(**settings_)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "expected 1 to 4 layers, got 0"),
        ([(8, "relu")] * 5, "expected 1 to 4 layers, got 5"),
        ([(9, "relu")], ".*9.* is not in the space"),
        ([(8, "relu"), (8, "gelu")], ".*gelu.* is not in the space"),
    ],
)
def test_networks_outside_of_the_space_have_no_answers(layers, message):
    """Too deep, no layer, an unknown width, an unknown activation."""
    with pytest.raises(AnswersError, match=f"mlp: {message}"):
        MlpSpace().encode(MlpArchitecture(tuple(MlpLayer(*layer) for layer in layers)))
