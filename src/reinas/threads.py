"""How many cores there are, and how many of them torch uses."""

import contextlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARE = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use of the processors, as Linux has it: microseconds, and per how many."""


def cores() -> int:
    """How many cores this process may use: those that it is bound to, or its container's share."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        count = os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # no container, or "max"
        quota, period = map(int, SHARE.read_text(encoding="ascii").split())
        count = min(count, math.ceil(quota / period))
    return max(1, count)


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread: children run in parallel instead, and sums keep their order.

    The number of threads is restored after the `with` block.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
