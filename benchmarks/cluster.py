"""`python -m benchmarks.cluster`: real clusters and the driver alone, on this machine.

Does the simulation foretell what a real Ray does? How many finished trials a second can the
driver take? Figures are in docs/scale.md.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.simulation import CELLS, Plan, simulate
from benchmarks.speed import say
from reinas import AbstractEvaluator, Asynchronous, Budget, Cluster, Job, Outcome, search
from reinas.compare.runs import policy_of, table_of
from reinas.evaluators.tabular import TabularEvaluator
from reinas.executors.base import OnAttempt, OnReport
from reinas.policies.base import State
from reinas.policies.baseline import Baseline
from reinas.policies.reinforce import Reinforce
from reinas.store import Store
from reinas.study.batches import BatchRequest
from reinas.study.servers.base import AbstractServers, Handles
from reinas.study.servers.driver import Driver
from reinas.study.study import Study
from reinas.types import Answers, Attempt, Trial

WORKERS = 8  # sleeping ones: two cores are enough for them
MEAN = 1828.0  # seconds of a child in the table
CHILD = 0.5  # seconds of one here
SPLITS = {"synchronous": None, "figure3, K 2, m 4": 2, "figure3, K 4, m 2": 4}


@dataclass(frozen=True)
class Sleeping(AbstractEvaluator[Any]):
    """Looks an architecture up, and takes its time in proportion to the table's seconds."""

    inner: TabularEvaluator
    pace: float

    @property
    def settings(self) -> dict[str, Any]:
        """The table's."""
        return {**self.inner.settings, "pace": self.pace}

    def __call__(self, job: Job[Any]) -> Outcome:
        """The table's outcome, later."""
        outcome = self.inner(job)
        time.sleep(outcome.seconds * self.pace)
        return replace(outcome, seconds=outcome.seconds * self.pace)


def real(replicas: int | None, trials: int, pace: float) -> tuple[float, float]:
    """Seconds from the first child's begin to the last one's end, and the utilisation."""
    table = table_of(CELLS)
    policy = policy_of({"name": "zoph-le", "learning_rate": 0.006}, table.space, 0)
    found = search(
        table.space,
        policy,
        Sleeping(TabularEvaluator(table), pace),
        budget=Budget(trials),
        batch_size=WORKERS // (replicas or 1),
        executor=Cluster(workers=WORKERS),
        schedule=None if replicas is None else Asynchronous(replicas, 2),
        reuse=False,
    )
    attempts = found.record.attempts()
    seconds = max(e.ended for e in attempts if e.ended) - min(e.begun for e in attempts)
    busy = sum(t.outcome.seconds for t in found.record.finished() if t.outcome)
    return seconds, busy / (WORKERS * seconds)


def simulated_against_real() -> None:
    """The same searches, simulated and on Ray."""
    trials, pace = 240, CHILD / MEAN
    for name, replicas in SPLITS.items():
        plan = Plan(
            "synchronous" if replicas is None else "figure3",
            WORKERS,
            WORKERS // (replicas or 1),
            0.006,
            0,
            trials=trials,
            pace=pace,
        )
        foretold = simulate(plan)
        seconds, share = real(replicas, trials, pace)
        say(
            f"Ray / simulated, {name}",
            f"{seconds / foretold.times[-1]:.2f}",
            f"{seconds:.1f} s and {foretold.times[-1]:.1f} s, {100 * share:.0f} % and"
            f" {100 * foretold.utilisation:.0f} % of the workers' time used",
            "1",
        )


class Elsewhere(AbstractServers):
    """Shards, replicas and children on other machines, which answer at once: the driver alone."""

    def __init__(self, policy: Reinforce, pool: Sequence[Answers]) -> None:
        self._state, self._pool = policy.state(), pool
        self._said = {"reward": 0.5, "baseline": 0.5, "loss": 0.0, "entropy": 1.0}

    async def start(self, state: State, number: int) -> None:
        pass

    def fetch(self) -> Handles:
        return []

    async def propose(self, replica: int, request: BatchRequest, theta: Handles) -> list[Answers]:
        return [
            self._pool[n % len(self._pool)]
            for n in range(request.first, request.first + request.count)
        ]

    async def gradient(
        self, replica: int, trials: Sequence[Trial], baseline: Baseline, theta: Handles
    ) -> tuple[dict[str, float], Handles]:
        return self._said, []

    async def add(self, number: int, slices: Handles) -> None:
        pass

    async def state(self, number: int) -> State:
        return dict(self._state)

    async def child(self, job: Job[Any], on_attempt: OnAttempt, on_report: OnReport) -> Outcome:
        on_attempt(Attempt(job.trial, "elsewhere:1", time.time()))
        await asyncio.sleep(0)
        return Outcome(0.5, 1.0, {"loss": 0.3, "accuracy": 0.9, "parameters": 51_506.0})

    def close(self) -> None:
        pass


