"""Where and for how long a search runs, from its options: budget, schedule, executor."""

from collections.abc import Mapping
from typing import Any

from reinas.config.options import (
    BudgetOptions,
    ExecutorOptions,
    PlacementOptions,
    ScheduleOptions,
    SharingOptions,
    WorkerOptions,
)
from reinas.devices import CPU, Placement, count
from reinas.errors import InvalidSettingError, nearest
from reinas.registry import check, find, make, parameters
from reinas.study.budget import Budget
from reinas.study.schedules import AbstractSchedule, Synchronous
from reinas.study.servers.asynchronous import Asynchronous
from reinas.study.stopping import NAMED as RULES
from reinas.study.stopping import AbstractStopping
from reinas.threads import cores

CLUSTER = ("address", "cpus", "gpus", "retries")
TAKES: dict[str, tuple[str, ...]] = {
    "ray": (*CLUSTER, "workers", "time_limit", "memory_limit"),
    "processes": ("workers", "time_limit", "memory_limit"),
    "serial": (),
}
"""Which options each of reinas's own executors takes; your own takes those of its parameters."""
NO_RULE = "none"
SCHEDULE = tuple(ScheduleOptions.model_fields)


def make_budget(options: BudgetOptions) -> Budget:
    """When the search ends."""
    return Budget(options.trials, options.seconds, options.target_reward)


def make_schedule(options: ScheduleOptions) -> AbstractSchedule:
    """Figure 3's schedule if any of its numbers was given, else one batch after the other."""
    given = options.given(*SCHEDULE)
    return Asynchronous(**given) if given else Synchronous()


def make_placement(options: PlacementOptions) -> Placement:
    """Where children train, with `auto` as it was given."""
    return Placement(**options.given("device", "precision", "compile"))


def make_stopping(settings: Mapping[str, Any]) -> AbstractStopping | None:
    """The rule of early stopping that `stopping.*` settings describe; None where there is none.

    Raises:
        InvalidSettingError: There is no such rule, or a number is wrong.
    """
    values = dict(settings)
    name = values.pop("name", NO_RULE)
    if name == NO_RULE:
        if values:
            key = f"stopping.{next(iter(values))}"
            raise InvalidSettingError(key, f"needs a rule: set stopping to {', '.join(RULES)}")
        return None
    if name not in RULES:
        raise InvalidSettingError(
            "stopping", f"'{name}' is not known: {nearest(str(name), [*RULES, NO_RULE])}"
        )
    return RULES[name](**check("stopping", RULES[name], values))


def make_executor(options: ExecutorOptions, placement: Placement = CPU) -> Any:
    """A cluster where one was chosen or is needed, worker processes, or this process.

    Args:
        options: The options.
        placement: Where children train; resolved.

    Raises:
        InvalidSettingError: Options that do not go together.
    """
    sharing = options.children_per_device if isinstance(options, SharingOptions) else None
    name = options.executor or _implied(options)
    if name == "serial":
        _check_serial(options)
    target = find("executor", name)
    takes = TAKES.get(name, tuple(parameters(target)))
    for key in options.given(*CLUSTER):
        if key not in takes:
            raise InvalidSettingError(
                key, f"is for the executor ray, not {name}: choose ray, or leave it out"
            )
    given = options.given(*(key for key in takes if key in type(options).model_fields))
    if sharing is not None:
        _check_sharing(options, name, placement)
    if name == "processes":
        given["workers"] = worker_count(options, placement, sharing or 1)
    if name == "ray" and placement.device != "cpu":
        given.setdefault("gpus", 1.0)
    return make("executor", {"name": name, **given})


def worker_count(options: WorkerOptions, placement: Placement = CPU, sharing: int = 1) -> int:
    """How many worker processes; 0 is none.

    Args:
        options: Has the number, if it was given.
        placement: Where children train; resolved.
        sharing: How many workers share an accelerator.

    Returns:
        By default the number of cores, or of accelerators times `sharing`.
    """
    if options.workers is not None:
        return options.workers
    return cores() if placement.device == "cpu" else sharing * count(placement.device)


def _implied(options: ExecutorOptions) -> str:
    """The executor that the other options call for."""
    needs_ray = options.given(*CLUSTER)
    if isinstance(options, ScheduleOptions):
        needs_ray |= options.given(*SCHEDULE)
    return "ray" if needs_ray else "serial" if options.workers == 0 else "processes"


def _check_sharing(options: ExecutorOptions, name: str, placement: Placement) -> None:
    key = "children_per_device"
    if name != "processes":
        raise InvalidSettingError(key, f"is for worker processes, and the executor is {name}")
    if placement.device == "cpu":
        raise InvalidSettingError(key, "is for accelerators, and children train on the CPU")
    if options.workers is not None:
        raise InvalidSettingError(
            key, "decides the number of workers, and so does workers: give one"
        )


def _check_serial(options: ExecutorOptions) -> None:
    if options.workers:
        raise InvalidSettingError(
            "workers", f"must be 0 or left out with the executor serial, got {options.workers}"
        )
    for key in options.given("time_limit", "memory_limit"):
        raise InvalidSettingError(
            key, "needs worker processes, which can be killed: take one worker or more"
        )
