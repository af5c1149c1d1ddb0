"""Writes of many coroutines: whole transactions, in order, and none after one that failed."""

import asyncio

import pytest

from reinas.errors import StoreError
from reinas.store import MemoryStore
from reinas.study.servers.batched_writes import WriteBatcher


@pytest.fixture
def record():
    store = MemoryStore()
    return store.put("s", {}, 3)


def test_writes_run_in_the_order_in_which_they_came(record):
    """And each gives its own result."""
    done = []

    async def run():
        writes = WriteBatcher(record)
        futures = [writes.write(lambda n=n: done.append(n) or n) for n in range(5)]
        return await asyncio.gather(*futures)

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]
    assert done == [0, 1, 2, 3, 4]


def test_after_a_write_that_failed_none_is_done(record):
    """A later transaction would leave a gap, even where the disk has room again by then."""
    done = []

    def full():
        raise StoreError("the disk is full")

    async def run():
        writes = WriteBatcher(record)
        first = writes.write(full)
        writes.flush()
        second = writes.write(lambda: done.append("later"))
        return await asyncio.gather(first, second, return_exceptions=True)

    found = asyncio.run(run())
    assert [str(error) for error in found] == ["the disk is full"] * 2
    assert done == []