def driver_alone() -> None:
    """100 replicas of 8 children whose outcomes come at once, into a file."""
    table, trials = table_of(CELLS), 8000
    policy = policy_of({"name": "zoph-le"}, table.space, 0)
    assert isinstance(policy, Reinforce)
    servers = Asynchronous(replicas=100)
    for reuse in (False, True):
        with TemporaryDirectory() as folder:
            study = Study(
                table.space,
                policy,
                store=Store(Path(folder) / "s.db"),
                batch_size=8,
                budget=Budget(trials),
                reuse=reuse,
            )
            pool = table.space.sample(trials, 0)
            driver = Driver(study, policy, Elsewhere(policy, pool), servers)
            begun = time.perf_counter()
            asyncio.run(driver.run())
            seconds = time.perf_counter() - begun
            assert study.record.count() == (trials, trials)
        what = f"{trials:,} trials, K 100, m 8, reuse {reuse}, SQLite file"
        say("driver alone", f"{trials / seconds:,.0f} trials/s", what, ">= 1,000")


def all_of_it() -> None:
    """Children that take no time, on a real Ray on this machine: what a trial costs here."""
    table, trials = table_of(CELLS), 2000
    for name, servers in (("synchronous, m 100", None), ("K 4, m 25", Asynchronous(4, 2))):
        policy = policy_of({"name": "zoph-le", "learning_rate": 0.006}, table.space, 0)
        children = 100 if servers is None else 25
        found = search(
            table.space,
            policy,
            TabularEvaluator(table),
            budget=Budget(trials),
            batch_size=children,
            executor=Cluster(),
            schedule=servers,
            reuse=False,
        )
        attempts = found.record.attempts()
        seconds = max(e.ended for e in attempts if e.ended) - min(e.begun for e in attempts)
        say(f"Ray, {name}", f"{trials / seconds:,.0f} trials/s", "children that take no time", "-")


def servers_alone() -> None:
    """What one replica and one shard can do by themselves."""
    from reinas.study.servers.actors import slices_of
    from reinas.study.servers.replica import Replica
    from reinas.study.servers.shard import Shard

    table = table_of(CELLS)
    policy = policy_of({"name": "zoph-le"}, table.space, 0)
    assert isinstance(policy, Reinforce)
    slices = slices_of(policy, 1)
    shard, replica = Shard(0.0006, 1), Replica(policy, slices)
    shard.load(slices.shares(policy.state())[0], 0)
    theta, slot = shard.fetch(), BatchRequest(0, 0, 8, len(table.space.decisions), 1)
    trials = [Trial(n, 0, a, Outcome(float(n))) for n, a in enumerate(replica.propose(slot, theta))]
    _, gradient = replica.gradient(trials, policy.baseline, theta)
    calls = {
        "sample 8": lambda _: replica.propose(slot, theta),
        "gradient of 8": lambda _: replica.gradient(trials, policy.baseline, theta),
        "fetch": lambda _: shard.fetch(),
        "step": lambda number: shard.add(number, gradient),
    }
    size = sum(len(piece) for piece in theta)
    for name, call in calls.items():
        begun = time.perf_counter()
        for number in range(300):
            call(number)
        each = (time.perf_counter() - begun) / 300
        say(name, f"{1000 * each:.2f} ms", f"{size:,} parameters, one shard", "-")


def main() -> None:
    torch.set_num_threads(1)
    np.seterr(all="raise", under="ignore")
    for measure in (servers_alone, driver_alone, all_of_it, simulated_against_real):
        measure()


if __name__ == "__main__":
    main()
