"""Stores of earlier versions are brought to this one, within one transaction."""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from reinas.store import schema
from reinas.store.rows import recipe_key
from reinas.tasks.recipes import Recipe

OLDEST = 2
"""The oldest version that can be brought to this one."""
RENAMED = {"policy": {"reinas": "bayes"}, "space": {"cells": "nasbench201"}}
"""What is called otherwise since version 5."""


def migrate(connection: Connection) -> None:
    """Bring a store of any version since `OLDEST` to `schema.VERSION`.

    Versions 3 and 4 only added tables, version 5 columns and words, version 6 indices. Words and
    columns changed within version 5, too: what a store lacks is looked up, not concluded.
    """
    schema.metadata.create_all(connection)
    for table in schema.metadata.sorted_tables:
        there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(connection.dialect)
                connection.exec_driver_sql(
                    f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"
                )
        for index in table.indexes:  # one of today's name may have other columns
            index.drop(connection, checkfirst=True)
            index.create(connection)
    s = schema.searches
    for row in connection.execute(sa.select(s.c.id, s.c.settings)).all():
        changed = s.update().where(s.c.id == row.id)
        connection.execute(changed.values(settings=_settings(row.settings)))
    for table in (schema.points, schema.finals):
        _rename_recipes(connection, table)
    f = schema.finals.c
    for found in connection.execute(
        sa.select(f.search, f.metrics).where(f.summary.is_(None))
    ).all():
        named = schema.finals.update().where(f.search == found.search)
        connection.execute(named.values(summary=_summary(found.metrics)))
    connection.execute(schema.versions.update().values(version=schema.VERSION))


def _settings(old: dict[str, Any]) -> dict[str, Any]:
    """A study's settings in the words of version 5."""
    new: dict[str, Any] = json.loads(json.dumps(old))
    if "children" in new:
        new["batch_size"] = new.pop("children")
    if "repeats" in new:
        new["reuse"] = new.pop("repeats") == "reuse"
    if "servers" in new:
        new["schedule"] = new.pop("servers")
    for section, names in RENAMED.items():
        part = new.get(section)
        if isinstance(part, dict) and part.get("name") in names:
            part["name"] = names[part["name"]]
    space = new.get("space")
    if isinstance(space, dict) and space.get("name") == "conv":
        space.setdefault("dimensions", 2)
    evaluator = new.get("evaluator")
    # one of a user's own has a name, and may call whatever it likes a recipe
    if (
        isinstance(evaluator, dict)
        and ("task" in evaluator and "name" not in evaluator)
        and isinstance(evaluator.get("recipe"), dict)
    ):
        evaluator["recipe"] = _recipe(evaluator["recipe"])
    return new


def _summary(metrics: dict[str, Any]) -> str:
    """The test metrics as one line, in the words of the time that had none."""
    known = {key: value for key, value in metrics.items() if isinstance(value, float | int)}
    if {"accuracy", "low", "high"} <= known.keys():
        interval = f"95 % interval {known['low']:.4f} to {known['high']:.4f}"
        return f"accuracy {known['accuracy']:.4f} ({interval})"
    counted = ("examples", "parameters")
    return ", ".join(f"{key} {value:.4g}" for key, value in known.items() if key not in counted)


def _recipe(old: dict[str, Any]) -> dict[str, Any]:
    """A recipe in today's words, with today's defaults for what it did not have."""
    named = {"batch_size" if key == "batch" else key: value for key, value in old.items()}
    return {**Recipe().settings, **named}


def _rename_recipes(connection: Connection, table: sa.Table) -> None:
    for row in connection.execute(sa.select(table)).mappings().all():
        recipe = _recipe(row["recipe"])
        same = [column == row[column.name] for column in table.primary_key.columns]
        values: dict[str, Any] = {"recipe": recipe}
        if "key" in table.c:
            values["key"] = key = recipe_key(recipe)
            now = sa.select(table.c.key).where(table.c.search == row["search"], table.c.key == key)
            if key != row["key"] and connection.scalar(now) is not None:
                # trained once more after its words had changed
                connection.execute(table.delete().where(*same))
                continue
        connection.execute(table.update().where(*same).values(values))
