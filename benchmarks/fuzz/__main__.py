"""`python -m benchmarks.fuzz --minutes N --seed S`."""

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fuzz.kinds import READERS
from benchmarks.fuzz.readers import AbstractReader
from reinas.errors import ReinasError
from reinas.seeds import derive
from reinas.system import GIB, limit_memory

ROOM = 4 * GIB
"""Bytes beyond which allocations fail, so that a file cannot ask for all memory unseen."""


@dataclass
class Tally:
    """What came of the odd files of one kind."""

    tried: int = 0
    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)


class Fuzzer:
    """Makes odd files of one kind and has them read.

    Args:
        kind: The kind.
        folder: Where good files are kept.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.tally = kind, Tally()
        self._reader: AbstractReader = READERS[kind](folder / kind)
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            self._reader.read(self._reader.good(Path(place)))  # imports what it needs
            begun = time.monotonic()
            self._reader.read(self._reader.good(Path(place)))
        self.limit = 1.0 + 3 * (time.monotonic() - begun)

    def case(self, seed: int) -> str:
        """Read one odd file; gives what is wrong with the reader, if anything is."""
        with tempfile.TemporaryDirectory() as place:
            given = self._reader.change(random.Random(seed), Path(place))
            begun = time.monotonic()
            wrong = self._outcome(given)
        took = time.monotonic() - begun
        self.tally.tried += 1
        self.tally.slowest = max(self.tally.slowest, took)
        if not wrong and took > self.limit:
            wrong = f"took {took:.1f} s, the good file {(self.limit - 1) / 3:.2f} s"
        if wrong:
            self.tally.failures.append(f"--only {self.kind} --case {seed}: {wrong}")
        return wrong

    def _outcome(self, given: object) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                self._reader.read(given)
            except ReinasError as error:
                self.tally.refused += 1
                return "" if str(error).strip() else "a sentence without words"
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                frames = traceback.extract_tb(error.__traceback__)
                own = [f for f in frames if "reinas" in Path(f.filename).parts] or frames
                where = f"{Path(own[-1].filename).name}, line {own[-1].lineno}"
                return f"{type(error).__name__}: {str(error)[:200]!r} in {where}"
        self.tally.read += 1
        return ""


def main() -> int:
    """Fuzz all kinds in turn, or one case again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="decides the files (default: 0)")
    parser.add_argument("--only", action="append", choices=READERS, help="this kind; repeatable")
    parser.add_argument("--case", type=int, help="one case of --only again, by its seed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fuzzers = [Fuzzer(kind, Path(folder)) for kind in options.only or READERS]
        limit_memory(ROOM, hard=False)
        if options.case is not None:
            wrong = fuzzers[0].case(options.case)
            print(wrong or "held")
            return int(bool(wrong))
        deadline, number = time.monotonic() + 60 * options.minutes, 0
        while time.monotonic() < deadline:
            for fuzzer in fuzzers:
                seed = derive(options.seed, fuzzer.kind, number)
                if wrong := fuzzer.case(seed):
                    print(f"{fuzzer.kind}, case {seed}: {wrong}", file=sys.stderr, flush=True)
            number += 1
    return _summary(fuzzers)


def _summary(fuzzers: list[Fuzzer]) -> int:
    print("| files | tried | read | refused | slowest |\n| --- | ---: | ---: | ---: | ---: |")
    for fuzzer in fuzzers:
        tally = fuzzer.tally
        counts = f"{tally.tried:,} | {tally.read:,} | {tally.refused:,}"
        print(f"| {fuzzer.kind} | {counts} | {tally.slowest:.2f} s |")
    failures = [text for fuzzer in fuzzers for text in fuzzer.tally.failures]
    print(f"{len(failures)} failures" + "".join(f"\n- {text}" for text in failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
