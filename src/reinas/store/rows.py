"""From values to rows of the tables, and back."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.engine import Row

from reinas.errors import StoreError
from reinas.store.values import AttemptRecord
from reinas.types import Answers, Curve, Epoch, Outcome, Pruned, Trial

WHOLE = {int}
NOTHING = type(None)
KINDS = {
    "reward": (float, int, NOTHING),
    "seconds": (float, int, NOTHING),
    "metrics": (dict, NOTHING),
    "error": (str, NOTHING),
    "reports": (list, NOTHING),
}
"""What the columns of an outcome hold; SQLite lets them hold anything."""
NO_REWARD = "its record has no reward: it was not a number"
"""Why a trial failed whose row has none of the three ends."""
P = ParamSpec("P")
R = TypeVar("R")


def _checked(convert: Callable[P, R]) -> Callable[P, R]:
    """The conversion, with one sentence for a row whose values cannot be what they are."""

    @wraps(convert)
    def checked(*given: P.args, **named: P.kwargs) -> R:
        try:
            return convert(*given, **named)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            row: Any = given[0] if given else None
            number = getattr(row, "number", getattr(row, "trial", None))
            which = "a record" if number is None else f"the record of trial {number}"
            raise StoreError(f"{which} is damaged ({error}): restore a copy of the store") from None

    return checked


def key_text(answers: Answers) -> str:
    """Answers as text: equal for equal answers."""
    return ",".join(map(str, answers))


def _curve_json(curve: Curve) -> dict[str, Any]:
    rows = [[e.number, e.train_loss, e.loss, e.score] for e in curve.epochs]
    return {"epochs": rows, "stopped": curve.stopped}


def _curve(data: dict[str, Any] | None) -> Curve | None:
    if data is None:
        return None
    return Curve(tuple(Epoch(*row) for row in data["epochs"]), data["stopped"])


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """An outcome as it is written now; a reward that is no number is none, in every database."""
    reward = outcome.reward
    if reward is not None and math.isnan(reward):
        reward = None
    return {
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "reward": reward,
        "seconds": outcome.seconds,
        "metrics": dict(outcome.metrics),
        "curve": None if outcome.curve is None else _curve_json(outcome.curve),
        "error": outcome.error,
        "pruned": None if outcome.pruned is None else [outcome.pruned.step, outcome.pruned.score],
        "reports": [list(report) for report in outcome.reports] or None,
    }


@_checked
def outcome_of(row: Row[Any]) -> Outcome:
    """A finished trial's outcome.

    NaN is kept as NULL: a row that has nothing else is a failure, and spoils no other.
    """
    values = row.reward, row.seconds, row.metrics, row.error, row.reports
    # at the speed of C: of a long study's report this is most of the time
    if not all(map(isinstance, values, KINDS.values())):
        pairs = zip(KINDS.items(), values, strict=True)
        name, value = next((n, v) for (n, kind), v in pairs if not isinstance(v, kind))
        raise TypeError(f"its {name} is {value!r}")
    reward, seconds, metrics, error, reports = values
    curve, pruned = row.curve, row.pruned
    if reward is None and error is None and pruned is None:
        error = NO_REWARD
    return Outcome(
        reward,
        seconds or 0.0,
        metrics or {},
        None if curve is None else _curve(curve),
        error,
        None if pruned is None else Pruned(*pruned),
        tuple((step, score) for step, score in reports) if reports else (),
    )


def recipe_key(recipe: Mapping[str, Any]) -> str:
    """A recipe as text: equal for equal recipes."""
    return json.dumps(recipe, sort_keys=True)


@_checked
def attempt_record_of(row: Any) -> AttemptRecord:
    """An attempt that gave an outcome ended when that was written."""
    done = row.ended is None and row.finished is not None
    ended = datetime.fromisoformat(row.finished).timestamp() if done else row.ended
    return AttemptRecord(row.trial, row.worker, row.begun, ended, row.lost, done)


@_checked
def trial_of(row: Row[Any]) -> Trial:
    """A trial, finished or not."""
    outcome = None if row.finished is None else outcome_of(row)
    worker = None if outcome is not None else row.worker
    answers = tuple(row.answers)
    if not WHOLE.issuperset(map(type, answers)):
        raise TypeError(f"its answers are {row.answers!r}")
    return Trial(row.number, row.batch, answers, outcome, row.repeat_of, worker=worker)
