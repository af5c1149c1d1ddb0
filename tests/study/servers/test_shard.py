"""A parameter server: shards do what one optimiser would do, to the last bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reinas.study.servers.shard import Shard
from reinas.study.servers.slices import Slices

SHAPES = {"a": (7, 31), "b": (64,), "c": (), "d": (129,), "e": (3, 100), "f": (1,), "g": (50, 3)}
BLOCKS = 4 + 1 + 1 + 3 + 5 + 1 + 3
RATE = 0.013


def beginning(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(s, generator=generator)) for s in SHAPES.values()]


def gradients(count, seed=0):
    """Of magnitudes from 1e-30 to 1e10; about one in four is none, and "f" never has one."""
    generator = torch.Generator().manual_seed(seed)
    result = []
    for _ in range(count):
        batch = []
        for name, shape in SHAPES.items():
            size = 10.0 ** float(torch.empty(()).uniform_(-30, 10, generator=generator))
            gradient = torch.randn(shape, generator=generator) * size
            absent = name == "f" or torch.rand((), generator=generator) < 0.25
            batch.append(None if absent else gradient)
        result.append(batch)
    return result


def state_of(parameters, adam=None, sums=None):
    """Parameters, moments and sums in the names that a policy's state has."""
    state = {
        f"network.{name}": p.detach().numpy().copy()
        for name, p in zip(SHAPES, parameters, strict=True)
    }
    if adam is not None:
        for index, slots in adam.state_dict()["state"].items():
            for slot, value in slots.items():
                state[f"adam.{index}.{slot}"] = value.numpy().copy()
    for index, total in enumerate(sums or []):
        if total is not None:
            state[f"sum.{index}"] = total.numpy().copy()
    return state


class Whole:
    """The truth: one Adam over all parameters; it is given the sum of every G gradients."""

    def __init__(self, accumulate):
        self.parameters = beginning()
        self.adam = torch.optim.Adam(self.parameters, RATE, fused=True)
        self.accumulate, self.given = accumulate, []

    def add(self, batch):
        self.given.append(batch)
        if len(self.given) == self.accumulate:
            for parameter, total in zip(self.parameters, self.sums(), strict=True):
                parameter.grad = total
            self.adam.step()
            self.given = []

    def sums(self):
        totals = [None] * len(SHAPES)
        for batch in self.given:
            for index, gradient in enumerate(batch):
                if gradient is not None:
                    before = totals[index]
                    totals[index] = gradient.clone() if before is None else before + gradient
        return totals

    def state(self):
        return state_of(self.parameters, self.adam, self.sums())


class Sharded:
    """The same, in shards."""

    def __init__(self, shards, accumulate):
        self.slices = Slices(SHAPES, shards)
        self.shards = [Shard(RATE, accumulate) for _ in range(shards)]
        self.load(state_of(beginning()), 0)

    def load(self, state, number):
        self.number = number
        for shard, share in zip(self.shards, self.slices.shares(state), strict=True):
            shard.load(share, number)

    def add(self, batch):
        for shard, part in zip(self.shards, self.slices.cut(batch), strict=True):
            shard.add(self.number, part)
        self.number += 1

    def state(self):
        return self.slices.gathered([shard.state(self.number) for shard in self.shards])

    def parameters(self):
        return self.slices.whole([shard.fetch() for shard in self.shards])


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert (value.dtype, value.shape) == (other[key].dtype, other[key].shape), key
        assert value.tobytes() == other[key].tobytes(), key


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 5, 7, 11, BLOCKS])
def test_shards_step_as_one_optimiser_to_the_last_bit(shards):
    """Parameters, moments and step counts, after each of 60 gradients of any magnitude or none."""
    whole, sharded = Whole(1), Sharded(shards, 1)
    for batch in gradients(60):
        whole.add(batch)
        sharded.add(batch)
        assert_same(sharded.state(), whole.state())
    assert "adam.5.step" not in whole.state()
    assert whole.state()["adam.0.step"].item() > 10


