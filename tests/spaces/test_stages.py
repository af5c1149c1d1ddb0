"""Stages of residual and inverted blocks: counted, and widths worked out, by hand."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas import StagesSpace
from reinas.errors import AnswersError, SettingError
from reinas.spaces.stages import INVERTED, RESIDUAL, Stage, StagesArchitecture
from reinas.testing import SpaceContract

TINY = StagesSpace(
    stages=2,
    stems=(1,),
    widths=(16, 32),
    growths=(1.0, 2.0),
    depths=(1, 2, 3),
    kernels=(3,),
    expansions=(3, 6),
    rates=(1.0,),
)


class TestDefault(SpaceContract):
    """The default space."""

    def make(self):
        return StagesSpace()


class TestTiny(SpaceContract):
    """A space that is enumerated."""

    def make(self):
        return TINY


class TestResidualSeries(SpaceContract):
    """One kind of block without a condition, one stage, one dimension."""

    def make(self):
        return StagesSpace(stages=1, blocks=(RESIDUAL,), dimensions=1)


class TestInverted(SpaceContract):
    """The expansion is always active."""

    def make(self):
        return StagesSpace(stages=2, blocks=(INVERTED,), widths=(16,), rates=(1.0,))


class TestOddWidths(SpaceContract):
    """Widths of the stem that are no multiples of 8, and below 8."""

    def make(self):
        return StagesSpace(stages=3, widths=(3, 12, 20, 50), growths=(0.5, 1.0, 1.2, 1.25))


def test_the_number_of_architectures_is_counted_by_hand():
    """Per stage 3 depths x 2 squeezes x (1 residual + 2 expansions) = 18; 2 widths, 2 growths."""
    assert TINY.size == 2 * 18 * (2 * 18)


def test_every_answer_means_an_architecture_of_its_own():
    """The 1296 answers of the tiny space decode to as many architectures."""
    assert len({TINY.decode(answers) for answers in TINY.enumerate()}) == 1296


def test_an_architecture_worked_by_hand():
    """Each answer is the index among the options; the width of stage 2 is 24 x 1.5 = 36 -> 32.

    36 / 8 = 4.5 lies between two multiples, and goes to the even one.
    """
    network = StagesArchitecture(
        stem=2,
        width=24,
        stages=(
            Stage(INVERTED, 2, 24, 5, 6, True),
            Stage(RESIDUAL, 1, 32, 5),
            Stage(RESIDUAL, 3, 64, 3, 1, True),
        ),
        rate=2.0,
    )
    space = StagesSpace()
    # rate, stem, width | depth, kernel, squeeze, block, expansion | with growth after depth, twice
    answers = (2, 1, 1, *(1, 1, 1, 1, 1), *(0, 1, 1, 0, 0, 0), *(2, 2, 0, 1, 0, 0))
    assert space.decode(answers) == network
    assert space.encode(network) == answers


@pytest.mark.parametrize(
    ("before", "growth", "after"),
    [
        (16, 1.0, 16),
        (16, 1.5, 24),
        (24, 1.5, 32),  # 36 = 4.5 x 8: to the even multiple
        (40, 1.5, 64),  # 60 = 7.5 x 8
        (48, 1.5, 72),
        (20, 1.0, 16),  # 2.5 x 8
        (3, 2.0, 6),  # below 8 any number
        (3, 1.0, 3),
        (1, 0.1, 1),  # at least one channel
    ],
)
def test_a_stage_is_as_wide_as_the_one_before_times_the_growth(before, growth, after):
    """As a multiple of 8 from 8 on; the first stage has the stem's width as it is."""
    space = StagesSpace(stages=2, widths=(before,), growths=(growth,))
    network = space.decode((0,) * len(space.decisions))
    assert [network.width, *(s.width for s in network.stages)] == [before, before, after]


@given(st.integers(1, 300), st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0, 3.0]))
@settings(deadline=None)
def test_a_width_is_the_nearest_multiple_of_8(before, growth):
    """No other multiple of 8 is nearer to the product; below 8, no other whole number above 0."""
    space = StagesSpace(stages=2, widths=(before,), growths=(growth,))
    after = space.decode((0,) * len(space.decisions)).stages[1].width
    wanted = before * Fraction(growth)
    step = 8 if wanted >= 8 else 1
    assert after % step == 0
    assert after == 1 or abs(after - wanted) <= Fraction(step, 2)


