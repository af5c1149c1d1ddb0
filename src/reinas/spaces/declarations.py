"""What the fields of a declared architecture declare: checked, and as a list of decisions."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from reinas.errors import SettingError, nearest
from reinas.names import object_name
from reinas.types import Choice, When

DECLARED = "reinas"
"""The key of a declaration in the field's metadata."""
MAX_ELEMENTS = 200
"""The longest tuple: each element has decisions of its own."""

Conditions = tuple[tuple[str, tuple[Any, ...]], ...]
"""Pairs of an earlier decision, named as seen from the dataclass, and its allowed values."""


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
    """A tuple of `least` to `most` elements of one kind."""

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


# ---- from declarations to decisions --------------------------------------------------------------


def decisions_of(architecture: type[Any]) -> list[Choice]:
    """The decisions that a checked dataclass declares, in the order of its fields.

    The elements of tuples are numbered as layers, through all tuples; an element's own tuples
    belong to its layer.

    Args:
        architecture: A dataclass that `check_declaration` accepts.

    Returns:
        One choice per choice field and per tuple's length. A nested field's are called
        `field.inner`; a tuple's `field.length`, and `field.1`, `field.2`, ...
    """
    return _of_class(architecture, _Place("", "", (), 0), count(1))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the architecture a declaration stands: what its decisions have in common."""

    name: str
    kind: str
    when: tuple[When, ...]
    layer: int


def _of_class(architecture: type[Any], place: _Place, layers: Iterator[int]) -> list[Choice]:
    found = []
    for field, declared in declared_fields(architecture).items():
        own = tuple(When(place.name + other, values) for other, values in declared.when)
        there = _Place(place.name + field, place.kind + field, (*place.when, *own), place.layer)
        found += _of_field(declared, there, layers)
    return found


def _of_field(declared: Declaration, place: _Place, layers: Iterator[int]) -> list[Choice]:
    name, kind, when, layer = place.name, place.kind, place.when, place.layer
    match declared:
        case ChoiceField():
            return [Choice(name, declared.kind or kind, declared.values, layer, when)]
        case NestedField():
            inner = _Place(f"{name}.", f"{kind}.", when, layer)
            return _of_class(declared.architecture, inner, layers)
        case RepeatedField():
            lengths = tuple(range(declared.least, declared.most + 1))
            length = f"{name}.length"
            found = [Choice(length, f"{kind}.length", lengths, layer, when)]
            for number in range(1, declared.most + 1):
                enough = tuple(n for n in lengths if n >= number)
                exists = () if len(enough) == len(lengths) else (When(length, enough),)
                element = _Place(f"{name}.{number}", kind, (*when, *exists), layer or next(layers))
                found += _of_field(declared.element, element, layers)
            return found


# ---- as people wrote them ------------------------------------------------------------------------


def written(architecture: type[Any]) -> dict[str, str]:
    """The declarations as text, to be recorded and compared.

    Args:
        architecture: A dataclass that `check_declaration` accepts.

    Returns:
        By the field's name what it declares; `field.inner` for a field of a nested dataclass.
    """
    found: dict[str, str] = {}
    for name, declared in declared_fields(architecture).items():
        found |= _written_field(name, declared)
    return found


def _written_field(name: str, declared: Declaration) -> dict[str, str]:
    text, inner = _text(declared), _architecture_within(declared)
    for other, values in declared.when:
        text += f", when {other} is {' or '.join(sorted(map(_value, values)))}"
    more = {} if inner is None else written(inner)
    return {name: text, **{f"{name}.{field}": one for field, one in more.items()}}


def _text(declared: Declaration) -> str:
    match declared:
        case ChoiceField(values, kind):
            shared = "" if kind is None else f", kind={kind!r}"
            return f"choice({', '.join(map(_value, values))}{shared})"
        case NestedField(architecture):
            return architecture.__name__
        case RepeatedField(element, least, most):
            return f"repeated({_text(element)}, {least}, {most})"


def _architecture_within(declared: Declaration) -> type[Any] | None:
    """The dataclass that a field has, or whose elements it has."""
    while isinstance(declared, RepeatedField):
        declared = declared.element
    return declared.architecture if isinstance(declared, NestedField) else None


def _value(value: Any) -> str:
    """A value as text that is the same in every process."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(_value, value)))}}}"
    if isinstance(value, type) or callable(value):
        return object_name(value)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


# ---- what makes sense ----------------------------------------------------------------------------


def check_declaration(architecture: Any) -> None:
    """Raise `SettingError` unless this is a dataclass that declares a space."""
    where = getattr(architecture, "__name__", repr(architecture))
    if not isinstance(architecture, type) or not dataclasses.is_dataclass(architecture):
        raise SettingError(f"{where} should be a frozen dataclass, and is not one")
    options = vars(architecture).get("__dataclass_params__")
    if options is None:  # of a base class only: the fields of this class are none of its own
        raise SettingError(f"{where} should be decorated with @dataclass(frozen=True) itself")
    if not options.frozen or not options.eq:
        raise SettingError(
            f"{where} should be frozen and compared by its fields: decorate it with"
            " @dataclass(frozen=True)"
        )
    fields = dataclasses.fields(architecture)
    if not fields:
        raise SettingError(f"{where} has no fields, so nothing is decided")
    for field in fields:
        if DECLARED not in field.metadata:
            raise SettingError(
                f"{where}.{field.name} is not declared: give it choice(...), nested(...) or"
                " repeated(...), and leave constants to ClassVar"
            )
    earlier: dict[str, Choice] = {}
    for name, declared in declared_fields(architecture).items():
        _check(declared, f"{where}.{name}")
        _check_conditions(declared.when, earlier, f"{where}.{name}")
        found = _of_field(declared, _Place(name, name, (), 0), count(1))
        earlier |= {decision.name: decision for decision in found}


def _check(declared: Declaration, where: str) -> None:
    match declared:
        case ChoiceField(values):
            _check_values(values, where)
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


def _check_values(values: tuple[Any, ...], where: str) -> None:
    if not values:
        raise SettingError(f"{where} has no values to choose from")
    for value in values:
        try:
            hash(value)
        except TypeError:
            raise SettingError(
                f"{where} has the value {value!r}, which cannot be hashed: values are constants,"
                " such as numbers, words and tuples"
            ) from None
    if len(set(values)) < len(values):
        raise SettingError(f"{where} has a value twice: {list(values)}")


def _check_conditions(when: Conditions, earlier: Mapping[str, Choice], where: str) -> None:
    for name, values in when:
        if name not in earlier:
            hint = f": {nearest(name, earlier)}" if earlier else ""
            raise SettingError(
                f"{where} depends on {name}, which is not an earlier choice of the same"
                f" dataclass{hint}"
            )
        choices = earlier[name].choices
        if not values or not all(_is_among(value, choices) for value in values):
            raise SettingError(
                f"{where} depends on {name} being one of {list(values)}, but {name} is one of"
                f" {list(choices)}"
            )


def _is_among(value: Any, choices: tuple[Any, ...]) -> bool:
    """Whether the value is one of the choices; True is not 1 here, whatever Python says."""
    return any(
        value == choice and isinstance(value, bool) == isinstance(choice, bool)
        for choice in choices
    )
