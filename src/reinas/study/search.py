"""The loop: propose, evaluate, record, learn."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any, Generic

from reinas.errors import SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.executors.ray import Cluster
from reinas.executors.serial import Serial
from reinas.policies.base import AbstractPolicy
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.spaces.growth import Growth
from reinas.store import Log, Store
from reinas.store.json import plain
from reinas.study.ledger import Ledger, Repeats, check_budget
from reinas.study.servers.settings import Servers
from reinas.types import A, Job, Outcome, Trial


@dataclass(frozen=True)
class Result(Generic[A]):
    """What a search has found: the best trial and its architecture (None if every child failed).

    All trials, failures and diagnostics are in `log`. `stopped` says why the search ended before
    its trials were used up, if it did.
    """

    name: str
    best: Trial | None
    architecture: A | None
    log: Log
    stopped: str | None = None


def search(
    space: AbstractSpace[A],
    policy: AbstractPolicy,
    evaluator: AbstractEvaluator[A],
    *,
    trials: int = 64,
    children: int | None = None,
    seed: int = 0,
    store: Store | str | None = None,
    name: str | None = None,
    executor: AbstractExecutor | None = None,
    servers: Servers | None = None,
    repeats: Repeats = "reuse",
    growth: Growth | None = None,
    stop_after: float | None = None,
    target_reward: float | None = None,
    on_start: Callable[[Log], None] | None = None,
    on_trial: Callable[[Trial], None] | None = None,
) -> Result[A]:
    """Search `space` for `trials` architectures, `children` to a batch (None: the policy's own).

    `store` is a `Store`, a file, or None for memory. Called again with the same name and
    settings it goes on where it was, however it ended: the trials are the same as if it had
    never stopped. More trials than before extend it. With `repeats="reuse"` an architecture
    that was measured already is not measured again: its outcome is taken over and marked.
    With `growth` the networks begin shallow and grow to the space's depth.

    With `servers` (and a `Cluster` as executor) many replicas of the policy sample and learn at
    the same time (section 3.2, figure 3).

    `stop_after` seconds, or at a reward of `target_reward`, the search stops where it is, without
    waiting for the children under way; called again it goes on. `on_start` is called once with
    the search's log, when nothing can be refused any more; `on_trial` with every trial that
    finishes.
    """
    deadline = math.inf if stop_after is None else time.monotonic() + stop_after
    children = policy.batch if children is None else children
    check_budget(trials, children, repeats)
    check_stop(stop_after, target_reward)
    home = store if isinstance(store, Store) else Store(store)
    name = home.free_name(space.name) if name is None else name
    settings = {
        "space": dict(space.settings),
        "policy": dict(policy.settings),
        "evaluator": dict(evaluator.settings),
        "children": children,
        "seed": seed,
        "repeats": repeats,
    }
    if growth is not None:
        growth.check(space)
        settings["growth"] = asdict(growth)
    if servers is not None and servers.settings:
        settings["servers"] = servers.settings
    runner = executor or Serial()
    asynchronous = None
    if servers is not None:
        servers.check(math.ceil(trials / children))
        from reinas.study.servers.actors import Figure3  # torch

        asynchronous = Figure3(policy, runner, servers)
    evaluator.check(space.decode(space.sample(1, derive(seed, "check"))[0]))
    with home.lock(name), closing(runner):
        if isinstance(runner, Cluster):
            runner.connect()  # before there is anything that has begun
        log = home.put(name, plain(settings), trials)
        log.close_attempts(long_ago=True)
        ledger = Ledger(
            space, log, children, seed, repeats, growth, target_reward, on_trial=on_trial
        )
        ledger.reached = next(filter(ledger.good_enough, log.best()), None)
        if on_start is not None:
            on_start(log)
        try:
            if asynchronous is None:
                Loop(ledger, policy, evaluator, runner, deadline).run()
            else:
                asynchronous.run(ledger, log, evaluator, deadline)
        finally:
            log.close_attempts()
    return result(space, log, _stopped(ledger, stop_after))


def result(space: AbstractSpace[A], log: Log, stopped: str | None = None) -> Result[A]:
    """What a search has found so far."""
    best = next(iter(log.best()), None)
    architecture = space.decode(best.answers) if best else None
    return Result(log.name, best, architecture, log, stopped)


def _stopped(ledger: Ledger[Any], seconds: float | None) -> str | None:
    """Why the search ended before its trials were used up; None if it did not."""
    finished = ledger.log.count()[1]
    if finished >= ledger.log.trials:
        return None
    if ledger.reached is not None and ledger.reached.outcome is not None:
        reward = ledger.reached.outcome.value
        return f"trial {ledger.reached.number} has a reward of {reward:.4f}, which was aimed at"
    return f"its {seconds:g} seconds are over"


@dataclass
class Loop(Generic[A]):
    """One search, step by step, in whatever log; `search` sets one up and checks it.

    `until` is when it stops, on the clock of `time.monotonic()`.
    """

    ledger: Ledger[A]
    policy: AbstractPolicy
    evaluator: AbstractEvaluator[A]
    executor: AbstractExecutor
    deadline: float = math.inf

    def run(self) -> None:
        """Batch after batch, from the last one that the policy has learned from."""
        log = self.ledger.log
        batch = 0
        if (snapshot := log.snapshot()) is not None:
            batch = snapshot[0] + 1
            self.policy.restore(snapshot[1])
        while not self._over and (trials := log.batch(batch) or self._propose(batch)):
            self._evaluate(trials)
            trials = log.batch(batch)
            if any(trial.outcome is None for trial in trials):
                break  # stopped in the middle of it
            log.learned(batch, self.policy.update(trials), self.policy.state())
            batch += 1

    @property
    def _over(self) -> bool:
        return self.ledger.reached is not None or time.monotonic() >= self.deadline

    def _propose(self, batch: int) -> list[Trial]:
        """Write down the next batch, whole; none when the budget is used up."""
        slot = self.ledger.slot(batch, self.ledger.log.count()[0])
        if slot is None:
            return []
        answers = self.policy.propose(slot.count, length=slot.length, seed=slot.seed)
        return self.ledger.write(slot, answers)

    def _evaluate(self, trials: Sequence[Trial]) -> None:
        """Finish what is not finished yet; repeats take over their original's outcome last."""
        jobs: list[Job[A]] = []
        for trial in trials:
            if trial.outcome is not None or trial.repeat_of is not None:
                continue
            match self.ledger.job(trial):
                case Outcome() as failed:
                    self._record(trial, failed)
                case job:
                    jobs.append(job)
        by_number = {trial.number: trial for trial in trials}
        on_attempt = self.ledger.log.attempted
        for job, outcome in self.executor.run(
            self.evaluator, jobs, deadline=self.deadline, on_attempt=on_attempt
        ):
            self._record(by_number[job.trial], outcome)
            if self.ledger.reached is not None:
                break
        for trial in trials:
            if trial.outcome is None and trial.repeat_of is not None:
                original = self.ledger.log.trial(trial.repeat_of).outcome
                if original is not None:
                    self._record(trial, original)

    def _record(self, trial: Trial, outcome: Outcome) -> None:
        self.ledger.tell(self.ledger.record(trial, outcome))


def check_stop(seconds: float | None, reward: float | None) -> None:
    """Raise `SettingError` unless these can end a search."""
    if seconds is not None and not 0 < seconds < math.inf:
        raise SettingError(f"stop_after must be above 0 seconds and finite, got {seconds}")
    if reward is not None and not math.isfinite(reward):
        raise SettingError(f"target_reward must be a number, got {reward}")
