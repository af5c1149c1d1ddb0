"""A store with 100,000 trials: whether anything slows down or grows.

`python -m benchmarks.long_run` prints the figures as JSON. Rewards are looked up, so that the
time is the project's own. A tenth of the evaluations fails.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import reinas
from reinas.evaluators.function import FunctionEvaluator
from reinas.seeds import derive

SPACE = reinas.MlpSpace(depth=6, widths=(4, 8, 16, 32), activations=("relu", "tanh", "sigmoid"))
BATCH = 16


def reward(architecture: Any, job: Any) -> float:
    """A number that depends on the architecture; one in ten fails."""
    number = derive(0, str(architecture))
    if number % 10 == 0:
        raise RuntimeError("one in ten")
    return number / 2**63


class Pace(reinas.Observer):
    """Seconds of each thousand trials, and the memory after it."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.rows: list[tuple[int, float, float]] = []
        self._count = 0

    def on_trial(self, trial: Any) -> None:
        """Count; after a thousand, note."""
        self._count += 1
        if self._count % 1000 == 0:
            now = time.monotonic()
            self.rows.append((self._count, now - self.begun, _memory()))
            self.begun = now


def _memory() -> float:
    """MiB of this process at the moment."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def _run(path: str, trials: int, policy: str) -> Pace:
    pace = Pace()
    made = {
        "random": lambda: reinas.RandomSearch(SPACE),
        "zoph-le": lambda: reinas.zoph_le(SPACE, seed=0),
        "evolution": lambda: reinas.Evolution(SPACE, population=64, sample=16),
    }[policy]()
    reinas.search(
        SPACE,
        made,
        FunctionEvaluator(reward),
        budget=reinas.Budget(trials),
        batch_size=BATCH,
        store=path,
        name="long",
        observer=pace,
    )
    return pace


def _command(*arguments: str) -> float:
    """Seconds of a command, with its start."""
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "reinas.cli", *arguments], check=True, capture_output=True
    )
    return time.monotonic() - begun


def _page(path: str) -> dict[str, float]:
    """Seconds until the page's document of the study is there, at first and once more."""
    from starlette.testclient import TestClient

    from reinas.web.app import make_app

    took = {}
    with TestClient(make_app(path), base_url="http://127.0.0.1:8765") as client:
        for what in ("first", "again"):
            begun = time.monotonic()
            answer = client.get("/api/study?name=long")
            assert answer.status_code == 200, answer.text[:200]
            took[what] = time.monotonic() - begun
    return took


def main() -> None:
    """Fill a store, then look at it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_run", description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--policy", choices=("random", "zoph-le", "evolution"), default="random")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s.db")
        pace = _run(path, options.trials, options.policy)
        tenth = max(1, len(pace.rows) // 10)
        first, last = pace.rows[1 : tenth + 1] or pace.rows, pace.rows[-tenth:]
        begun = time.monotonic()
        _run(path, options.trials + BATCH, options.policy)
        figures = {
            "trials": options.trials,
            "policy": options.policy,
            "first tenth, trials a second": 1000 * len(first) / sum(row[1] for row in first),
            "last tenth, trials a second": 1000 * len(last) / sum(row[1] for row in last),
            "memory after the first tenth, MiB": first[-1][2],
            "memory at the end, MiB": last[-1][2],
            "resumed and extended by a batch, s": time.monotonic() - begun,
            "the page's study, first, s": _page(path)["first"],
            "the page's study, again, s": _page(path)["again"],
            "reinas list, s": _command("list", "--store", path),
            "reinas show, s": _command("show", "long", "--store", path),
            "reinas store check, s": _command("store", "check", "--store", path),
            "file, MiB": os.path.getsize(path) / (1 << 20),
        }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
