"""Several objectives: what a trial comes to in each, and which trials no other one beats."""

import math
from collections.abc import Sequence

from reinas.errors import InvalidSettingError
from reinas.types import Outcome, Trial

REWARD = "reward"
LOWER = ("parameters", "flops", "latency", "loss", "log_loss", "mae", "mape", "rmse", "perplexity")
"""Metrics of which less is better; of all others more is."""
COSTS = ("parameters", "flops", "latency")


def check_objectives(objectives: Sequence[str], key: str = "policy.objectives") -> tuple[str, ...]:
    """Objectives as a policy holds them.

    Args:
        objectives: `reward`, costs (parameters, flops, latency), or other metrics of outcomes.
        key: The setting, for the message.

    Raises:
        InvalidSettingError: There are fewer than two, or one comes twice.
    """
    found = tuple(objectives)
    if isinstance(objectives, str) or len(found) < 2 or len(set(found)) < len(found):
        raise InvalidSettingError(
            key, f"are two or more different names, such as reward and parameters; got {found}"
        )
    return found


def goodness(outcome: Outcome | None, objectives: Sequence[str]) -> tuple[float, ...] | None:
    """What a trial comes to: one number per objective, higher is better.

    Costs are negative logarithms: half the parameters are as much better wherever one begins.

    Args:
        outcome: The trial's.
        objectives: Their names.

    Returns:
        The numbers; None where the trial is not complete or one was not measured.
    """
    if outcome is None or outcome.reward is None:
        return None
    found = []
    for name in objectives:
        value = measured(outcome, name)
        if value is None or not math.isfinite(value):
            return None
        if name in COSTS:
            value = -math.log(max(value, 1e-12))
        elif name in LOWER:
            value = -value
        found.append(value)
    return tuple(found)


def measured(outcome: Outcome, objective: str) -> float | None:
    """An objective as it was measured; None where it was not.

    Args:
        outcome: A trial's.
        objective: Its name.
    """
    return outcome.reward if objective == REWARD else outcome.metrics.get(objective)


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one is at least as good in all objectives, and better in some."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def front(trials: Sequence[Trial], objectives: Sequence[str]) -> list[Trial]:
    """The trials that no other one dominates, by the first objective, best first.

    Args:
        trials: Any trials; of equal ones the earliest counts, and repeats never do.
        objectives: Their names.
    """
    known = [
        (trial, value)
        for trial in trials
        if trial.repeat_of is None and (value := goodness(trial.outcome, objectives)) is not None
    ]
    by_number = {trial.number: trial for trial, _ in known}
    return [by_number[n] for n in undominated([(t.number, value) for t, value in known])]


def undominated(known: Sequence[tuple[int, tuple[float, ...]]]) -> list[int]:
    """The trials that no other one dominates, by the first objective, best first.

    Args:
        known: Numbers of trials, and what they come to; of equal ones the earliest counts.
    """
    # sorted by the first objective, only earlier ones can dominate; for two objectives the best
    # second one so far says all
    ordered = sorted(known, key=lambda pair: (*(-v for v in pair[1]), pair[0]))
    kept: list[tuple[int, tuple[float, ...]]] = []
    for number, value in ordered:
        if not any(value == other or dominates(other, value) for _, other in kept):
            kept.append((number, value))
    return [number for number, _ in kept]
