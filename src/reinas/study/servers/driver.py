"""The driver of an asynchronous search (Zoph & Le 2016, section 3.2, figure 3).

It runs all replicas concurrently, passes their gradients on to the shards, and is the only process
that writes the store. The shards add gradients in the order that the store has.
"""

import asyncio
import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic

import numpy as np

from reinas.errors import ExecutorError
from reinas.executors.base import seconds_left
from reinas.policies.reinforce import Reinforce
from reinas.store.values import Report, Update
from reinas.study.batches import BatchRequest
from reinas.study.rungs import Rungs, before
from reinas.study.servers.asynchronous import Asynchronous
from reinas.study.servers.base import AbstractServers, Handles, ServerLostError
from reinas.study.servers.batched_writes import WriteBatcher
from reinas.study.servers.rungs import ConcurrentRungs, all_of, cancelled
from reinas.study.setup import unknown_state
from reinas.study.study import Study
from reinas.types import A, Answers, Attempt, Job, Outcome, Trial

PAUSE = 0.5  # seconds between two snapshots
PATIENCE = 120.0  # seconds of lost servers, without a snapshot, after which a search fails


class _ReachedError(Exception):
    """A trial has reached the reward at which the search ends."""


@dataclass(order=True)
class _Work:
    """A batch that is not learned from yet; with a `request` it is not even proposed."""

    batch: int
    request: BatchRequest | None = field(default=None, compare=False)


