"""What a study is made from, checked."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import AnswersError, InvalidSettingError, StoreError, reason, recordable
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import checked
from reinas.names import object_name
from reinas.policies.base import AbstractPolicy
from reinas.recorded import plain, settings_of
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.spaces.growth import Growth
from reinas.store import AbstractStore, MemoryStore, Store
from reinas.study.stopping import AbstractStopping
from reinas.types import Outcome

NO_REASON = "failed without a reason"


def default_policy(space: AbstractSpace[Any], seed: int) -> AbstractPolicy:
    """Bayesian search: it needs the fewest evaluations on most tables (docs/results)."""
    from reinas.policies.bayes import BayesianSearch

    return BayesianSearch(space, seed=derive(seed, "policy"))


def opened(store: AbstractStore | str | None) -> AbstractStore:
    """The store; a path is a file, None is memory."""
    if store is None:
        return MemoryStore()
    return store if isinstance(store, AbstractStore) else Store(store)


def checked_batch_size(batch_size: int | None, policy: AbstractPolicy) -> int:
    """The batch size, or the policy's own; `InvalidSettingError` below 1."""
    if batch_size is None:
        return policy.batch_size
    if batch_size < 1:
        raise InvalidSettingError("batch_size", f"must be at least 1, got {batch_size}")
    return batch_size


def settings(
    space: AbstractSpace[Any],
    policy: AbstractPolicy,
    evaluator: AbstractEvaluator[Any] | None,
    batch_size: int,
    seed: int,
    reuse: bool,
    growth: Growth | None,
    schedule: Mapping[str, Any] | None,
    stopping: AbstractStopping | None = None,
) -> dict[str, Any]:
    """Everything that changes results, as the store keeps it and compares it."""
    result: dict[str, Any] = {
        "space": settings_of(space),
        "policy": {**policy.settings, "name": name_of(policy)},
        "evaluator": {} if evaluator is None else dict(evaluator.settings),
        "batch_size": batch_size,
        "seed": seed,
        "reuse": reuse,
    }
    if growth is not None:
        growth.check(space)
        result["growth"] = asdict(growth)
    if schedule:
        result["schedule"] = dict(schedule)
    if stopping is not None:
        result["stopping"] = {**stopping.settings, "name": name_of(stopping)}
    return plain(result)


def name_of(part: AbstractPolicy | AbstractStopping) -> str:
    """A part's name in settings; one of your own class is module:Name, to be made again."""
    name = str(part.settings.get("name", ""))
    own = not type(part).__module__.startswith("reinas.")
    return object_name(type(part)) if own and ":" not in name else name


def diagnostics(found: Any) -> dict[str, float]:
    """What a policy reports of an update, as plain numbers."""
    try:
        return {str(name): float(value) for name, value in found.items()}
    except (AttributeError, TypeError, ValueError):
        raise AnswersError(
            f"the policy's `update` should return numbers by name, and returned {found!r}"
        ) from None


def state(policy: AbstractPolicy) -> dict[str, NDArray[Any]]:
    """What a policy has learned, as arrays that can be stored."""
    arrays = {str(name): np.asarray(value) for name, value in policy.state().items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise AnswersError(
                f"the policy's `state` should be arrays of numbers; '{name}' holds {array.dtype}"
            )
    return arrays


def told(
    reward: float | None,
    outcome: Outcome | None,
    error: str | None,
    metrics: Mapping[str, float] | None,
    seconds: float,
) -> Outcome:
    """The outcome that a caller of `Study.tell` means."""
    if sum(part is not None for part in (reward, outcome, error)) != 1:
        raise InvalidSettingError(
            "tell",
            "takes exactly one of reward, outcome and error; got"
            f" reward={reward!r}, outcome={outcome!r}, error={error!r}",
        )
    seconds = _measured("seconds", seconds, "tell")
    if not 0 <= seconds < math.inf:
        raise InvalidSettingError("seconds", f"must be finite and 0 or more, got {seconds!r}")
    if outcome is not None:
        try:
            return checked(outcome)
        except TypeError as wrong:
            raise InvalidSettingError("outcome", str(wrong)) from None
    measured = {str(name): _measured(name, value) for name, value in (metrics or {}).items()}
    if error is not None:
        return Outcome(None, seconds, measured, error=recordable(str(error)) or NO_REASON)
    try:
        value = float(reward)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidSettingError("reward", f"must be a number, got {reward!r}") from None
    if not math.isfinite(value):
        return Outcome(None, seconds, measured, error=f"the reward was {value}")
    return Outcome(value, seconds, measured)


def reported(step: Any, score: Any) -> tuple[int, float]:
    """The step and the score that a caller of `Study.report` gave, checked."""
    if isinstance(step, bool) or not isinstance(step, Integral) or step < 1:
        raise InvalidSettingError("step", f"must be a whole number from 1 on, got {step!r}")
    try:
        value = float(score)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise InvalidSettingError("score", f"must be a finite number, got {score!r}")
    return int(step), value


def _measured(name: str, value: Any, key: str = "metrics") -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        problem = f"has {name} = {value!r}, which is no number"
        raise InvalidSettingError(key, problem) from None


def unknown_state(name: str, policy: AbstractPolicy, error: Exception) -> StoreError:
    """A study's snapshot is none of its policy.

    Args:
        name: The study's name.
        policy: The policy that should go on from it.
        error: What it raised.
    """
    return StoreError(
        f"'{name}' cannot go on: what its policy has learned is not what {type(policy).__name__}"
        f" keeps ({reason(error)}); it was written by an early version, or is damaged: begin a new"
        " search, or restore a copy of the store"
    )
