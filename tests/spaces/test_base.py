"""What every space shares: well-formed decisions, sampling, messages."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings

from reinas import ConvSpace, MlpSpace, RecurrentSpace, StagesSpace
from reinas.errors import AnswersError, SettingError
from reinas.spaces.base import AbstractSpace, check_decisions, check_options
from reinas.testing import SpaceContract
from reinas.types import Choice, Link, When
from spaces.handmade import LISTS, choice, decision_lists, when

MALFORMED = {
    "duplicate names": ((choice("a"), choice("a")), "two decisions are called a"),
    "a link named like a choice": (
        (choice("a", layer=1), choice("b", layer=2), Link("a", 1, 2)),
        "two decisions are called a",
    ),
    "an unknown parent": (
        (choice("a"), choice("b", when=when("c", 0))),
        "b depends on c, which is not an earlier decision",
    ),
    "a later parent": (
        (choice("a", when=when("b", 0)), choice("b")),
        "a depends on b, which is not an earlier decision",
    ),
    "itself as a parent": (
        (choice("a", when=when("a", 0)),),
        "a depends on a, which is not an earlier decision",
    ),
    "a value that a choice has not": (
        (choice("a", 3), choice("b", when=when("a", 1, 3))),
        r"b depends on the values \[1, 3\] of a, which has \[0, 1, 2\]",
    ),
    "a condition on no values": (
        (choice("a", 3), choice("b", when=(When("a", ()),))),
        r"b depends on the values \[\] of a",
    ),
    "a value that a link has not": (
        (choice("a", layer=2), Link("l", 1, 2), choice("b", when=when("l", 2))),
        r"b depends on the values \[2\] of l, which has \[False, True\]",
    ),
    "a kind of unequal options": (
        (Choice("a", "k", (1, 2)), Choice("b", "k", (1, 2, 3))),
        "b has 3 choices, but others of kind k have 2: give it another kind",
    ),
    "no choices": ((Choice("a", "k", ()),), "a has no choices"),
    "a link backwards": (
        (choice("a", layer=2), Link("l", 2, 1)),
        "l: a link goes from an earlier layer to a later one",
    ),
    "a link to itself": (
        (choice("a", layer=2), Link("l", 2, 2)),
        "l: a link goes from an earlier layer to a later one",
    ),
    "a link from the image": (
        (choice("a", layer=2), Link("l", 0, 2)),
        "l: a link goes from an earlier layer to a later one",
    ),
    "a link too late": (
        (choice("a", layer=1), choice("b", layer=2), choice("c", layer=3), Link("l", 1, 2)),
        "l: .* follows its layer's choices, got 1 to 2",
    ),
    "a link that depends on its own layer's link": (
        (choice("a", layer=3), Link("k", 1, 3), Link("l", 2, 3, when("k", 1))),
        "l depends on k, but a layer's links are decided together",
    ),
    "a choice between a layer's links": (
        (choice("a", layer=3), Link("k", 1, 3), choice("b"), Link("l", 2, 3)),
        "l: a layer's links come one after the other",
    ),
    "a choice after its layer's links": (
        (choice("a", layer=1), Link("l", 1, 2), choice("b", layer=2)),
        r"b: layers .* each with its choices before its links",
    ),
    "layers out of order": (
        (choice("a", layer=2), choice("b", layer=1)),
        r"b: layers .*ascending order",
    ),
    "a layer after a link into a later one": (
        (choice("a", layer=1), Link("l", 1, 3), choice("b", layer=2)),
        r"b: layers .*ascending order",
    ),
}


@pytest.mark.parametrize(("decisions", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_lists_are_refused_with_the_reason(decisions, message):
    """Each mistake has its own message, which names the decision."""
    with pytest.raises(SettingError, match=message):
        check_decisions(decisions)


@pytest.mark.parametrize("decisions", LISTS.values(), ids=LISTS.keys())
def test_handmade_lists_are_accepted(decisions):
    """Nested conditions, conditional links and layers with links only are well formed."""
    check_decisions(decisions)


@given(decision_lists())
@settings(max_examples=100, deadline=None)
def test_well_formed_lists_are_accepted(decisions):
    """For all lists of layers with choices, links and conditions on anything earlier."""
    check_decisions(decisions)


@pytest.mark.parametrize("values", [(), (1, 1), (0, 3)])
def test_options_are_different_values_and_large_enough(values):
    """None, a repeat, and one below the least are refused by name and value."""
    with pytest.raises(SettingError, match=r"mine: sizes .*got \[") as caught:
        check_options("mine", "sizes", values, least=1)
    assert str(list(values)) in str(caught.value)


@dataclass(frozen=True)
class Listed(AbstractSpace[tuple]):
    """Architectures are the answers themselves."""

    name: ClassVar[str] = "listed"
    decisions: ClassVar = LISTS["depth first"]

    def decode(self, answers):
        self.check(answers)
        return answers

    def encode(self, architecture):
        return architecture


@dataclass(frozen=True)
class Pair:
    """Two numbers."""

    first: int
    second: int | None


@dataclass(frozen=True)
class OneWay(AbstractSpace[Pair]):
    """A space that defines no encode; its second number is decided only after a 1."""

    name: ClassVar[str] = "one-way"
    decisions: ClassVar = (choice("a"), choice("b", 3, when=when("a", 1)))

    def decode(self, answers):
        self.check(answers)
        return Pair(answers[0], answers[1] if answers[0] else None)


class TestOneWay(SpaceContract):
    """All that a space promises, but for encode."""

    def make(self):
        return OneWay()


def test_without_encode_the_answers_are_the_key():
    """For every architecture."""
    space = OneWay()
    assert [space.key(answers) for answers in space.enumerate()] == list(space.enumerate())


def test_a_space_without_encode_says_so():
    """By its name."""
    with pytest.raises(AnswersError, match="space 'one-way' defines no encode"):
        OneWay().encode(Pair(0, None))


def test_wrong_numbers_of_answers_are_told_the_right_ones():
    """Too few, too many, half a layer: the lengths that there are, and the one that came."""
    with pytest.raises(AnswersError, match="listed: expected 8 answers, got 7"):
        Listed().decode((0,) * 7)
    space = ConvSpace(depth=3)
    for length in (0, 2, 4, 8, 13):
        with pytest.raises(AnswersError, match=f"conv: expected 3, 7, 12 answers, got {length}"):
            space.decode((0,) * length)


@pytest.mark.parametrize(("place", "answer"), [(0, 3), (0, -1), (1, 2), (7, 3), (1, 10**30)])
def test_answers_out_of_range_name_their_decision(place, answer):
    """The message has the decision, its range and what came."""
    answers = [2, 0, 0, 0, 0, 0, 0, 0]
    answers[place] = answer
    decision = Listed.decisions[place]
    wanted = f"listed: {decision.name} takes 0 to {decision.num_options - 1}, got {answer}"
    with pytest.raises(AnswersError, match=wanted):
        Listed().decode(tuple(answers))


def test_an_inactive_decision_must_be_zero():
    """One meaning, one name: at depth 2 the third layer's link is inactive."""
    Listed().check((1, 1, 1, 1, 0, 0, 0, 2))
    with pytest.raises(AnswersError, match=r"listed: 1to3 is inactive .* must be 0, got 1"):
        Listed().check((1, 1, 1, 1, 0, 1, 0, 2))


