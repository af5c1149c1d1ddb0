"""The space of LSTM language models."""

import pytest

from reinas import LstmSpace
from reinas.errors import AnswersError, SettingError
from reinas.spaces.lstm import LstmArchitecture
from reinas.testing import SpaceContract

SMALL = LstmSpace(layers=(1, 2), widths=(8, 16), dropouts=(0.0, 0.5), rates=(1.0,))


class TestContract(SpaceContract):
    """The small space."""

    def make(self):
        return SMALL


def test_its_size_is_the_product_of_its_choices():
    """2 x 2 x 2 x 2 x 1, and every one is another model."""
    architectures = {SMALL.decode(answers) for answers in SMALL.enumerate()}
    assert SMALL.size == len(architectures) == 16


def test_an_architecture_reads_like_a_sentence():
    """What is usual is left out."""
    assert str(LstmArchitecture(2, 256, 0.2, tied=True)) == "2x lstm 256 dropout 0.2 tied"
    assert str(LstmArchitecture(1, 8, 0.0, tied=False, rate=0.5)) == "rate x0.5: 1x lstm 8"


def test_starts_are_in_the_space_by_ascending_width():
    """So that the probe finds the largest that there is time for."""
    space = LstmSpace(widths=(64, 16, 32))
    starts = space.starts()
    assert [start.width for start in starts] == [16, 32, 64]
    assert [space.decode(space.encode(start)) for start in starts] == list(starts)


@pytest.mark.parametrize(
    "given",
    [
        {"layers": ()},
        {"widths": (0,)},
        {"dropouts": (1.0,)},
        {"dropouts": (-0.1,)},
        {"rates": (0.0, 1.0)},
        {"widths": (8, 8)},
    ],
)
def test_parameters_out_of_range_are_refused(given):
    """With the parameter's name."""
    with pytest.raises(SettingError, match=f"lstm: {next(iter(given))}"):
        LstmSpace(**given)


def test_a_model_of_another_space_has_no_answers():
    """The message has the field and what it may be."""
    with pytest.raises(AnswersError, match=r"width is one of \[8, 16\], got 9"):
        SMALL.encode(LstmArchitecture(1, 9, 0.0, tied=True))
