"""Optimisers of other projects as policies: `--policies bayes,benchmarks.outside:smac`.

Each runs in an environment of its own, which is made at the first time (see benchmarks/samplers),
and is driven by ask and tell. `python -m benchmarks.outside` compares them with `bayes` and writes
docs/results/outside.md; finished runs are stored, so it continues if it was killed.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import IO, Any

from filelock import FileLock

from benchmarks.compare_page import markdown, regret_tables
from benchmarks.versus_rivals import ROOT, environment, rival_of
from reinas import Store
from reinas.compare.comparison import Comparison
from reinas.compare.page import TextTable
from reinas.compare.summary import own_milliseconds
from reinas.errors import ReinasError
from reinas.policies.base import AbstractPolicy, State
from reinas.policies.history import History
from reinas.questions.result import RunContext, compare
from reinas.questions.tuning import Benchmark, policy_spec, published_benchmark
from reinas.spaces.base import AbstractSpace
from reinas.spaces.counting import canonical
from reinas.threads import cores
from reinas.types import Answers, Decision, Trial

SAMPLERS = Path(__file__).resolve().parent / "samplers"
CACHE = Path("~/.cache/reinas-samplers").expanduser()
PAGE = Path("docs/results/outside.md")
NAMES = ("smac", "hebo", "syne_cqr", "neps")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
EVALUATIONS, AT = 100, (25, 50, 75, 100)
TABLES = (
    ("nasbench201", "cifar10"),
    ("nasbench201", "cifar100"),
    ("nasbench201", "imagenet"),
    ("nasbenchgraph", "arxiv"),
)


class Outside(AbstractPolicy):
    """A policy whose proposals come from a script in `benchmarks/samplers`.

    The script's process begins at the first proposal, with that proposal's seed; so the same seeds
    give the same run, but a run that was interrupted begins anew.

    Args:
        space: The space to search; its decisions become categorical parameters, or integers where
            the choices are ascending numbers.
        name: The script's name.
    """

    batch_size = 1

    def __init__(self, space: AbstractSpace[Any], name: str) -> None:
        self._space, self._name = space, name
        self._history = History()
        self._process: subprocess.Popen[str] | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name."""
        return {"name": f"{__name__}:{self._name}"}

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """One proposal of the other optimiser, which has been told all earlier rewards."""
        if count != 1 or length != len(self._space.decisions):
            raise ValueError(
                "optimisers of other projects propose one whole architecture at a time"
            )
        if self._process is None:
            self._process = self._started(seed)
        self._say({"ask": True})
        answer = _pipe(self._process.stdout).readline()
        if not answer:
            raise ReinasError(f"{self._name} ended with status {self._process.wait()}")
        return [canonical(self._space.decisions, tuple(json.loads(answer)))]

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Tell the reward; the diagnostic is the same."""
        values = self._history.add(trials)
        for value in values:
            self._say({"tell": value})
        return {"reward": mean(values)}

    def state(self) -> State:
        """The history."""
        return self._history.state()

    def restore(self, state: State) -> None:
        """Refuse: the other optimiser's state is not ours to keep.

        Raises:
            ReinasError: The state has trials.
        """
        self._history.restore(state)
        if len(self._history):
            raise ReinasError(f"a run of {self._name} cannot be continued: begin it anew")

    def _started(self, seed: int) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [_python(self._name), "-m", f"benchmarks.samplers.{self._name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=os.environ
            | {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")},
        )
        self._process = process
        decisions = [_described(decision) for decision in self._space.decisions]
        begun = {"decisions": decisions, "seed": seed % 2**31, "evaluations": EVALUATIONS}
        self._say(begun)
        return process

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None
        pipe = _pipe(self._process.stdin)
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _described(decision: Decision) -> dict[str, Any]:
    numbers = [c for c in decision.choices if isinstance(c, int | float)]
    ordered = len(numbers) == decision.num_options > 2 and numbers == sorted(numbers)
    return {"name": decision.name, "options": decision.num_options, "ordered": ordered}


@lru_cache
def _python(name: str) -> str:
    """The Python of the sampler's environment, made by one process while others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / f"{name}.lock"):
        return environment(rival_of(str(SAMPLERS / f"{name}.py")), CACHE)


def smac(space: AbstractSpace[Any]) -> Outside:
    """SMAC."""
    return Outside(space, "smac")


def hebo(space: AbstractSpace[Any]) -> Outside:
    """HEBO."""
    return Outside(space, "hebo")


def syne_cqr(space: AbstractSpace[Any]) -> Outside:
    """Syne Tune's CQR."""
    return Outside(space, "syne_cqr")


def neps(space: AbstractSpace[Any]) -> Outside:
    """NePS."""
    return Outside(space, "neps")


def settings_table(names: Sequence[str]) -> TextTable:
    """How each of them is set."""
    rivals = [rival_of(str(SAMPLERS / f"{name}.py")) for name in names]
    body = [[r.name, " ".join(r.requirements), r.setting] for r in rivals]
    return TextTable("How they are set", ["policy", "packages", "setting"], body)


def times_table(comparisons: Sequence[Comparison]) -> TextTable:
    """Milliseconds per proposal, the pipe included."""
    labels = [spec.label for spec in comparisons[0].policies]
    body = [
        [c.problem.name, *(f"{own_milliseconds(c, label):.0f}" for label in labels)]
        for c in comparisons
    ]
    title = f"Own time per evaluation, in milliseconds, up to {EVALUATIONS}"
    return TextTable(title, ["table", *labels], body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--policies", default=",".join(NAMES))
    parser.add_argument("--tables", type=int, default=len(TABLES), help="only the first so many")
    parser.add_argument("--store", default="outside.db", help="where the runs are kept")
    args = parser.parse_args()
    chosen = args.policies.split(",")
    for name in chosen:
        _python(name)

    def say(done: int, total: int) -> None:
        print(f"\r{done} of {total}", end="", flush=True)

    context = RunContext(Store(args.store), args.workers, say)
    specs = [
        policy_spec("random"),
        *(policy_spec(f"{__spec__.name}:{name}", name) for name in chosen),
        *(policy_spec(name) for name in ("optuna-gp", "tpe", "bayes")),
    ]
    numbers = range(args.seeds)
    comparisons = [
        compare(
            *(context, benchmark.name, [benchmark.table(seed) for seed in numbers], specs),
            *(numbers, EVALUATIONS, AT),
        )
        for benchmark in _benchmarks(args.tables)
    ]
    text = [
        "# Optimisers of other projects, by ask and tell",
        "",
        f"Made by `python -m benchmarks.outside --seeds {args.seeds} --policies {args.policies}"
        f" --tables {args.tables}` ({cores()} cores):"
        f" {EVALUATIONS} evaluations, one at a time (`bayes`: batches of five), means over"
        f" {args.seeds} seeds with 95 % intervals (Student's t). None was tuned on these tables,"
        " `bayes` was developed on the first three. AutoSampler of OptunaHub takes Optuna's TPE"
        " where parameters are categorical, as they are here. HEBO takes some four seconds per"
        " proposal.",
        "",
        *(markdown(table) for table in regret_tables("", comparisons)),
        markdown(times_table(comparisons)),
        markdown(settings_table(chosen)),
    ]
    PAGE.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


def _benchmarks(count: int) -> list[Benchmark]:
    return [published_benchmark(name, data) for name, data in TABLES[:count]]


if __name__ == "__main__":
    main()
