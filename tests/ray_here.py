"""One real local Ray for all tests of a session, and ways to kill what belongs to it."""

import os
import random
import signal
import threading
from pathlib import Path

import pytest

from reinas.executors.connection import connect


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
    """Within the block kills one process at random, of those called so, every few seconds."""

    def __init__(self, seed, *words, every=2.0):
        self._rng = random.Random(seed)
        self._words, self._every = words, every
        self._over = threading.Event()
        self.killed = []

    def __enter__(self):
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def _work(self):
        while not self._over.wait(self._every * self._rng.uniform(0.5, 1.5)):
            word = self._rng.choice(self._words)
            if found := processes(word):
                os.kill(self._rng.choice(found), signal.SIGKILL)
                self.killed.append(word)

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
