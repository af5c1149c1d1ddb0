"""The review's four networks."""

import pytest

from reinas import ToySpace
from reinas.errors import AnswersError
from reinas.spaces.toy import ToyArchitecture
from reinas.testing import SpaceContract


class TestToy(SpaceContract):
    """It has no parameters."""

    def make(self):
        return ToySpace()


def test_there_are_four_networks_named_as_in_the_review():
    """The first answer is h, the second g; 0 is linear, 1 is sigmoid."""
    space = ToySpace()
    assert space.size == 4
    assert {answers: str(space.decode(answers)) for answers in space.enumerate()} == {
        (0, 0): "linear, linear",
        (0, 1): "linear, sigmoid",
        (1, 0): "sigmoid, linear",
        (1, 1): "sigmoid, sigmoid",
    }


@pytest.mark.parametrize("pair", [("relu", "linear"), ("linear", "relu")])
def test_another_activation_has_no_answer(pair):
    """The message says which two there are, and which came."""
    with pytest.raises(AnswersError, match="toy: expected linear or sigmoid, got 'relu'"):
        ToySpace().encode(ToyArchitecture(*pair))


@pytest.mark.parametrize(
    ("answers", "message"),
    [((0,), "expected 2 answers, got 1"), ((0, 2), "g takes 0 to 1, got 2")],
)
def test_answers_of_another_space_are_refused(answers, message):
    """A wrong number, and one out of range."""
    with pytest.raises(AnswersError, match=f"toy: {message}"):
        ToySpace().decode(answers)
