"""All studies of a store at a glance."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from reinas.store import schema


@dataclass(frozen=True, slots=True)
class Summary:
    """One study in a listing.

    Args:
        name: The study's name.
        space: The space's name.
        task: The task's name; "-" without a task.
        policy: The policy's name.
        trials: The budget in trials.
        finished: Number of finished trials, with failed ones.
        failed: Number of failed trials.
        best: The best reward; None if no trial has one.
        created: When the study began.
    """

    name: str
    space: str
    task: str
    policy: str
    trials: int
    finished: int
    failed: int
    best: float | None
    created: str


def summaries(
    connection: Connection, checked: Callable[[sa.Row[Any]], dict[str, Any]]
) -> list[Summary]:
    """All studies and their progress, oldest first.

    Args:
        connection: A transaction.
        checked: Gives the settings in a study's row, or raises.
    """
    t, s = schema.trials.c, schema.searches.c
    query = (
        sa.select(
            schema.searches,
            sa.func.count(t.finished).label("finished"),
            sa.func.count(t.error).label("failed"),
            sa.func.max(t.reward).label("best"),
        )
        .select_from(schema.searches.outerjoin(schema.trials, t.search == s.id))
        .group_by(s.id)
        .order_by(s.id)
    )
    every = [(row, checked(row)) for row in connection.execute(query).all()]
    return [
        Summary(
            name=row.name,
            space=_named(settings, "space"),
            task=_named(settings.get("evaluator"), "task"),
            policy=_named(settings, "policy"),
            trials=row.trials,
            finished=row.finished,
            failed=row.failed,
            best=row.best,
            created=row.created,
        )
        for row, settings in every
    ]


def _named(settings: Any, key: str) -> str:
    value = settings.get(key) if isinstance(settings, dict) else None
    return str(value.get("name", "-")) if isinstance(value, dict) else "-"
