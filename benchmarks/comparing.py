"""The cost of comparisons on tables, and of the policies themselves."""

import os
import time
from tempfile import TemporaryDirectory

from benchmarks.speed import say
from reinas import Store
from reinas.compare.comparison import run_all, run_specs
from reinas.compare.runs import RunSpec, run, table_of
from reinas.questions.tuning import policy_spec

CELLS = {"name": "nasbench201", "data": "cifar10"}


def comparisons() -> None:
    """Three policies with 100 seeds on all cores; then single runs of the LSTM and of bayes."""
    rivals = [policy_spec(name) for name in ("random", "evolution", "local")]
    work = run_specs([table_of(CELLS)] * 100, rivals, range(100), 200)
    with TemporaryDirectory() as folder:
        begun = time.perf_counter()
        run_all(work, Store(f"{folder}/runs.db"), os.cpu_count() or 1)
        seconds = time.perf_counter() - begun
    how = "random, evolution, local: 100 seeds x 200 evaluations, NAS-Bench-201"
    say("comparison of three", f"{seconds:.1f} s", how, "< 60 s")
    begun = time.perf_counter()
    run(RunSpec(CELLS, None, "mean", policy_spec("zoph-le").settings, None, 2000, True, 0))
    seconds = time.perf_counter() - begun
    say("zoph-le, 2,000 evaluations", f"{seconds:.2f} s", "NAS-Bench-201, one seed", "< 20 s")
    large = {"name": "landscape", "decisions": 500, "options": 2}
    for name, where, count in (("6 decisions", CELLS, 500), ("500 decisions", large, 500)):
        done = run(
            RunSpec(where, None, "mean", policy_spec("bayes").settings, None, count, True, 0)
        )
        own = 1000 * done.own_seconds / count
        say(f"bayes itself, {name}", f"{own:.1f} ms", f"per evaluation, up to {count}", "< 50 ms")


ALL = {"comparisons": comparisons}
