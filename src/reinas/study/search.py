"""A whole search: a study, a schedule, an executor."""

import math
from contextlib import ExitStack, closing, suppress

from reinas.errors import InvalidSettingError, reason
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.executors.serial import Serial
from reinas.policies.base import AbstractPolicy
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.spaces.growth import Growth
from reinas.store import AbstractStore
from reinas.study import setup
from reinas.study.budget import Budget
from reinas.study.observer import Observer
from reinas.study.schedules import AbstractSchedule, Synchronous
from reinas.study.stopping import AbstractStopping
from reinas.study.study import Study
from reinas.training.checkpoints import DISK_LIMIT
from reinas.types import A

EXAMPLES = 8
"""Architectures of which one has to be decoded before a search begins."""


def search(
    space: AbstractSpace[A],
    policy: AbstractPolicy,
    evaluator: AbstractEvaluator[A],
    *,
    budget: Budget | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    store: AbstractStore | str | None = None,
    name: str | None = None,
    executor: AbstractExecutor | None = None,
    schedule: AbstractSchedule | None = None,
    growth: Growth | None = None,
    reuse: bool = True,
    stopping: AbstractStopping | None = None,
    disk_limit: float = DISK_LIMIT,
    observer: Observer | None = None,
) -> Study[A]:
    """Search a space until the budget is spent.

    Called again with the same name and settings it goes on where it was, however it ended, and
    its trials are the ones that it would have had without the stop.

    Args:
        space: What may be built.
        policy: What proposes architectures and learns from their rewards.
        evaluator: What measures an architecture.
        budget: When to stop; more trials than before extend a search. None: after 64 trials.
        batch_size: How many architectures the policy proposes at a time. None: the policy's own
            choice.
        seed: All randomness is derived from it.
        store: A `Store`, a file, or None for memory.
        name: The search's name in the store. None: made from the space's name.
        executor: Where children are evaluated. None: in this process, one after the other.
        schedule: `Synchronous()`, or `Asynchronous(...)` on a cluster (section 3.2, figure 3).
            None: synchronous.
        growth: Networks begin shallow and grow to the space's depth (section 4.1). None: full
            depth from the start.
        reuse: Whether an architecture that was evaluated before takes over that outcome instead
            of being evaluated again.
        stopping: Which children are given up early: `Asha()`, `Hyperband()`, `Median()`, or a
            rule of your own. None: every child is trained whole.
        disk_limit: GiB that the checkpoints of paused children may take beside the store. Beyond
            it those of the lowest scores are deleted, and their children, where they go on, are
            trained anew up to where they were.
        observer: Watches the search.

    Returns:
        The study: `best_trial`, `best_architecture`, `trials`, `stopped`, ...

    Raises:
        SettingError: The arguments do not fit together, or the store has a search of that name
            with other settings, which are named. Nothing is written then.
        BusyError: Another process is running the search.
        StoreError: The store cannot be read or written.
        ExecutorError: The workers cannot be kept alive.
    """
    budget = budget or Budget()
    schedule = schedule or Synchronous()
    runner = executor or Serial()
    size = setup.checked_batch_size(batch_size, policy)
    schedule.check(policy, runner, math.ceil(budget.trials / size))
    if growth is not None:
        growth.check(space)
    home = setup.opened(store)
    example = _example(space, seed)
    evaluator.check(example)
    runner.check(evaluator)
    if stopping is not None:
        _check_stopping(evaluator, example)
    with ExitStack() as held:
        name = held.enter_context(home.called(name, space.name))
        held.enter_context(home.lock(name))
        held.enter_context(closing(runner))
        runner.open()  # before there is anything that has begun
        study = Study(
            space,
            policy,
            store=home,
            name=name,
            seed=seed,
            batch_size=size,
            budget=budget,
            reuse=reuse,
            growth=growth,
            evaluator=evaluator,
            schedule=schedule.settings,
            stopping=stopping,
            disk_limit=disk_limit,
            observer=observer,
            continuing=True,
        )
        held.callback(study.release)
        study.record.close_attempts(unknown_end=True)
        study.observer.on_start(study)
        try:
            schedule.run(study, evaluator, runner)
        finally:
            study.record.close_attempts()
    return study


def _example(space: AbstractSpace[A], seed: int) -> A:
    """An architecture to check with; one that cannot be decoded is a failed trial, no more."""
    drawn = space.sample(EXAMPLES, derive(seed, "check"))
    for answers in drawn[:-1]:
        with suppress(Exception):
            return space.decode(answers)
    try:
        return space.decode(drawn[-1])
    except Exception as error:
        raise InvalidSettingError(
            "space", f"decodes none of {EXAMPLES} samples of its own: {reason(error)}"
        ) from error


def _check_stopping(evaluator: AbstractEvaluator[A], architecture: A) -> None:
    """Refuse what cannot stop a child, before anything has begun."""
    if evaluator.steps(architecture) is None:
        raise InvalidSettingError(
            "stopping",
            f"needs an evaluator that can stop and continue a child, and {type(evaluator).__name__}"
            " has no number of steps: implement its `steps`, or leave stopping out",
        )
