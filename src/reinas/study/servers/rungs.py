"""Early stopping in an asynchronous search: the children of several batches train at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic

from reinas.study.rungs import Rungs, Tell, Train
from reinas.study.servers.batched_writes import WriteBatcher
from reinas.types import A, Job, Outcome, Trial


class ConcurrentRungs(Generic[A]):
    """Evaluates batches rung by rung, each for a replica of its own.

    A decision compares with what all batches have come to by then, those under way among them. So
    with several replicas it depends on their pace, as everything does there; with one it is that
    of the synchronous search.

    Args:
        rungs: The study's decisions.
        writes: Writes the record.
        child: Trains a child up to the step of its job.
        tell: Writes a trial's outcome, and waits until it is kept.
    """

    def __init__(
        self,
        rungs: Rungs[A],
        writes: WriteBatcher,
        child: Callable[[Job[A]], Awaitable[Outcome]],
        tell: Callable[[Trial[A], Outcome], Awaitable[Any]],
    ) -> None:
        self._rungs, self._writes, self._child, self._tell = rungs, writes, child, tell

    async def run(self, trials: Sequence[Trial[A]]) -> None:
        """Evaluate the open trials of a batch that have to be evaluated.

        Args:
            trials: In the order proposed.
        """
        for what in self._rungs.course(trials) if trials else ():
            match what:
                case Train(children, step):
                    await all_of([self._train(trial, step) for trial in children])
                case Tell(trial, outcome):
                    await self._end(trial, outcome)

    async def _train(self, trial: Trial[A], step: int) -> None:
        """Train a child up to a rung; one that comes to its end has its outcome then."""
        outcome = await self._child(self._rungs.job(trial, step))
        if self._rungs.is_paused(trial.number, step, outcome):
            await self._writes.write(lambda: self._rungs.paused(trial.number, outcome))
        else:
            await self._end(trial, outcome)

    async def _end(self, trial: Trial[A], outcome: Outcome) -> None:
        await self._tell(trial, self._rungs.ended(trial.number, outcome))
        self._rungs.told(trial.number)


async def all_of(calls: "Sequence[Coroutine[Any, Any, Any]]") -> None:
    """Wait for all of them; if one raises, cancel the others."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        await asyncio.gather(*tasks)
    finally:
        await cancelled(*tasks)


async def cancelled(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel the tasks and wait until all have ended, ignoring their errors."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
