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
from importlib.metadata import entry_points
from typing import Any

from reinas.errors import InvalidSettingError, SettingError
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
def _entry_points(kind: Kind) -> dict[str, set[str]]:
    """Where each name leads, as `module:Name`: to one place, unless packages disagree."""
    found: dict[str, set[str]] = {}
    for point in entry_points(group=f"reinas.{GROUPS[kind]}"):
        found.setdefault(point.name, set()).add(f"{point.module}:{point.attr}")
    return found


def entry_point_names(kind: Kind) -> list[str]:
    """The names that installed packages offer."""
    return sorted(_entry_points(kind))


def entry_point(kind: Kind, name: str) -> str | None:
    """Where the entry point of a name leads.

    Args:
        kind: The kind of thing.
        name: The entry point's name.

    Returns:
        `module:Name`; None where there is no such entry point.

    Raises:
        InvalidSettingError: Several packages offer different things by this name.
    """
    places = sorted(_entry_points(kind).get(name, ()))
    if len(places) > 1:
        raise InvalidSettingError(
            kind, f"'{name}' is offered by several packages: name one of {', '.join(places)}"
        )
    return places[0] if places else None


def load_object(name: str) -> Any:
    """Import the object `module:Name` or `module:Class.name`; importing a module runs it.

    Args:
        name: The module and the path of attributes in it.

    Returns:
        The object; it is not called.

    Raises:
        InvalidSettingError: The name is not of this form, of the standard library or of a script,
            or there is no such module or object.
    """
    module, _, path = name.partition(":")
    if not module or not path:
        raise InvalidSettingError(repr(name), "should have the form module:Name")
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
    except (Exception, SystemExit) as error:  # a program without a guard ends the process
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
    """Import the thing of a kind that `module:Name` names; nothing is called yet.

    Args:
        kind: The kind of thing.
        name: `module:Name`.

    Returns:
        A class or a function that makes such a thing, or the thing itself.

    Raises:
        InvalidSettingError: There is no such object, or it is of another kind.
    """
    try:
        thing = load_object(name)
    except InvalidSettingError as error:
        raise InvalidSettingError(kind, str(error)) from error
    base = load_object(BASES[kind])
    if isinstance(thing, base):
        if kind == "policy":  # it learns: the next search would go on with what this one learned
            raise InvalidSettingError(
                kind, f"'{name}' is one policy for one search: name its class, or a function"
            )
        return thing
    if inspect.isclass(thing) and issubclass(thing, base):
        if inspect.isabstract(thing):
            missing = ", ".join(sorted(vars(thing)["__abstractmethods__"]))
            raise InvalidSettingError(kind, f"'{name}' is abstract: it does not define {missing}")
        return thing
    if kind == "space" and inspect.isclass(thing) and dataclasses.is_dataclass(thing):
        return _declared(thing)
    if inspect.isfunction(thing) and _returns(thing, base):
        return thing
    article = "an" if kind == "executor" else "a"
    raise InvalidSettingError(
        kind,
        f"'{name}' is not {article} {kind}: expected a class derived from {base.__name__},"
        f" {article} {kind} made from one, or a function whose annotation says that it returns"
        " one; got"
        f" {type(thing).__name__}",
    )


def _declared(architecture: Any) -> Any:
    space: Any = load_object("reinas.spaces.declared:DeclaredSpace")
    try:
        return space(architecture)
    except SettingError as error:
        raise InvalidSettingError("space", str(error)) from error


def _returns(function: Any, base: type[Any]) -> bool:
    """Whether the annotation of a function says that it returns an object of a class."""
    try:
        returned = typing.get_type_hints(function).get("return")
    except Exception:  # annotations are code: whatever they raise, they do not say it
        return False
    kept = typing.get_origin(returned) or returned
    return inspect.isclass(kept) and issubclass(kept, base)
