"""One real local Ray for all tests of a session, and ways to kill what belongs to it."""

import os
import random
import signal
from pathlib import Path

import pytest

from reinas.executors.ray_connection import connect


@pytest.fixture(scope="session")
def ray_here():
    """Two CPUs; started when first wanted, ended with the session."""
    import ray

    connect("local", 2)
    yield ray
    ray.shutdown()


def processes(word):
    """The processes of Ray, of this machine, that are called `ray::<word>...` at the moment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = path.read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        if title.startswith(f"ray::{word}"):
            found.append(int(path.parent.name))
    return found


class Killer:
    """Told of every finished trial: after every few of them it kills one process called so.

    It counts trials and not seconds, so that the search comes on however slow the machine is.
    """

    def __init__(self, seed, *words, every=6):
        self._rng = random.Random(seed)
        self._words, self._every = words, every
        self._told = 0
        self.killed = []

    def __call__(self, trial):
        self._told += 1
        if self._told % self._every:
            return
        word = self._rng.choice(self._words)
        if found := processes(word):
            os.kill(self._rng.choice(found), signal.SIGKILL)
            self.killed.append(word)
