"""Other people's spaces, tasks, policies, tables and executors, by name.

A name may come from a store or a network's description, which are data. So nothing is called
before it is known to be of the right kind, and modules of the standard library are refused.
Importing a module runs it, though: only open stores and networks whose modules you trust.
"""

import dataclasses
import inspect
import sys
import typing
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from reinas.errors import InvalidSettingError
from reinas.names import is_importable

Kind = typing.Literal["space", "task", "policy", "table", "executor"]

GROUPS: dict[Kind, str] = {
    "space": "spaces",
    "task": "tasks",
    "policy": "policies",
    "table": "tables",
    "executor": "executors",
}
"""For each kind its plural; entry points are in the groups `reinas.spaces`, `reinas.tasks`, ..."""
BASES: dict[Kind, str] = {
    "space": "reinas.spaces.base:AbstractSpace",
    "task": "reinas.tasks.base:AbstractTask",
    "policy": "reinas.policies.base:AbstractPolicy",
    "table": "reinas.tables.base:AbstractBenchmarkTable",
    "executor": "reinas.executors.base:AbstractExecutor",
}
"""What a thing of each kind is."""


@lru_cache(maxsize=8)
def _entry_points(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"reinas.{GROUPS[kind]}")}


def entry_point_names(kind: Kind) -> list[str]:
    """The names that installed packages offer."""
    return sorted(_entry_points(kind))


def entry_point(kind: Kind, name: str) -> str | None:
    """Where the entry point of that name leads, as `module:Name`; None where there is none."""
    point = _entry_points(kind).get(name)
    return None if point is None else point.value


def load_object(name: str) -> Any:
    """The object `module:Name` or `module:Class.name`.

    Raises:
        InvalidSettingError: The name is not of this form, of the standard library or of a script,
            or there is no such module or object.
    """
    module, _, path = name.partition(":")
    if not module or not path:
        raise InvalidSettingError("name", f"should have the form module:Name, got {name!r}")
    if not is_importable(name):
        raise InvalidSettingError(
            name,
            "is in a script or within a function, where no other process finds it: move it"
            " to a module",
        )
    if module.partition(".")[0] in sys.stdlib_module_names:
        raise InvalidSettingError(name, "is in Python's standard library, and nothing of reinas")
    try:
        thing: Any = import_module(module)
    except Exception as error:
        raise InvalidSettingError(
            name,
            f"cannot be imported ({type(error).__name__}: {error}): is its folder on Python's"
            " path?",
        ) from error
    for part in path.split("."):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            raise InvalidSettingError(name, f"is not there: {module} has no {path}") from None
    return thing


def loaded(kind: Kind, name: str) -> Any:
    """The callable of that kind, or the ready object, that `module:Name` names.

    Raises:
        InvalidSettingError: There is no such object, or it is of another kind.
    """
    thing = load_object(name)
    base = load_object(BASES[kind])
    if isinstance(thing, base) or (inspect.isclass(thing) and issubclass(thing, base)):
        return thing
    if kind == "space" and inspect.isclass(thing) and dataclasses.is_dataclass(thing):
        declared: Any = load_object("reinas.spaces.declared:DeclaredSpace")
        return declared(thing)
    if inspect.isfunction(thing):
        returned = typing.get_type_hints(thing).get("return")
        kept = typing.get_origin(returned) or returned
        if inspect.isclass(kept) and issubclass(kept, base):
            return thing
    article = "an" if kind == "executor" else "a"
    raise InvalidSettingError(
        kind,
        f"'{name}' is no {kind}: expected a class derived from {base.__name__}, {article} {kind}"
        f" made from one, or a function whose annotation says that it returns one; got"
        f" {type(thing).__name__}",
    )
