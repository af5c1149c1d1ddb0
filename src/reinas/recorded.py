"""Settings as they are recorded: as JSON has them, compared key by key."""

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

NAMED = "_named_settings"
"""The attribute of an object that only its given name finds again."""
MOST = 5
"""How many differences a message names."""


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON gives them back: tuples become lists, so that they can be compared."""
    result: dict[str, Any] = json.loads(json.dumps(settings))
    return result


def finite(value: Any) -> Any:
    """A document with None for NaN and infinities, which JSON does not have; keys are text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def name_given(thing: Any, settings: Mapping[str, Any]) -> None:
    """Let an object be recorded by the name under which it was found.

    Args:
        thing: An object whose own settings do not make it again, such as a task of arrays.
        settings: The name, `module:Name`, and the parameters that it was made with.
    """
    with contextlib.suppress(AttributeError, TypeError):  # it has slots: its own settings stay
        object.__setattr__(thing, NAMED, dict(settings))


def settings_of(thing: Any) -> dict[str, Any]:
    """The settings of a space or task as they are recorded.

    Args:
        thing: The space or task.

    Returns:
        Its own settings, with the name and parameters under which it was found where those alone
        make it again.
    """
    return {**thing.settings, **getattr(thing, NAMED, {})}


def different(old: Any, new: Any, head: str = "") -> list[tuple[str, Any, Any]]:
    """Where two settings differ: dotted keys in alphabetical order, old and new value.

    Args:
        old: Settings or one value, as `plain` gives them.
        new: The same.
        head: The key of both, where they are not the whole.

    Returns:
        Triples; the values are "not set" and "set" where a key is on one side only.
    """
    before, after = _flat(old, head), _flat(new, head)
    return [
        (key, before.get(key, "not set"), after.get(key, "set"))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two settings, as phrases with the old value first.

    Args:
        old: What was recorded, as `plain` gives it.
        new: What there is now, as `plain` gives it.

    >>> differences({"policy": {"rate": 0.1}}, {"policy": {"rate": 0.2}, "seed": 0})
    ['policy.rate is 0.1, not 0.2', 'seed is not set, not 0']
    """
    return [f"{key} is {before}, not {after}" for key, before, after in different(old, new)]


def listed(phrases: Sequence[str]) -> str:
    """The first phrases, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e", "f", "g"])
    'a; b; c; d; e; and 2 more'
    """
    rest = len(phrases) - MOST
    return "; ".join([*phrases[:MOST], *([f"and {rest} more"] if rest > 0 else [])])


def _flat(settings: Any, head: str = "") -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        return {head: settings}
    result: dict[str, Any] = {}
    for key, value in settings.items():
        result |= _flat(value, f"{head}.{key}" if head else key)
    return result