@pytest.mark.parametrize("shards", [1, 3, BLOCKS])
@pytest.mark.parametrize("accumulate", [2, 3, 10])
def test_a_shard_steps_once_enough_gradients_have_been_added_up(shards, accumulate):
    """As Adam would on their sum; in between nothing moves."""
    whole, sharded = Whole(accumulate), Sharded(shards, accumulate)
    moved = []
    for number, batch in enumerate(gradients(31, seed=1), 1):
        before = {name: p.clone() for name, p in sharded.parameters().items()}
        whole.add(batch)
        sharded.add(batch)
        assert_same(sharded.state(), whole.state())
        if any(not torch.equal(before[k], p) for k, p in sharded.parameters().items()):
            moved.append(number)
    assert moved == [n for n in range(1, 32) if n % accumulate == 0]


@settings(deadline=None, max_examples=40)
@given(
    shards=st.integers(1, BLOCKS),
    others=st.integers(1, BLOCKS),
    accumulate=st.integers(1, 4),
    before=st.integers(0, 9),
    after=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_a_restored_shard_goes_on_as_if_nothing_had_been(
    shards, others, accumulate, before, after, seed
):
    """In the middle of a sum too, and into another number of shards."""
    whole, sharded = Whole(accumulate), Sharded(shards, accumulate)
    batches = gradients(before + after, seed)
    for batch in batches[:before]:
        whole.add(batch)
        sharded.add(batch)
    fresh = Sharded(others, accumulate)
    fresh.load(sharded.state(), before)
    assert_same(fresh.state(), whole.state())
    for batch in batches[before:]:
        whole.add(batch)
        fresh.add(batch)
    assert_same(fresh.state(), whole.state())


def test_loading_forgets_what_was_before():
    """A shard that had learned begins anew where it is told to."""
    sharded, whole = Sharded(3, 2), Whole(2)
    for batch in gradients(5, seed=3):
        sharded.add(batch)
    sharded.load(state_of(beginning()), 0)
    for batch in gradients(5, seed=4):
        sharded.add(batch)
        whole.add(batch)
    assert_same(sharded.state(), whole.state())


def test_what_a_shard_hands_out_is_not_its_own():
    """Whoever changes it, or was given it before a step, changes nothing and sees no change."""
    sharded = Sharded(2, 1)
    held, state = sharded.parameters(), sharded.state()
    copies = {name: p.clone() for name, p in held.items()}
    for batch in gradients(3):
        sharded.add(batch)
    assert all(torch.equal(held[name], copies[name]) for name in held)
    after = sharded.state()
    assert any((after[key] != value).any() for key, value in state.items())
    for shard in sharded.shards:
        for piece in shard.fetch():
            piece.zero_()
        for value in shard.state(3).values():
            value[...] = 0
    assert_same(sharded.state(), after)


def test_a_gradient_is_left_as_it_came():
    """What is sent to a shard may be sent again."""
    shard = Shard(RATE, 2)
    shard.load({"0.theta": np.ones(70, np.float32)}, 0)
    gradient = torch.full((70,), 0.5)
    for number in range(4):
        shard.add(number, [gradient])
    assert torch.equal(gradient, torch.full((70,), 0.5))


@pytest.mark.parametrize("number", [-1, 0, 2, 3])
def test_a_number_that_is_not_next_is_refused(number):
    """One gradient has come, so only the second is welcome; nothing moves by any other."""
    sharded = Sharded(2, 1)
    first, second = gradients(2)
    sharded.add(first)
    before = sharded.state()
    for shard, part in zip(sharded.shards, sharded.slices.cut(second), strict=True):
        with pytest.raises(ValueError, match="1 gradients have come"):
            shard.add(number, part)
        with pytest.raises(ValueError, match="1 gradients have come"):
            shard.state(number)
    assert_same(sharded.state(), before)


@pytest.mark.parametrize("number", [0, 1])
def test_an_empty_shard_knows_nothing(number):
    """It refuses to hand out, to add and to tell: that is how it is noticed."""
    shard = Shard(RATE, 1)
    with pytest.raises(ValueError, match="no parameters yet"):
        shard.fetch()
    with pytest.raises(ValueError, match="gradients have come"):
        shard.add(number, [])
    with pytest.raises(ValueError, match="gradients have come"):
        shard.state(number)
