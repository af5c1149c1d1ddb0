"""Figure 3 (Zoph & Le 2016, section 3.2): many replicas, each at its own pace.

The driver is the one process that writes the store. Gradients reach the shards in the order in
which it hands them on, which is the order that is written down.
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
from reinas.study.servers.asynchronous import Asynchronous
from reinas.study.servers.base import AbstractServers, Handles, ServerLostError
from reinas.study.servers.batched_writes import WriteBatcher
from reinas.study.study import Study
from reinas.types import A, Answers, Attempt, Outcome, Trial

PAUSE = 0.5  # seconds between two snapshots
PATIENCE = 120.0  # seconds in which lost servers must have come back and something been kept


class _ReachedError(Exception):
    """A trial was good enough: nothing more is needed."""


@dataclass(order=True)
class _Work:
    """A batch that is still to be learned from; with a request it is still to be proposed, too."""

    batch: int
    request: BatchRequest | None = field(default=None, compare=False)


class Driver(Generic[A]):
    """Runs a search with shards and replicas, from the last snapshot on, until `until`.

    Each batch is learned from once. What the last snapshot does not hold is learned from again
    where this process was killed or a shard is lost, in the order of the batches. With one
    replica that is the very same trajectory.
    """

    def __init__(
        self,
        study: Study[A],
        policy: Reinforce,
        group: AbstractServers,
        schedule: Asynchronous,
    ) -> None:
        self._study, self._record, self._group = study, study.record, group
        self._schedule, self._deadline = schedule, study.deadline
        self._initial, self._baseline = policy.state(), policy.baseline
        self._writes = WriteBatcher(self._record)
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
        """Until the budget is used up, the time is over or a reward is good enough."""
        if self._study.reached is not None:
            return
        try:
            await asyncio.wait_for(self._start(), seconds_left(self._deadline))
        except TimeoutError:  # over before the shards were there
            return
        saver = asyncio.create_task(self._saver())
        over = False
        try:
            while not over:
                over = await self._all_replicas(saver)
                await self._save()
                over = over or not self._work
        finally:
            await _cancelled(saver)

    async def _all_replicas(self, saver: "asyncio.Task[None]") -> bool:
        """All replicas until none finds work; whether the search was stopped before."""
        replicas = [asyncio.create_task(self._replica(k)) for k in range(self._schedule.replicas)]
        everyone = asyncio.gather(*replicas)
        both: set[asyncio.Future[Any]] = {everyone, saver}
        try:
            done, _ = await asyncio.wait(
                both, timeout=seconds_left(self._deadline), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            await _cancelled(everyone, *replicas)
            self._writes.flush()
        for task in done:
            if isinstance(error := task.exception(), _ReachedError):
                return True
            if error is not None:
                raise error
        return not done

    # ---- a replica ---------------------------------------------------------------------------

    async def _replica(self, replica: int) -> None:
        """Fetch, sample, have the children trained, send the gradient; and again."""
        while True:
            async with self._recovery:  # what is begun while shards come back is of no use
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
        """What was begun and is not learned from comes first, lowest batch first."""
        if self._work:
            return heapq.heappop(self._work)
        request = self._study.request(self._next, self._first)
        if request is None:
            return None
        self._next += 1
        self._first += request.count
        return _Work(request.batch, request)

    async def _round(self, replica: int, work: _Work) -> tuple[Update, list[Trial], Handles]:
        """A batch's gradient at the parameters that its replica fetched."""
        generation, version = self._generation, self._number // self._schedule.accumulate
        theta = self._group.fetch()
        if work.request is not None:
            answers = await self._group.propose(replica, work.request, theta)
            self._still(generation)
            await self._write(work.request, answers)
            work.request = None
        trials = await self._all_finished(self._record.batch(work.batch))
        diagnostics, slices = await self._group.gradient(replica, trials, self._baseline, theta)
        self._still(generation)
        now = self._number // self._schedule.accumulate
        return Update(self._number, work.batch, replica, version, now, diagnostics), trials, slices

    def _still(self, generation: int) -> None:
        """Raise if the parameters went back meanwhile: others were fetched than there are."""
        if generation != self._generation:
            raise ServerLostError("the parameters went back to the last snapshot")

    async def _write(self, request: BatchRequest, answers: Sequence[Answers]) -> None:
        """Write a batch down when it is its turn: the store has no gaps."""
        async with self._turn:
            await self._turn.wait_for(lambda: self._written == request.batch)
            written = self._writes.write(lambda: self._study.propose(request, answers))
            self._written += 1
            self._turn.notify_all()
        await written

    async def _apply(self, update: Update, trials: Sequence[Trial], slices: Handles) -> None:
        """Hand the gradient on; it counts as learned from once a snapshot holds it."""
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

    async def _all_finished(self, trials: Sequence[Trial]) -> list[Trial]:
        """All of them; when one breaks the search off, the others are given up."""
        tasks = [asyncio.create_task(self._finished(trial)) for trial in trials]
        try:
            return await asyncio.gather(*tasks)
        finally:
            await _cancelled(*tasks)

    async def _finished(self, trial: Trial) -> Trial:
        """The trial with its outcome, which is kept by then."""
        if trial.outcome is not None:
            return trial
        if trial.repeat_of is not None:
            outcome = await self._outcome_of(trial.repeat_of)
        else:
            outcome = self._study.undecodable(trial) or await self._child(trial)
        done = await self._writes.write(lambda: self._study.record_outcome(trial, outcome))
        if (awaited := self._awaited.pop(trial.number, None)) is not None:
            awaited.set_result(outcome)
        self._study.notify(done)
        if self._study.reached is not None:
            raise _ReachedError
        return done

    async def _child(self, trial: Trial) -> Outcome:
        def on_attempt(attempt: Attempt) -> None:
            self._writes.write(lambda: self._record.attempted(attempt))

        def on_report(number: int, step: int, score: float) -> None:
            report = Report(number, step, score, time.time())
            self._writes.write(lambda: self._record.report(report))
            self._study.observer.on_report(number, step, score)

        return await self._group.child(self._study.job(trial), on_attempt, on_report)

    async def _outcome_of(self, number: int) -> Outcome:
        """What another trial came to, once it has; it may be under way in another replica."""
        if (known := self._record.trial(number).outcome) is not None:
            return known
        if number not in self._awaited:
            self._awaited[number] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._awaited[number])

    # ---- snapshots ---------------------------------------------------------------------------

    async def _start(self) -> None:
        """Give the shards what the last snapshot holds, until they have it."""
        last, state = self._record.snapshot() or (-1, self._initial)
        self._number = last + 1
        average, worst = state["baseline"].item(), state["worst"].item()
        self._baseline = replace(self._baseline, average=average, worst=worst)
        while time.monotonic() < self._deadline:
            try:
                await self._group.start(state, self._number)
                return
            except ServerLostError as error:
                self._check_patience(error)
                await asyncio.sleep(PAUSE)

    def _check_patience(self, error: ServerLostError) -> None:
        """Raise if servers are lost again and again."""
        now = time.monotonic()
        self._lost_since = self._lost_since or now
        if now - self._lost_since > PATIENCE:
            raise ExecutorError(
                f"parameter servers were lost again and again for {PATIENCE:.0f} s, and nothing was"
                f" learned ({error}): is there enough memory for them, and reinas on all nodes?"
            ) from error

    async def _saver(self) -> None:
        """Take a snapshot soon after updates, but not after each where they come fast."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._save()
            await asyncio.sleep(PAUSE)

    async def _save(self) -> None:
        """Keep all updates so far, and a snapshot after the last of them."""
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
        """Go back to the last snapshot, once for all who noticed; what it lacks is done again."""
        async with self._recovery:
            if generation != self._generation:
                return
            self._generation += 1  # what was begun before is of no use either
            self._check_patience(error)
            for update in self._unsaved:
                heapq.heappush(self._work, _Work(update.batch))
            self._unsaved.clear()
            await self._start()


async def _cancelled(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel them, and wait until they have ended, however they do."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
