"""`python -m benchmarks.versus`: `reinas fit` against what a user would pick instead.

Same data, same minutes, same two cores, several seeds, one run after the other. Every finished run
is a line of docs/results/versus.jsonl, so that a command that was stopped goes on; then it writes
docs/results/versus.md from all lines.
"""

import argparse
import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks import versus_data
from benchmarks.versus_data import About, MissingDataError, prepared
from benchmarks.versus_page import Record, page
from benchmarks.versus_rivals import FIT, Ending, Rival, names, rival_of, run

CORES = 2
SLACK, GRACE = 1.25, 60.0
"""A run is killed after SLACK x its minutes and GRACE seconds."""
CACHE = "~/.cache/reinas-versus"


def machine(cores: int) -> str:
    """What the runs are made on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        model = next((x.partition(":")[2].strip() for x in lines if "model name" in x), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cores} core{'s' if cores > 1 else ''} of {model}, {memory:.0f} GiB, {platform.system()}"
    )


@contextmanager
def bound(cores: int) -> Iterator[int]:
    """Bind this process, and all that it starts, to so many cores; gives how many there are."""
    before = os.sched_getaffinity(0)
    allowed = sorted(before)[:cores]
    os.sched_setaffinity(0, allowed)
    try:
        yield len(allowed)
    finally:
        os.sched_setaffinity(0, before)


def key(record: Record) -> tuple[str, str, float, int]:
    """What makes a run: data, rival, minutes, seed."""
    return record["data"], record["rival"], float(record["minutes"]), int(record["seed"])


def read(path: Path) -> dict[tuple[str, str, float, int], Record]:
    """The latest line of every run; a last line that was cut off is no line."""
    found: dict[tuple[str, str, float, int], Record] = {}
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        found[key(record)] = record
    return found


def append(path: Path, record: Record) -> None:
    """Add a line, on the disk before the next run begins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    old = path.read_bytes() if path.exists() else b""
    with path.open("a", encoding="utf-8") as file:
        if old and not old.endswith(b"\n"):
            file.write("\n")  # after a line that was cut off
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def due(record: Record | None, retry: bool) -> bool:
    """Whether a run is still to be made: rivals that were not installed are tried every time."""
    if record is None or record["status"] == "not installed":
        return True
    return retry and record["status"] != "finished"


def measure(
    args: argparse.Namespace, sets: Sequence[About], rivals: Sequence[Rival], cores: int
) -> None:
    """Make all runs that are due, rivals side by side for each seed."""
    here = machine(cores)
    lost: dict[str, Ending] = {}
    for about in sets:
        for seed in range(args.seeds):
            for rival in rivals:
                if about.kind not in rival.kinds:
                    continue
                run_key = (about.name, rival.name, float(args.minutes), seed)
                if not due(read(args.out).get(run_key), args.retry):
                    continue
                ending = lost.get(rival.name) or run(
                    rival,
                    about,
                    args.minutes,
                    seed,
                    threads=cores,
                    limit=SLACK * 60 * args.minutes + args.grace,
                    cache=args.cache,
                )
                if ending.status == "not installed":
                    lost[rival.name] = ending
                record = dict(zip(("data", "rival", "minutes", "seed"), run_key, strict=True))
                record |= asdict(ending) | {"metric": about.metric, "about": about.text}
                append(args.out, record | {"machine": here})
                what = ending.note if ending.test is None else f"{about.metric} {ending.test:.4f}"
                print(
                    f"{about.name}, {rival.name}, seed {seed}: {ending.status}, {what},"
                    f" {ending.seconds:.0f} s",
                    flush=True,
                )


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versus", description=__doc__)
    parser.add_argument(
        "--data",
        default=",".join(versus_data.NAMES),
        help="data sets, separated by commas, or .npz files of your own; all if not given",
    )
    parser.add_argument(
        "--rivals",
        default=",".join(names()),
        help="rivals, separated by commas, or scripts of your own; fit is always one of them",
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=CORES)
    parser.add_argument(
        "--grace",
        type=float,
        default=GRACE,
        help=f"seconds beyond {SLACK} x the minutes after which a run is killed",
    )
    parser.add_argument("--retry", action="store_true", help="runs that failed are made again")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(CACHE))
    parser.add_argument("--out", type=Path, default=Path("docs/results/versus.jsonl"))
    parser.add_argument("--page", type=Path, help="the file beside --out if not given")
    args = parser.parse_args(arguments)
    args.cache = args.cache.expanduser()
    args.page = args.page or args.out.with_suffix(".md")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    args = parsed(arguments)
    wanted = [name for name in args.rivals.split(",") if name and name != FIT]
    try:
        rivals = [rival_of(name) for name in (FIT, *wanted)]
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    sets = []
    for name in args.data.split(","):
        try:
            sets.append(prepared(name, args.cache, args.shared))
        except MissingDataError as error:
            print(f"{name} is left out: {error}", flush=True)
    with bound(args.cores) as cores:
        measure(args, sets, rivals, cores)
    records = list(read(args.out).values())
    if not records:
        raise SystemExit("no run was made")
    known = {record["rival"] for record in records}
    described = [rival_of(name) for name in (FIT, *names()) if name in known]
    own = [rival for rival in rivals if rival.name in known and rival not in described]
    args.page.write_text(page(records, described + own), encoding="utf-8")
    print(f"wrote {args.page}")


if __name__ == "__main__":
    main()
