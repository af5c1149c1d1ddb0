"""`python -m benchmarks.campaign --minutes N --seed S`."""

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field

from benchmarks.campaign import kills, media, services
from benchmarks.campaign.case import SkippedError, ViolatedError, case
from reinas.seeds import derive

KINDS = {**kills.ALL, **media.ALL, **services.ALL}


@dataclass
class Tally:
    """What came of one kind of disturbance."""

    tried: int = 0
    held: int = 0
    kills: int = 0
    seconds: float = 0.0
    skipped: str = ""
    failures: list[str] = field(default_factory=list)


def attempt(kind: str, seed: int, tally: Tally) -> str:
    """Disturb one search, and say what came of it."""
    begun = time.monotonic()
    with case(seed) as made:
        try:
            remark = KINDS[kind](made)
        except SkippedError as error:
            tally.skipped = str(error)
            return f"skipped: {error}"
        except ViolatedError as error:
            tally.failures.append(f"--only '{kind}' --case {seed}: {error}")
            remark = f"VIOLATED: {error}"
        except Exception as error:
            tally.failures.append(f"--only '{kind}' --case {seed}: {error!r}")
            remark = f"FAILED: {error!r}"
        else:
            tally.held += 1
        tally.tried += 1
        tally.kills += made.kills
        tally.seconds += time.monotonic() - begun
    return remark


def campaign(minutes: float, seed: int, only: list[str] | None) -> dict[str, Tally]:
    """Go round all kinds until the time is over; each is tried at least once."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    deadline = time.monotonic() + 60 * minutes
    round_ = 0
    while round_ == 0 or time.monotonic() < deadline:
        for kind in only or KINDS:
            if round_ and (time.monotonic() >= deadline or tallies[kind].skipped):
                continue
            number = derive(seed, kind, round_)
            remark = attempt(kind, number, tallies[kind])
            print(f"{kind}, case {number}: {remark or 'held'}", file=sys.stderr, flush=True)
        round_ += 1
    return tallies


def table(tallies: dict[str, Tally]) -> str:
    """What was tried and what held, in Markdown."""
    rows = [
        "| disturbed | tried | held | kills | seconds each |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for kind, tally in tallies.items():
        if tally.skipped:
            rows.append(f"| {kind} | skipped: {tally.skipped} | | | |")
            continue
        each = tally.seconds / max(1, tally.tried)
        rows.append(f"| {kind} | {tally.tried} | {tally.held} | {tally.kills} | {each:.1f} |")
    tried, held, killed = (
        sum(getattr(t, key) for t in tallies.values()) for key in ("tried", "held", "kills")
    )
    return "\n".join([*rows, f"| all | {tried} | {held} | {killed} | |"])


def main() -> int:
    """Run the campaign or one case of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.campaign", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="decides the cases (default: 0)")
    parser.add_argument(
        "--only", action="append", choices=list(KINDS), help="this kind; repeatable"
    )
    parser.add_argument("--case", type=int, help="one case of --only again, by its seed")
    options = parser.parse_args()
    try:
        if options.case is not None:
            tally = Tally()
            print(attempt(options.only[0], options.case, tally) or "held")
            return len(tally.failures)
        tallies = campaign(options.minutes, options.seed, options.only)
    finally:
        services.stop()
    print(table(tallies))
    failures = [text for tally in tallies.values() for text in tally.failures]
    print(f"{len(failures)} violations" + "".join(f"\n- {text}" for text in failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
