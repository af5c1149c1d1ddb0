"""How parameters are cut into shards: every number once, and back to the last bit."""

import re
from math import ceil, prod

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas import ConvSpace, Outcome, zoph_le
from reinas.errors import SettingError
from reinas.study.servers.slices import Slices
from reinas.types import Trial

SIZES = st.one_of(st.integers(1, 5), st.integers(1, 200))
SHAPES = st.lists(st.lists(SIZES, max_size=2).map(tuple), min_size=1, max_size=6)


def named(shapes):
    return {f"p{n}": shape for n, shape in enumerate(shapes)}


def blocks(shapes):
    return sum(ceil(prod(shape) / 64) for shape in shapes)


@st.composite
def cuttings(draw):
    """Shapes, and a number of shards that they can be cut into."""
    shapes = draw(SHAPES)
    return shapes, draw(st.integers(1, min(40, blocks(shapes))))


@settings(deadline=None, max_examples=60)
@given(cuttings())
def test_the_pieces_cover_every_number_exactly_once(cutting):
    """Counted one by one; a piece is never empty, nor is a shard."""
    shapes, shards = cutting
    counts = [np.zeros(prod(shape), int) for shape in shapes]
    slices = Slices(named(shapes), shards)
    assert len(slices.pieces) == shards
    for pieces in slices.pieces:
        assert pieces
        for piece in pieces:
            assert 0 <= piece.start < piece.stop <= prod(shapes[piece.parameter])
            counts[piece.parameter][piece.start : piece.stop] += 1
    assert all((count == 1).all() for count in counts)


@settings(deadline=None, max_examples=60)
@given(cuttings())
def test_cuts_are_at_whole_blocks_within_each_tensor(cutting):
    """A piece begins at a multiple of 64, and ends at one or at the tensor's end."""
    shapes, shards = cutting
    for pieces in Slices(named(shapes), shards).pieces:
        for piece in pieces:
            assert piece.start % 64 == 0
            assert piece.stop % 64 == 0 or piece.stop == prod(shapes[piece.parameter])


@settings(deadline=None, max_examples=60)
@given(cuttings())
def test_shards_are_of_nearly_equal_size(cutting):
    """Two shards differ by one block at most; a tensor has one piece a shard at most."""
    shapes, shards = cutting
    held = []
    for pieces in Slices(named(shapes), shards).pieces:
        held.append(sum(ceil((p.stop - p.start) / 64) for p in pieces))
        assert len({p.parameter for p in pieces}) == len(pieces)
    assert max(held) - min(held) <= 1


@settings(deadline=None, max_examples=60)
@given(cuttings(), st.integers(0, 2**32 - 1))
def test_what_was_cut_is_put_together_again(cutting, seed):
    """To the last bit, in the shapes and under the names that it had."""
    shapes, shards = cutting
    generator = torch.Generator().manual_seed(seed)
    tensors = [torch.randn(shape, generator=generator) for shape in shapes]
    slices = Slices(named(shapes), shards)
    cut = slices.cut(tensors)
    assert [[p.ndim for p in pieces] for pieces in cut] == [[1] * len(p) for p in slices.pieces]
    whole = slices.whole(cut)
    assert list(whole) == list(named(shapes))
    for tensor, back in zip(tensors, whole.values(), strict=True):
        assert back.shape == tensor.shape
        assert torch.equal(back, tensor)


def test_a_cut_shares_no_memory_with_what_was_cut():
    """A gradient that is worked out next does not change the one on its way."""
    tensor = torch.ones(130)
    cut = Slices({"p": (130,)}, 2).cut([tensor])
    tensor.zero_()
    assert all((piece == 1).all() for pieces in cut for piece in pieces)


def test_a_parameter_without_gradient_has_none_in_every_shard():
    """And the others have theirs."""
    slices = Slices({"a": (200,), "b": (100,)}, 3)
    for pieces, values in zip(slices.pieces, slices.cut([None, torch.ones(100)]), strict=True):
        for piece, value in zip(pieces, values, strict=True):
            assert (value is None) == (piece.parameter == 0)


@settings(deadline=None, max_examples=40)
@given(SHAPES)
def test_there_are_as_many_shards_as_blocks_at_most(shapes):
    """One more is refused with a sentence that says how many there may be."""
    most = blocks(shapes)
    if most <= 200:
        assert len(Slices(named(shapes), most).pieces) == most
    sentence = re.escape(f"shards must be at most {most} for this policy")
    with pytest.raises(SettingError, match=sentence):
        Slices(named(shapes), most + 1)


def learned(updates, length):
    """A real policy that has learned something, and whose links were never asked of it."""
    space = ConvSpace(depth=4)
    policy = zoph_le(space, hidden=12, layers=1, learning_rate=0.05, seed=1)
    for batch in range(updates):
        drawn = policy.propose(3, length=length, seed=batch)
        policy.update([Trial(n, batch, answers, Outcome(n / 7)) for n, answers in enumerate(drawn)])
    return policy


def slices_of(policy, shards):
    shapes = {name: tuple(p.shape) for name, p in policy.network.named_parameters()}
    return Slices(shapes, shards)


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert (value.dtype, value.shape) == (other[key].dtype, other[key].shape), key
        assert value.tobytes() == other[key].tobytes(), key


@pytest.mark.parametrize("shards", [1, 2, 3, 5, 17])
@pytest.mark.parametrize(("updates", "length"), [(0, 3), (3, 3), (3, 18)])
def test_a_policys_state_is_cut_and_gathered_to_the_last_bit(shards, updates, length):
    """Parameters that were never touched have no moments, before and after; all others do."""
    policy = learned(updates, length)
    state = policy.state()
    count = len(list(policy.network.parameters()))
    touched = {key.split(".")[1] for key in state if key.startswith("adam.")}
    if (updates, length) == (3, 3):
        assert 0 < len(touched) < count  # else nothing would be shown
    shares = slices_of(policy, shards).shares(state)
    gathered = slices_of(policy, shards).gathered(shares)
    outside = {key: state.pop(key) for key in ("baseline", "worst")}
    assert_same(gathered, state)
    other = learned(0, 3)
    other.restore(gathered | outside)
    assert_same(other.state(), policy.state())


def test_a_half_added_sum_is_cut_and_gathered_too():
    """Where some parameters have one and others do not."""
    policy = learned(2, 3)
    state = policy.state()
    del state["baseline"], state["worst"]
    for number, parameter in enumerate(policy.network.parameters()):
        if number % 2:
            state[f"sum.{number}"] = np.random.default_rng(number).random(
                tuple(parameter.shape), np.float32
            )
    for shards in (1, 4, 9):
        slices = slices_of(policy, shards)
        assert_same(slices.gathered(slices.shares(state)), state)


def test_gathered_arrays_share_no_memory_with_the_shares():
    """A shard may go on while its state is written."""
    policy = learned(1, 3)
    slices = slices_of(policy, 2)
    shares = [{k: np.array(v) for k, v in s.items()} for s in slices.shares(policy.state())]
    gathered = slices.gathered(shares)
    before = gathered["network.start"].copy()
    for share in shares:
        for value in share.values():
            value[...] = 0
    assert (gathered["network.start"] == before).all()
