"""What it does that a repeated proposal takes over its first reward, where rewards are noisy.

    python -m benchmarks.repeats

runs the policy gradient on noisy landscapes with and without `reuse`, and writes
docs/results/repeats.md. A few minutes on two cores.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.versus_page import Estimate, estimate
from reinas.compare.runs import Run, RunSpec, run

Floats = NDArray[np.float64]
POLICIES: Sequence[Mapping[str, Any]] = (
    {"name": "independent", "learning_rate": 0.3},
    {"name": "zoph-le", "learning_rate": 0.01},
)
DEVIATIONS = (0.0, 0.05, 0.2)
BATCH, LAST = 8, 100
LANDSCAPE = {"name": "landscape", "decisions": 6, "options": 5, "interactions": 2}


def specification(
    policy: Mapping[str, Any], deviation: float, evaluations: int, seed: int, *, reuse: bool
) -> RunSpec:
    """A run on a landscape of its own, which is the same with and without reuse."""
    table = {**LANDSCAPE, "deviation": deviation, "seed": seed}
    noise = "seeds" if deviation else "mean"
    return RunSpec(table, None, noise, policy, BATCH, evaluations, reuse, seed)


def taken(found: Run) -> float:
    """The true mean of the architecture that a user would take: that of the highest reward."""
    return float(found.means[int(np.argmax(found.rewards))])


def believed(found: Run) -> float:
    """By how much its reward is above its true mean."""
    return float(found.rewards.max()) - taken(found)


def learned(found: Run) -> float:
    """The true mean of what the policy proposes at the end."""
    return float(found.means[-LAST:].mean())


def evaluated(found: Run) -> float:
    """The share of the trials that were evaluated, with reuse: different architectures."""
    return len(np.unique(found.places)) / len(found.places)


def difference(reused: Sequence[Run], anew: Sequence[Run], measure: Any) -> Estimate:
    """With reuse minus without, paired by seed."""
    return estimate([measure(a) - measure(b) for a, b in zip(reused, anew, strict=True)])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repeats", description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("docs/results/repeats.md"))
    args = parser.parse_args(arguments)
    rows = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for policy in POLICIES:
            for deviation in DEVIATIONS:
                reused, anew = (
                    list(
                        pool.map(
                            run,
                            [
                                specification(policy, deviation, args.evaluations, s, reuse=reuse)
                                for s in range(args.seeds)
                            ],
                        )
                    )
                    for reuse in (True, False)
                )
                cells = [
                    f"{np.mean([evaluated(r) for r in reused]):.0%}",
                    f"{np.mean([believed(r) for r in reused]):.3f}",
                    f"{np.mean([believed(r) for r in anew]):.3f}",
                    *(shown(difference(reused, anew, m)) for m in (taken, learned)),
                ]
                rows.append(f"| {policy['name']} | {deviation:g} | {' | '.join(cells)} |")
                print(rows[-1], flush=True)
    args.out.write_text(page(rows, args.seeds, args.evaluations), encoding="utf-8")
    print(f"wrote {args.out}")


def shown(found: Estimate) -> str:
    """A difference with its interval, to three digits."""
    return f"{found.mean:+.3f} [{found.mean - found.half:+.3f}, {found.mean + found.half:+.3f}]"


def page(rows: Sequence[str], seeds: int, evaluations: int) -> str:
    """The page as Markdown."""
    return "\n".join(
        [
            "# Repeats under noise",
            "",
            f"Written by `python -m benchmarks.repeats` ({seeds} seeds, {os.cpu_count()} cores).",
            "",
            "A search evaluates an architecture once; where it is proposed again, the trial takes"
            " over the first reward (`reuse`, the default). Under noise a lucky reward is then paid"
            f" out at every repeat. Landscapes of {LANDSCAPE['decisions']} decisions with"
            f" {LANDSCAPE['options']} options and {LANDSCAPE['interactions']} interactions (another"
            f" one for each seed), {evaluations:,} trials in batches of {BATCH}; the noise is"
            " normal, and rewards are about 0.3 to 0.8. *Evaluated* is the share of trials that"
            " cost anything with reuse: without it all of them do. *Too high by* is how much the"
            " highest reward is above the true mean of its architecture. The last two columns are"
            " true means with reuse minus without, paired by seed, with 95 % intervals (Student's"
            " t): of the architecture of the highest reward, and of the last"
            f" {LAST} proposals.",
            "",
            "| policy | noise | evaluated | too high by, reuse | too high by, anew | taken:"
            " difference | learned: difference |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
