"""Residual networks for tables: what an embedding has is decided only where there is one."""

import pytest

from reinas import TabularSpace
from reinas.errors import AnswersError, SettingError
from reinas.registry import make
from reinas.spaces.tabular import NONE, PERIODIC, PIECEWISE, TabularArchitecture
from reinas.testing import SpaceContract


class TestDefault(SpaceContract):
    """The default space."""

    def make(self):
        return TabularSpace()


class TestWithoutEmbeddings(SpaceContract):
    """Nothing to decide about embeddings."""

    def make(self):
        return TabularSpace(embeddings=(NONE,), blocks=(1, 2), rates=(1.0,))


class TestOneEmbedding(SpaceContract):
    """Embeddings without bins."""

    def make(self):
        return TabularSpace(embeddings=(PERIODIC, NONE), blocks=(1,), widths=(8, 16))


def test_the_size_is_that_counted_by_hand():
    """What all networks share, times 1 without, sizes x bins and sizes x sigmas with embedding."""
    shared = 4 * 4 * 2 * 4 * 3 * 3 * 3  # blocks, widths, factors, dropouts, norms, rates, decays
    assert TabularSpace().size == shared * (1 + 3 * 3 + 3 * 3)
    assert TabularSpace(embeddings=(PIECEWISE,)).size == shared * 9


@pytest.mark.parametrize(
    ("architecture", "text"),
    [
        (TabularArchitecture(2, 64, 1, 0.0), "2x 64"),
        (
            TabularArchitecture(3, 128, 2, 0.1, "batch", PIECEWISE, 16, 8, 0.0, 3.0, 10.0),
            "piecewise 8 bins -> 16 | 3x 128 (inner x2) batch norm dropout 0.1"
            " | rate x3 | decay x10",
        ),
        (
            TabularArchitecture(1, 512, 1, 0.35, "none", PERIODIC, 8, 0, 0.1),
            "periodic 0.1 -> 8 | 1x 512 dropout 0.35",
        ),
    ],
)
def test_networks_worked_by_hand(architecture, text):
    """The text has what differs from the plain network; the answers decode to the same network."""
    space = TabularSpace()
    assert str(architecture) == text
    assert space.decode(space.encode(architecture)) == architecture


def test_every_start_is_in_the_space_and_another_network():
    """So a search can begin with them."""
    space = TabularSpace()
    starts = space.starts()
    assert 1 <= len(starts) == len(set(map(space.encode, starts))) <= 3


def test_starts_that_a_smaller_space_lacks_are_left_out():
    """A space without embeddings has only starts without."""
    assert all(s.embedding == NONE for s in TabularSpace(embeddings=(NONE,)).starts())
    assert TabularSpace(widths=(7,)).starts() == ()


def test_a_space_is_made_by_its_name():
    """With lists, as JSON has them."""
    assert make("space", {"name": "tabular", "bins": [8]}) == TabularSpace(bins=(8,))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blocks": ()}, "blocks needs one or more different values"),
        ({"blocks": (0,)}, "blocks must be at least 1"),
        ({"blocks": (10_000,)}, "blocks must be at most"),
        ({"bins": (1,)}, "bins must be at least 2"),
        ({"dropouts": (0.5, 1.0)}, "dropouts must be below 1"),
        ({"sigmas": (0.0,)}, "sigmas must be above 0"),
        ({"rates": (1.0, 101.0)}, "rates must be above 0 and at most 100"),
        ({"embeddings": ("fourier",)}, "embeddings are among none, .*; got 'fourier'"),
        ({"normalisations": ("group",)}, "normalisations are among none, .*; got 'group'"),
    ],
)
def test_parameters_that_make_no_space_are_refused(settings, message):
    """The message has the parameter, what it has to be, and what came."""
    with pytest.raises(SettingError, match=f"tabular: {message}"):
        TabularSpace(**settings)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (TabularArchitecture(width=7), r"width is one of \[64, 128, 256, 512\], got 7"),
        (TabularArchitecture(size=8), "size is 0 with the embedding none, got 8"),
        (TabularArchitecture(embedding=PERIODIC, size=8, bins=8, sigma=0.1), "bins is 0"),
        (TabularArchitecture(embedding=PIECEWISE, size=8), "bins is one of .*, got 0"),
        (TabularArchitecture(embedding="fourier"), "embedding is one of"),
    ],
)
def test_networks_outside_of_the_space_have_no_answers(architecture, message):
    """An unknown width, and numbers that do not belong to the embedding."""
    with pytest.raises(AnswersError, match=f"tabular: {message}"):
        TabularSpace().encode(architecture)