def test_of_growths_that_lead_to_the_same_width_the_first_is_the_answer():
    """16 x 1.9 and 16 x 2 are both 32: the two answers have one key."""
    space = StagesSpace(stages=2, widths=(16,), growths=(1.9, 2.0))
    growth = [d.name for d in space.decisions].index("stage2.growth")
    one = (0,) * len(space.decisions)
    two = (*one[:growth], 1, *one[growth + 1 :])
    assert space.decode(one) == space.decode(two)
    assert space.key(two) == space.key(one) == one


def test_the_expansion_of_a_residual_block_is_inactive():
    """Its answer has to be 0."""
    space = StagesSpace(stages=1)
    names = [d.name for d in space.decisions]
    answers = [0] * len(names)
    answers[names.index("stage1.expansion")] = 1
    with pytest.raises(AnswersError, match=r"stages: stage1.expansion is inactive .* got 1"):
        space.decode(tuple(answers))


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (
            StagesArchitecture(1, 16, (Stage(RESIDUAL, 2, 16, 3),)),
            "stem 16 | 2x residual 3 16",
        ),
        (
            StagesArchitecture(2, 24, (Stage(INVERTED, 1, 24, 5, 6, True),), 0.5, 1),
            "rate x0.5: series: stem 24 /2 | 1x inverted 5 e6 24 squeeze",
        ),
    ],
)
def test_the_text_has_all_that_is_decided(network, text):
    """What is 1, no or 2 by default is left out."""
    assert str(network) == text


def test_different_architectures_have_different_texts():
    """All 1296 of the tiny space: checkpoints are told apart by the text."""
    assert len({str(TINY.decode(answers)) for answers in TINY.enumerate()}) == 1296


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": 0}, "stages must be at least 1, got 0"),
        ({"stages": 7}, "stages must be at most 6, got 7"),
        ({"stems": ()}, "stems needs one or more different values"),
        ({"widths": (16, 0)}, r"widths must be at least 1, got \[16, 0\]"),
        ({"depths": (1, 1)}, "depths needs one or more different values"),
        ({"expansions": (0,)}, r"expansions must be at least 1, got \[0\]"),
        ({"kernels": (3, 4)}, r"kernels must be odd, got \[3, 4\]"),
        ({"growths": (0.0,)}, r"growths must be above 0 and at most 100, got \[0.0\]"),
        ({"growths": (float("nan"),)}, "growths must be above 0 and at most 100"),
        ({"rates": (101,)}, r"rates must be above 0 and at most 100, got \[101\]"),
        ({"blocks": ("residual", "dense")}, "blocks are residual and inverted, got dense"),
        ({"blocks": ()}, "blocks needs one or more different values"),
        ({"dimensions": 3}, r"dimensions must be 1 \(series\) or 2 \(images\), got 3"),
    ],
)
def test_parameters_that_make_no_space_are_refused(change, message):
    """The message has the parameter, what it has to be, and what came."""
    with pytest.raises(SettingError, match=f"stages: {message}"):
        StagesSpace(**change)


def plain(*widths, stem=16, **more):
    """Residual stages of one block each."""
    stages = tuple(Stage(RESIDUAL, 1, width, 3) for width in widths)
    return StagesArchitecture(1, stem, stages, **more)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (plain(16), "expected 2 stages of 2 dimensions, got stem 16"),
        (plain(16, 16, dimensions=1), "expected 2 stages of 2 dimensions, got series: stem 16"),
        (plain(24, 24), "the first stage has the stem's width 16, got 24"),
        (plain(24, 24, stem=24), r"width is one of \[12, 16\], got 24"),
        (plain(16, 40), r"after a width of 16, the width of stage 2 is one of \[16, 24\], got 40"),
        (
            plain(12, 18, stem=12),
            r".* width of stage 2 is one of \[16\], got 18",
        ),
        (plain(16, 16, rate=3.0), r"rate is one of \[0.5, 1.0, 2.0\], got 3.0"),
        (
            StagesArchitecture(1, 16, (Stage(RESIDUAL, 1, 16, 3, 6), Stage(RESIDUAL, 1, 16, 3))),
            "the expansion of residual blocks is 1, got 6",
        ),
        (
            StagesArchitecture(1, 16, (Stage("dense", 1, 16, 3), Stage(RESIDUAL, 1, 16, 3))),
            r"stage1.block is one of \['residual', 'inverted'\], got dense",
        ),
    ],
)
def test_networks_outside_of_the_space_have_no_answers(network, message):
    """What the space cannot build is refused, never taken for a neighbour."""
    space = StagesSpace(stages=2, widths=(12, 16), growths=(1.0, 1.5))
    with pytest.raises(AnswersError, match=f"stages: {message}"):
        space.encode(network)
