"""Evaluation on a Ray cluster of many machines, or of this one."""

import asyncio
import contextlib
import importlib.util
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from reinas.errors import SettingError, reason
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import (
    AbstractExecutor,
    OnAttempt,
    OnReport,
    Status,
    seconds_left,
)
from reinas.executors.event_loop import EventLoopThread
from reinas.executors.portable import portable
from reinas.executors.ray_connection import LOCAL, check_address, connect
from reinas.executors.ray_task import evaluated
from reinas.system import GIB
from reinas.threads import cores
from reinas.types import Attempt, Job, Outcome

UNKNOWN = "unknown:?"
LOOK = 5.0  # seconds between two looks at the cluster's nodes

_Score = tuple[int, int, float]
"""A trial, a step and a score."""
_News = Attempt | tuple[Job[Any], Outcome] | _Score | Exception


class Cluster(AbstractExecutor):
    """Evaluates children on a Ray cluster, each as one Ray task.

    Every node needs reinas, and the modules of your own spaces and evaluators.

    Args:
        address: "local" starts a cluster on this machine, "auto" joins the one that runs on it,
            HOST:PORT joins the one at that address.
        workers: Number of children that a local cluster evaluates at a time. None: as many as
            the cores allow.
        cpus: CPUs that each child reserves.
        gpus: GPUs that each child reserves; it sees no others, so that `cuda` is its own.
        memory_limit: GiB that each child reserves, and beyond which its allocations fail. None: no
            limit.
        time_limit: Seconds after which a child is killed. None: no limit.
        retries: How often a child is run again after its worker or node was lost.

    Raises:
        SettingError: Ray is not installed, or a parameter is out of range.
    """

    def __init__(
        self,
        address: str = LOCAL,
        *,
        workers: int | None = None,
        cpus: float = 1.0,
        gpus: float = 0.0,
        memory_limit: float | None = None,
        time_limit: float | None = None,
        retries: int = 3,
    ) -> None:
        if importlib.util.find_spec("ray") is None:
            raise SettingError('the executor ray needs Ray: pip install "reinas[ray]"')
        check_address(address)
        if workers is not None and address != LOCAL:
            raise SettingError(
                "workers is for a local cluster; at an address, the cluster's nodes decide it"
            )
        if workers is not None and workers < 1:
            raise SettingError(f"workers must be at least 1 on a cluster, got {workers}")
        for key, value, least in (
            ("cpus", cpus, 0.001),
            ("gpus", gpus, 0),
            ("retries", retries, 0),
        ):
            if not least <= value < math.inf:
                raise SettingError(f"{key} must be at least {least} and finite, got {value}")
        for key, limit in (("time", time_limit), ("memory", memory_limit)):
            if limit is not None and not 0 < limit < math.inf:
                raise SettingError(f"the {key} limit must be above 0 and finite, got {limit}")
        self.address = address
        self._status = Status()
        self._looked = -math.inf
        self._cores = cores() if workers is None else workers * cpus
        self._time_limit, self._retries = time_limit, retries
        self._memory = None if memory_limit is None else int(memory_limit * GIB)
        self._needs = {"CPU": cpus, "GPU": gpus, "memory": float(self._memory or 0)}
        self._mine = False
        self._put: tuple[AbstractEvaluator[Any], Any] | None = None

    # ---- the cluster -------------------------------------------------------------------------

    def open(self) -> None:
        """Start or join the cluster, unless this process is connected already.

        Raises:
            SettingError: No node has the resources that a child needs.
            ExecutorError: The cluster cannot be reached, or refuses the connection.
        """
        import ray

        if self._status.nodes and ray.is_initialized():
            return
        self._mine |= connect(self.address, self._cores)
        nodes = self._look()
        if self._status.places == 0:
            largest = {key: max(node.get(key, 0) for node in nodes) for key in self._needs}
            raise SettingError(
                f"a child asks for {_words(self._needs)}, and no node of the cluster has that: the"
                f" most on one node are {_words(largest)}"
            )

    def _look(self) -> list[dict[str, float]]:
        """Update the number of nodes and places; the resources of each node."""
        import ray

        self._looked = time.monotonic()
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        places = sum(
            min(int(node.get(key, 0) / need) for key, need in self._needs.items() if need)
            for node in nodes
        )
        self._status = replace(self._status, nodes=len(nodes), places=places)
        return nodes

    def status(self) -> Status:
        """The children under evaluation, the places, the machines, and the workers lost."""
        return self._status

    def _count_busy(self, change: int) -> None:
        self._status = replace(self._status, busy=self._status.busy + change)

    def close(self) -> None:
        """Leave the cluster; a local one is shut down with all its processes."""
        self._put = None
        self._status = Status(lost=self._status.lost)
        if self._mine:
            import ray

            ray.shutdown()
            self._mine = False

    def share(self, evaluate: AbstractEvaluator[Any]) -> Any:
        """Put the evaluator and its data into Ray's object store: once, not once per child.

        Args:
            evaluate: The evaluator.

        Returns:
            A Ray reference to it.

        Raises:
            SettingError: The evaluator cannot be pickled.
        """
        import ray

        if self._put is None or self._put[0] is not evaluate:
            try:
                self._put = evaluate, ray.put(portable([evaluate.portable()])[0])
            except TypeError as error:  # Ray's own message fills a page
                cause = reason(error.__cause__ or error)
                raise SettingError(
                    f"the evaluator cannot be sent to other machines ({cause}): leave out of it"
                    " what cannot be pickled, such as locks and open files"
                ) from error
        return self._put[1]

    # ---- children ----------------------------------------------------------------------------

    def run(
        self,
        evaluate: AbstractEvaluator[Any],
        jobs: Sequence[Job[Any]],
        *,
        deadline: float = math.inf,
        on_attempt: OnAttempt | None = None,
        on_report: OnReport | None = None,
    ) -> Iterator[tuple[Job[Any], Outcome]]:
        """Evaluate every job once.

        Yields:
            Each job with its outcome, in the order in which they finish.

        Raises:
            SettingError: No node has the resources that a child needs.
            ExecutorError: The cluster cannot be reached, or refuses the connection.
        """
        if not jobs:
            return
        self.open()
        shared = self.share(evaluate)
        news: asyncio.Queue[_News] = asyncio.Queue()

        async def one(job: Job[Any]) -> None:
            try:
                score = partial(_put_score, news)
                news.put_nowait((job, await self.child(shared, job, news.put_nowait, score)))
            except Exception as error:  # not the child's fault: raised by the loop below
                news.put_nowait(error)

        async def start() -> list[asyncio.Task[None]]:
            return [asyncio.create_task(one(job)) for job in jobs]

        async def latest() -> list[_News]:
            came = [await asyncio.wait_for(news.get(), seconds_left(deadline))]
            while not news.empty():
                came.append(news.get_nowait())
            return came

        # callbacks run on this thread only, because they write the store
        with EventLoopThread() as coroutines, contextlib.suppress(TimeoutError):
            _started = coroutines.run(start())
            missing = len(jobs)
            while missing:
                for event in coroutines.run(latest()):
                    match event:
                        case Exception():
                            raise event
                        case Attempt():
                            if on_attempt is not None:
                                on_attempt(event)
                        case (int(trial), step, score):
                            if on_report is not None:
                                on_report(trial, step, score)
                        case (job, outcome):
                            missing -= 1
                            yield job, outcome

    async def child(
        self, shared: Any, job: Job[Any], on_attempt: OnAttempt, on_report: OnReport
    ) -> Outcome:
        """Evaluate one child, again if its worker is lost, at most `retries` times.

        Args:
            shared: The reference that `share` returned.
            job: The architecture to evaluate, with its trial number and seed.
            on_attempt: Called when an attempt begins, and when its worker is lost.
            on_report: Called with the (trial, step, score) that the child reports.

        Returns:
            The outcome; a failure if the last worker was lost too.
        """
        for _ in range(self._retries + 1):
            result = await self._attempt(shared, job, on_attempt, on_report)
            if isinstance(result, Outcome):
                return result
            self._status = replace(self._status, lost=self._status.lost + 1)
        times = f"{self._retries + 1} times" if self._retries else "once"
        return Outcome(None, error=f"lost {times}, and given up: {result}")

    async def _attempt(
        self, shared: Any, job: Job[Any], on_attempt: OnAttempt, on_report: OnReport
    ) -> Outcome | str:
        """Run the child once: its outcome, or how its worker was lost."""
        stream = self._task().remote(shared, job, self._time_limit, self._memory)
        try:
            return await self._follow(stream, job, on_attempt, on_report)
        except asyncio.CancelledError:
            self._give_up(stream)
            raise

    async def _follow(
        self, stream: Any, job: Job[Any], on_attempt: OnAttempt, on_report: OnReport
    ) -> Outcome | str:
        import ray

        try:
            worker, begun = await (await anext(stream))
        except ray.exceptions.RayTaskError as error:  # a module that the child needs is missing
            return Outcome(None, error=reason(error.cause))
        except ray.exceptions.RayError as error:  # the worker died before it sent its name
            on_attempt(Attempt(job.trial, UNKNOWN, time.time()))
            on_attempt(Attempt(job.trial, UNKNOWN, time.time(), _loss(error)))
            return _loss(error)
        taken, start = Attempt(job.trial, worker, begun), time.monotonic()
        self._count_busy(1)
        on_attempt(taken)
        try:
            while True:
                news: Outcome | tuple[int, float] = await (await anext(stream))
                if isinstance(news, Outcome):
                    return news
                on_report(job.trial, *news)
        except ray.exceptions.RayError as error:
            limit = self._time_limit
            if limit is not None and time.monotonic() - start >= 0.9 * limit:
                return Outcome(None, limit, error=f"took longer than the limit of {limit:g} s")
            on_attempt(replace(taken, lost=_loss(error)))
            return _loss(error)
        finally:
            self._count_busy(-1)
            if time.monotonic() - self._looked > LOOK:
                self._look()

    def _give_up(self, stream: Any) -> None:
        """End a child whose outcome is not needed; a local cluster ends as a whole instead."""
        import ray

        if not self._mine:
            ray.cancel(stream, force=True)

    def _task(self) -> Any:
        import ray

        return ray.remote(evaluated).options(
            name="child",
            num_cpus=self._needs["CPU"],
            num_gpus=self._needs["GPU"],
            memory=self._memory,
            num_returns="streaming",
            max_retries=0,  # `child` retries, and records each attempt
            scheduling_strategy="SPREAD",
        )


def _put_score(news: "asyncio.Queue[_News]", trial: int, step: int, score: float) -> None:
    news.put_nowait((trial, step, score))


def _loss(error: Exception) -> str:
    """A description of how a worker was lost."""
    import ray

    causes = {
        ray.exceptions.OutOfMemoryError: "its machine ran out of memory, and Ray ended it",
        ray.exceptions.NodeDiedError: "its node was lost",
        ray.exceptions.LocalRayletDiedError: "its node was lost",
        ray.exceptions.WorkerCrashedError: "its worker died",
        ray.exceptions.TaskCancelledError: "it was cancelled from outside",
    }
    return next((text for kind, text in causes.items() if isinstance(error, kind)), reason(error))


def _words(resources: dict[str, float]) -> str:
    memory = resources["memory"] / GIB
    parts = [f"{resources['CPU']:g} CPUs", f"{resources['GPU']:g} GPUs"]
    return ", ".join(parts + ([f"{memory:.1f} GiB"] if memory else []))
