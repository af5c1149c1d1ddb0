"""Where a search runs, and for how long: settings that its trials do not depend on, but for one.

Replicas and accumulated gradients change what is learned; they are here because they need a
cluster.
"""

import os
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from reinas.errors import SettingError
from reinas.study.schedules import AbstractSchedule, Synchronous
from reinas.study.servers.asynchronous import Asynchronous

Executor = Literal["processes", "serial", "ray"]
CLUSTER = ("address", "cpus", "gpus", "retries")
FIGURE_3 = ("replicas", "shards", "accumulate")

Finite = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class RunOptions(pydantic.BaseModel):
    """Workers or a cluster, limits for a child, and when to stop. None: not given."""

    executor: Executor | None = None
    workers: Annotated[int, Field(ge=0)] | None = None
    time_limit: Finite | None = None
    memory_limit: Finite | None = None
    address: str | None = None
    cpus: Finite | None = None
    gpus: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    retries: Annotated[int, Field(ge=0)] | None = None
    replicas: Count | None = None
    shards: Count | None = None
    accumulate: Count | None = None
    stop_after: Finite | None = None
    target_reward: Annotated[float, Field(allow_inf_nan=False)] | None = None

    def given(self, *keys: str) -> dict[str, Any]:
        """Those of the settings that were given."""
        return {key: value for key in keys if (value := getattr(self, key)) is not None}


def make_schedule(running: RunOptions) -> AbstractSchedule:
    """Figure 3's schedule, if any of its numbers was given."""
    given = running.given(*FIGURE_3)
    return Asynchronous(**given) if given else Synchronous()


def make_executor(running: RunOptions) -> Any:
    """A cluster where it was asked for or is needed, worker processes, or this process."""
    executor = running.executor
    if executor is None:
        cluster = running.given(*CLUSTER, *FIGURE_3)
        executor = "ray" if cluster else "serial" if running.workers == 0 else "processes"
    if executor == "ray":
        from reinas.executors.ray import Cluster

        keys = (*CLUSTER, "workers", "time_limit", "memory_limit")
        return Cluster(**running.given(*keys))
    for key in running.given(*CLUSTER):
        raise SettingError(f"--{key} is for a cluster: give --executor ray, or leave it out")
    if executor == "serial":
        if running.workers:
            raise SettingError("--executor serial has no workers: leave --workers out")
        if running.given("time_limit", "memory_limit"):
            raise SettingError(
                "--time-limit and --memory-limit need worker processes, which can be killed:"
                " give --workers 1 or more"
            )
        from reinas.executors.serial import Serial

        return Serial()
    from reinas.executors.processes import Processes

    workers = (os.cpu_count() or 1) if running.workers is None else running.workers
    return Processes(workers, time_limit=running.time_limit, memory_limit=running.memory_limit)