class Driver(Generic[A]):
    """Runs a search with shards and replicas, from the last snapshot to the end of the budget.

    Each batch is learned from once. After this process was killed or a shard lost, the shards go
    back to the last snapshot, and the batches that it does not include are learned from again, in
    ascending order. With one replica, the results are the same as without the loss.

    Args:
        study: The study.
        policy: Its policy, for the initial state and the baseline.
        group: The shards, replicas and children.
        schedule: The numbers of replicas and of gradients per step.
        rungs: The decisions of early stopping. None: every child is trained whole.
    """

    def __init__(
        self,
        study: Study[A],
        policy: Reinforce,
        group: AbstractServers,
        schedule: Asynchronous,
        rungs: Rungs[A] | None = None,
    ) -> None:
        self._study, self._record, self._group = study, study.record, group
        self._schedule, self._deadline = schedule, study.deadline
        self._initial, self._baseline = policy.state(), policy.baseline
        self._writes = WriteBatcher(self._record)
        self._rungs = (
            None if rungs is None else ConcurrentRungs(rungs, self._writes, self._child, self._tell)
        )
        self._work = [_Work(batch) for batch in self._record.open_batches()]
        self._first, self._next = self._record.count()[0], self._record.batches()
        self._written = self._next
        self._awaited: dict[int, asyncio.Future[Outcome]] = {}
        self._unsaved: list[Update] = []
        self._generation = 0
        self._lost_since: float | None = None
        self._turn, self._changed = asyncio.Condition(), asyncio.Event()
        self._recovery, self._saving = asyncio.Lock(), asyncio.Lock()

    async def run(self) -> None:
        """Run until the budget is spent: its trials, its time, or the reward that ends the search.

        Raises:
            ExecutorError: Servers were lost again and again, and nothing was learned.
        """
        if self._study.reached is not None:
            return
        try:
            await asyncio.wait_for(self._start(), seconds_left(self._deadline))
        except TimeoutError:  # the deadline came before the shards were ready
            return
        saver = asyncio.create_task(self._saver())
        over = False
        try:
            while not over:
                over = await self._all_replicas(saver)
                await self._save()
                over = over or not self._work
        finally:
            await cancelled(saver)

    async def _all_replicas(self, saver: "asyncio.Task[None]") -> bool:
        """Run all replicas until no work is left; True if the search ended before that."""
        replicas = [asyncio.create_task(self._replica(k)) for k in range(self._schedule.replicas)]
        everyone = asyncio.gather(*replicas)
        both: set[asyncio.Future[Any]] = {everyone, saver}
        try:
            done, _ = await asyncio.wait(
                both, timeout=seconds_left(self._deadline), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            await cancelled(everyone, *replicas)
            self._writes.flush()
        for task in done:
            if isinstance(error := task.exception(), _ReachedError):
                return True
            if error is not None:
                raise error
        return not done

    # ---- a replica ---------------------------------------------------------------------------

    async def _replica(self, replica: int) -> None:
        """Repeat: fetch parameters, sample, have the children trained, send the gradient."""
        while True:
            async with self._recovery:  # wait here while the shards are restored
                generation, work = self._generation, self._take()
            if work is None:
                return
            try:
                update, trials, slices = await self._round(replica, work)
            except ServerLostError as error:
                heapq.heappush(self._work, work)
                await self._recover(generation, error)
            else:
                await self._apply(update, trials, slices)

    def _take(self) -> _Work | None:
        """The next work: the lowest unfinished batch, else a new one; None at the end."""
        if self._work:
            return heapq.heappop(self._work)
        request = self._study.request(self._next, self._first)
        if request is None:
            return None
        self._next += 1
        self._first += request.count
        return _Work(request.batch, request)

    async def _round(self, replica: int, work: _Work) -> tuple[Update, list[Trial], Handles]:
        """Have a batch proposed, unless it was, and evaluated; its gradient, not yet applied."""
        generation, version = self._generation, self._number // self._schedule.accumulate
        theta = self._group.fetch()
        if work.request is not None:
            answers = await self._group.propose(replica, work.request, theta)
            self._still(generation)
            await self._write(work.request, answers)
            work.request = None
        trials = await self._all_finished(work.batch)
        diagnostics, slices = await self._group.gradient(replica, trials, self._baseline, theta)
        self._still(generation)
        now = self._number // self._schedule.accumulate
        return Update(self._number, work.batch, replica, version, now, diagnostics), trials, slices

    def _still(self, generation: int) -> None:
        """Raise if the shards were restored since: the fetched parameters are no longer valid."""
        if generation != self._generation:
            raise ServerLostError("the parameters went back to the last snapshot")

    async def _write(self, request: BatchRequest, answers: Sequence[Answers]) -> None:
        """Write a batch to the store, after all lower ones, so that numbers have no gaps."""
        async with self._turn:
            await self._turn.wait_for(lambda: self._written == request.batch)
            written = self._writes.write(lambda: self._study.propose(request, answers))
            self._written += 1
            self._turn.notify_all()
        await written

    async def _apply(self, update: Update, trials: Sequence[Trial], slices: Handles) -> None:
        """Send a gradient to the shards; its batch counts as learned from at the next snapshot."""
        generation = self._generation
        self._number += 1
        self._unsaved.append(update)
        self._baseline = self._baseline.advantages(trials).next
        self._schedule.applied(update.staleness)
        try:
            await self._group.add(update.number, slices)
        except ServerLostError as error:
            await self._recover(generation, error)
        else:
            self._changed.set()

    # ---- children ----------------------------------------------------------------------------

    async def _all_finished(self, batch: int) -> list[Trial]:
        """Evaluate all trials of a batch; if one raises, cancel the others."""
        trials = [trial for trial in self._record.batch(batch) if trial.outcome is None]
        if self._rungs is None:
            await all_of([self._finish(trial) for trial in trials])
        else:
            own = [t for t in trials if t.repeat_of is None and not self._study.undecodable(t)]
            others = [self._finish(trial) for trial in trials if trial not in own]
            await all_of([self._rungs.run(own), *others])
        return self._record.batch(batch)

    async def _finish(self, trial: Trial) -> None:
        """Find out a trial's outcome, evaluated whole if need be, and write it."""
        if trial.repeat_of is not None:
            outcome = await self._outcome_of(trial.repeat_of)
        else:
            outcome = self._study.undecodable(trial) or await self._child(self._study.job(trial))
        await self._tell(trial, outcome)

    async def _tell(self, trial: Trial, outcome: Outcome) -> None:
        """Write a trial's outcome; those who wait for it, and the observer, learn of it then."""
        done = await self._writes.write(lambda: self._study.record_outcome(trial, outcome))
        if (awaited := self._awaited.pop(trial.number, None)) is not None:
            awaited.set_result(outcome)
        self._study.notify(done)
        if self._study.reached is not None:
            raise _ReachedError

    async def _child(self, job: Job[A]) -> Outcome:
        def on_attempt(attempt: Attempt) -> None:
            self._writes.write(lambda: self._record.attempted(attempt))

        def on_report(number: int, step: int, score: float) -> None:
            report = Report(number, step, score, time.time())
            self._writes.write(lambda: self._record.report(report))
            self._study.observer.on_report(number, step, score)

        passed_on = on_report if job.until is None else before(job.until, on_report)
        return await self._group.child(job, on_attempt, passed_on)

    async def _outcome_of(self, number: int) -> Outcome:
        """Wait for the outcome of another trial, which may be running in another replica."""
        if (known := self._record.trial(number).outcome) is not None:
            return known
        if number not in self._awaited:
            self._awaited[number] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._awaited[number])

    # ---- snapshots ---------------------------------------------------------------------------

    async def _start(self) -> None:
        """Load the last snapshot into the shards; try again while servers are lost."""
        last, state = self._record.snapshot() or (-1, self._initial)
        self._number = last + 1
        try:
            average, worst = state["baseline"].item(), state["worst"].item()
        except KeyError as error:
            raise unknown_state(self._study.name, self._study.policy, error) from error
        self._baseline = replace(self._baseline, average=average, worst=worst)
        while time.monotonic() < self._deadline:
            try:
                await self._group.start(state, self._number)
                return
            except ServerLostError as error:
                self._check_patience(error)
                await asyncio.sleep(PAUSE)

    def _check_patience(self, error: ServerLostError) -> None:
        """Raise if servers have been lost for too long without a snapshot in between."""
        now = time.monotonic()
        self._lost_since = self._lost_since or now
        if now - self._lost_since > PATIENCE:
            raise ExecutorError(
                f"parameter servers were lost again and again for {PATIENCE:.0f} s, and nothing was"
                f" learned ({error}): is there enough memory for them, and reinas on all nodes?"
            ) from error

    async def _saver(self) -> None:
        """Save a snapshot after each update, but at most one per `PAUSE`."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._save()
            await asyncio.sleep(PAUSE)

    async def _save(self) -> None:
        """Write all unsaved updates and the snapshot after the last of them, in one transaction."""
        async with self._saving:
            await self._save_alone()

    async def _save_alone(self) -> None:
        generation, updates, baseline = self._generation, list(self._unsaved), self._baseline
        if not updates:
            return
        try:
            state = await self._group.state(self._number)
        except ServerLostError as error:
            await self._recover(generation, error)
            return
        state |= {"baseline": np.array(baseline.average), "worst": np.array(baseline.worst)}

        def write() -> None:
            if generation == self._generation:
                self._record.applied(updates, state)
                del self._unsaved[: len(updates)]
                self._lost_since = None

        await self._writes.write(write)

    async def _recover(self, generation: int, error: ServerLostError) -> None:
        """Go back to the last snapshot, once per loss, however many replicas report it.

        The batches that the snapshot does not include become work again.
        """
        async with self._recovery:
            if generation != self._generation:
                return
            self._generation += 1  # invalidates all rounds that began before
            self._check_patience(error)
            for update in self._unsaved:
                heapq.heappush(self._work, _Work(update.batch))
            self._unsaved.clear()
            await self._start()
