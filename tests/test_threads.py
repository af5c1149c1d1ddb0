"""How many cores a process may use."""

import os

import pytest

from reinas import threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds processes to cores")
def test_cores_are_those_that_the_process_is_bound_to():
    """Not all that the machine has."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert threads.cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("share", "most"),
    [("100000 100000", 1), ("50000 100000", 1), ("150000 100000", 2), ("max 100000", 10**6)],
)
def test_a_container_has_its_share(share, most, tmp_path, monkeypatch):
    """Rounded up; without a limit it is all cores."""
    file = tmp_path / "cpu.max"
    file.write_text(share + "\n")
    monkeypatch.setattr(threads, "SHARE", tmp_path / "missing")
    everything = threads.cores()
    monkeypatch.setattr(threads, "SHARE", file)
    assert threads.cores() == min(everything, most)
