"""What the fields of a declared architecture say, and whether they make sense."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reinas.errors import SettingError

DECLARED = "reinas"
"""The key of a declaration in the field's metadata."""
MAX_ELEMENTS = 200  # elements of a tuple: each has decisions of its own

Conditions = tuple[tuple[str, tuple[Any, ...]], ...]
"""Pairs of an earlier field and the values that it must have one of."""


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """One of some values."""

    values: tuple[Any, ...]
    kind: str | None
    when: Conditions


@dataclass(frozen=True, slots=True)
class NestedField:
    """Another declared dataclass."""

    architecture: type[Any]
    when: Conditions


@dataclass(frozen=True, slots=True)
class RepeatedField:
    """A tuple of elements of one kind."""

    element: "Declaration"
    least: int
    most: int
    when: Conditions


Declaration = ChoiceField | NestedField | RepeatedField


def conditions_of(when: Mapping[str, Any] | None) -> Conditions:
    """Conditions as people write them: one value, or several in a set, list or tuple."""
    pairs = []
    for name, values in (when or {}).items():
        several = isinstance(values, set | frozenset | list | tuple)
        pairs.append((name, tuple(values) if several else (values,)))
    return tuple(pairs)


def declared_fields(architecture: type[Any]) -> dict[str, Declaration]:
    """The dataclass's declared fields, in their order."""
    return {field.name: field.metadata[DECLARED] for field in dataclasses.fields(architecture)}


def check_declaration(architecture: Any) -> None:
    """Raise `SettingError` unless this is a dataclass that declares a space."""
    where = getattr(architecture, "__name__", repr(architecture))
    if not isinstance(architecture, type) or not dataclasses.is_dataclass(architecture):
        raise SettingError(f"{where} should be a frozen dataclass, and is none")
    # a plain class derived from a dataclass has its fields, but no parameters of its own
    own = vars(architecture).get("__dataclass_params__")
    if own is None or not own.frozen:
        raise SettingError(f"{where} should be frozen: decorate it with @dataclass(frozen=True)")
    fields = dataclasses.fields(architecture)
    if not fields:
        raise SettingError(f"{where} has no fields, so nothing is decided")
    for field in fields:
        if DECLARED not in field.metadata:
            raise SettingError(
                f"{where}.{field.name} is not declared: give it choice(...), nested(...) or"
                " repeated(...)"
            )
    earlier: dict[str, Declaration] = {}
    for name, declared in declared_fields(architecture).items():
        _check(declared, f"{where}.{name}")
        _check_conditions(declared.when, earlier, f"{where}.{name}")
        earlier[name] = declared


def _check(declared: Declaration, where: str) -> None:
    match declared:
        case ChoiceField(values):
            if not values:
                raise SettingError(f"{where} has no values to choose from")
            for value in values:
                if not _hashable(value):
                    raise SettingError(
                        f"{where} should have values that can be hashed, such as numbers, words or"
                        f" tuples; got {value!r}"
                    )
            if any(value in values[:place] for place, value in enumerate(values)):
                raise SettingError(f"{where} has a value twice: {list(values)}")
        case NestedField(architecture):
            check_declaration(architecture)
        case RepeatedField(element, least, most):
            if not 0 <= least <= most <= MAX_ELEMENTS or most == 0:
                raise SettingError(
                    f"{where} should have from 0 to {MAX_ELEMENTS} elements, the smallest length"
                    f" first; got {least} to {most}"
                )
            if element.when:
                raise SettingError(
                    f"{where}: an element of a tuple has no conditions of its own: give them to"
                    " the tuple, or to fields of a nested dataclass"
                )
            _check(element, where)


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _check_conditions(when: Conditions, earlier: Mapping[str, Declaration], where: str) -> None:
    for name, values in when:
        other = earlier.get(name)
        if not isinstance(other, ChoiceField):
            raise SettingError(
                f"{where} depends on {name}, which is not an earlier choice of the same dataclass"
            )
        unknown = [value for value in values if value not in other.values]
        if unknown or not values:
            raise SettingError(
                f"{where} depends on {name} being one of {list(values)}, but {name} is one of"
                f" {list(other.values)}"
            )