def test_samples_follow_the_seed():
    """The same seed gives the same answers, another seed others, for both ways to draw."""
    space = ConvSpace(depth=3)
    for over in ("architectures", "decisions"):
        assert space.sample(5, 1, over=over) == space.sample(5, 1, over=over)
        assert space.sample(5, 1, over=over) != space.sample(5, 2, over=over)


def test_samples_may_be_shallower():
    """A length draws among the shallower networks, of which each is a prefix."""
    space = ConvSpace(depth=3, heights=(1,), widths=(1,), filters=(8, 16))
    shallow = set(space.sample(200, 0, length=space.lengths[1]))
    assert shallow == {(0, 0, f, 0, 0, g, link) for f in (0, 1) for g in (0, 1) for link in (0, 1)}


def test_uniform_decisions_are_not_uniform_architectures():
    """Of 4 shallow and 16 deep networks, decisions draw a half shallow, architectures a fifth."""
    space = MlpSpace(depth=2, widths=(8, 16), activations=("relu", "tanh"))
    shallow = {
        over: np.mean([a[0] == 0 for a in space.sample(4000, 0, over=over)])
        for over in ("decisions", "architectures")
    }
    assert shallow["decisions"] == pytest.approx(1 / 2, abs=0.03)
    assert shallow["architectures"] == pytest.approx(4 / 20, abs=0.03)


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (MlpSpace, {"widths": (4, 8), "activations": ("relu",)}),
        (StagesSpace, {"widths": (8, 16), "depths": (1, 2)}),
        (ConvSpace, {"filters": (8, 16)}),
        (RecurrentSpace, {"activations": ("tanh", "relu")}),
    ],
)
def test_lists_become_tuples(make, settings):
    """As JSON and people give them: the same space, which can be hashed."""
    lists = make(**{key: list(values) for key, values in settings.items()})
    assert lists == make(**settings)
    assert hash(lists) == hash(make(**settings))
