"""Many processes that write to one store: what is lost, and what is there twice.

`python -m benchmarks.writers --writers 16 --seconds 60` uses a file and, where it is installed, a
PostgreSQL server of its own. Half of the writers have a study each, the others share one.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.campaign.postgresql import Server, programs
from reinas import Outcome, Store
from reinas.errors import StoreError
from reinas.store import checking
from reinas.store.values import Proposal

SETTINGS = {"space": {"name": "none"}, "seed": 0}
APART = 10**6
"""Between the first trials of two writers that share a study."""


def write(store: str, name: str, first: int, seconds: float) -> None:
    """Propose, record and learn, trial after trial; prints how many came to their end."""
    record = Store(store).put(name, SETTINGS, 10**9)
    deadline, number = time.monotonic() + seconds, first
    while time.monotonic() < deadline:
        assert record.propose(number, [Proposal(number, (number,), (number,), "net", None)])
        record.record(number, Outcome(number / 7))
        record.learned(number, {"x": 1.0}, {})
        number += 1
    print(number - first)


def figures(store: str, writers: int, seconds: float) -> dict[str, Any]:
    """Let all write at once, then look at what is there."""
    given = [
        ("shared", number * APART) if number % 2 else (f"own{number}", 0)
        for number in range(writers)
    ]
    command = [sys.executable, "-m", "benchmarks.writers"]
    command += ["--seconds", str(seconds), "--write", store]
    running = [
        subprocess.Popen([*command, name, str(first)], stdout=subprocess.PIPE, text=True)
        for name, first in given
    ]
    written = [int(process.communicate()[0]) for process in running]
    opened = Store(store)
    kept: dict[str, list[int]] = {}
    for name in {name for name, _ in given}:
        trials = opened.get(name).finished()
        assert all(trial.reward == trial.number / 7 for trial in trials)
        kept[name] = [trial.number for trial in trials]
    lost = sum(
        len(set(range(first, first + count)) - set(kept[name]))
        for (name, first), count in zip(given, written, strict=True)
    )
    twice = sum(len(numbers) - len(set(numbers)) for numbers in kept.values())
    damage = [text for text in checking.problems(opened) if "lacks trial" not in text]
    opened.close()
    return {
        "trials": sum(written),
        "a second": round(sum(written) / seconds, 1),
        "fewest of a writer": min(written),
        "lost": lost,
        "twice": twice,
        "damaged": len(damage),
    }


def main() -> None:
    """Measure a file and a server."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writers", description=__doc__)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        store, name, first = options.write
        try:
            write(store, name, int(first), options.seconds)
        except StoreError as error:
            sys.exit(str(error))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "s.db")
        found["file"] = figures(place, options.writers, options.seconds)
    if programs() is not None:
        server = Server()
        try:
            found["server"] = figures(server.address("w"), options.writers, options.seconds)
        finally:
            server.stop()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
