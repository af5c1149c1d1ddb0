"""A space declared by its architecture: a frozen dataclass whose fields say what is decided.

@dataclass(frozen=True)
class Bottleneck:
    width: int = choice(1, 2, 4, 8)
    shortcut: bool = choice(False, True)
    scale: float | None = choice(0.5, 1.0, when={"shortcut": True})

space = DeclaredSpace(Bottleneck)
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, overload

from reinas.errors import AnswersError, SettingError
from reinas.names import object_name
from reinas.spaces.base import AbstractSpace, check_decisions
from reinas.spaces.counting import active_decisions
from reinas.spaces.declarations import (
    DECLARED,
    ChoiceField,
    Conditions,
    Declaration,
    NestedField,
    RepeatedField,
    check_declaration,
    conditions_of,
    decisions_of,
    declared_fields,
    written,
)
from reinas.types import A, Answers, Choice

T = TypeVar("T")
When = Mapping[str, Any]
"""Conditions as people write them: `{"shortcut": True}`."""


@overload
def choice(*values: T, kind: str | None = None, when: None = None) -> T: ...
@overload
def choice(*values: T, kind: str | None = None, when: When) -> T | None: ...
def choice(*values: Any, kind: str | None = None, when: When | None = None) -> Any:
    """A field of an architecture that is one of some values.

    Args:
        values: The values, all different and hashable.
        kind: Policies share what they learn over a kind; fields of a kind have equally many
            values. None: the field's own, the same in all elements of a tuple.
        when: Conditions: for the name of an earlier field the value that it must have, or a set,
            list or tuple of such values. Otherwise this field is None. Dots lead into an earlier
            nested field (`block.width`) or tuple (`layers.length`, `layers.1.width`).

    Returns:
        For type checkers one of the values, or None where there are conditions; in truth the
        declaration, which the dataclass reads.
    """
    return _field(ChoiceField(tuple(values), kind, conditions_of(when)))


@overload
def nested(architecture: type[T], *, when: None = None) -> T: ...
@overload
def nested(architecture: type[T], *, when: When) -> T | None: ...
def nested(architecture: type[Any], *, when: When | None = None) -> Any:
    """A field that is another declared dataclass.

    Args:
        architecture: The dataclass.
        when: Conditions, as in `choice`. Otherwise this field is None.

    Returns:
        The declaration, as in `choice`.
    """
    return _field(NestedField(architecture, conditions_of(when)))


@overload
def repeated(element: type[T], least: int, most: int, *, when: None = None) -> tuple[T, ...]: ...
@overload
def repeated(element: type[T], least: int, most: int, *, when: When) -> tuple[T, ...] | None: ...
@overload
def repeated(element: T, least: int, most: int, *, when: None = None) -> tuple[T, ...]: ...
@overload
def repeated(element: T, least: int, most: int, *, when: When) -> tuple[T, ...] | None: ...
def repeated(element: Any, least: int, most: int, *, when: When | None = None) -> Any:
    """A field that is a tuple of `least` to `most` elements; its length is decided, too.

    Args:
        element: A declared dataclass, a `choice`, or another `repeated`.
        least: The smallest length, at least 0.
        most: The greatest length.
        when: Conditions, as in `choice`. Otherwise this field is None.

    Returns:
        The declaration, as in `choice`.

    Raises:
        SettingError: The element is a field that is not declared with `choice` or its like.
    """
    declared: Declaration = NestedField(element, ())
    if isinstance(element, dataclasses.Field):
        if DECLARED not in element.metadata:
            raise SettingError(
                "an element of repeated(...) should be a declared dataclass, choice(...),"
                " nested(...) or repeated(...), and is a field of another kind"
            )
        declared = element.metadata[DECLARED]
    return _field(RepeatedField(declared, least, most, conditions_of(when)))


def _field(declared: Declaration) -> Any:
    return dataclasses.field(metadata={DECLARED: declared})


@dataclass(frozen=True)
class DeclaredSpace(AbstractSpace[A]):
    """The space of all architectures that a dataclass declares with `choice` and its like.

    Its name is the dataclass's in lower case: `ResNet` is called `res-net`. Decisions follow the
    order of the fields. A nested field's are called `field.inner`; a tuple's `field.length`, and
    `field.1`, `field.2`, ...

    Args:
        architecture: The frozen dataclass.

    Raises:
        SettingError: The declaration is wrong; the message names the field.
    """

    architecture: type[A]

    def __post_init__(self) -> None:
        check_declaration(self.architecture)
        object.__setattr__(self, "name", _hyphenated(self.architecture.__name__))
        check_decisions(self.decisions)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The dataclass's name, with its module, and what its fields declare.

        With the name the space can be made again; `fields` tell whether the dataclass has changed
        since, so that old answers are not read as other architectures.
        """
        return {"name": object_name(self.architecture), "fields": written(self.architecture)}

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """The declared choices, in the order of the fields."""
        return tuple(decisions_of(self.architecture))

    def decode(self, answers: Answers) -> A:
        """The architecture that the answers mean."""
        self.check(answers)
        active = active_decisions(self.decisions, answers)
        values = {
            decision.name: decision.choices[answer]
            for decision, answer, live in zip(self.decisions, answers, active, strict=True)
            if live
        }
        made: A = _read_class(self.architecture, "", values)
        return made

    def encode(self, architecture: A) -> Answers:
        """The answers that mean the architecture; 0 for what is not active."""
        if type(architecture) is not self.architecture:
            raise AnswersError(
                f"{self.name}: expected a {self.architecture.__name__}, got"
                f" {type(architecture).__name__}"
            )
        values: dict[str, Any] = {}
        _write_class(architecture, "", values)
        answers = []
        for decision in self.decisions:
            value = values.pop(decision.name, decision.choices[0])
            if value not in decision.choices:
                raise AnswersError(
                    f"{self.name}: {decision.name} is one of {list(decision.choices)}, got"
                    f" {value!r}"
                )
            answers.append(decision.choices.index(value))
        if values:
            raise AnswersError(f"{self.name}: there is no {next(iter(values))} in this space")
        return tuple(answers)


def _hyphenated(name: str) -> str:
    """A class's name in lower case, with hyphens between its words.

    >>> _hyphenated("ResNet"), _hyphenated("MLPMixer2D")
    ('res-net', 'mlp-mixer2d')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


# ---- from values to architectures, and back ------------------------------------------------------
# `values` has the value of every active decision by its name, and none of the others.


def _active(conditions: Conditions, head: str, values: Mapping[str, Any]) -> bool:
    return all(
        head + name in values and values[head + name] in allowed for name, allowed in conditions
    )


def _read_class(architecture: type[Any], head: str, values: Mapping[str, Any]) -> Any:
    made: dict[str, Any] = {}
    for name, declared in declared_fields(architecture).items():
        live = _active(declared.when, head, values)
        made[name] = _read(declared, f"{head}{name}", values) if live else None
    return architecture(**made)


def _read(declared: Declaration, name: str, values: Mapping[str, Any]) -> Any:
    match declared:
        case ChoiceField():
            return values[name]
        case NestedField():
            return _read_class(declared.architecture, f"{name}.", values)
        case RepeatedField():
            length = values[f"{name}.length"]
            return tuple(
                _read(declared.element, f"{name}.{number}", values)
                for number in range(1, length + 1)
            )


def _write_class(architecture: Any, head: str, values: dict[str, Any]) -> None:
    """Put the value of each active decision into `values`."""
    for name, declared in declared_fields(type(architecture)).items():
        value = getattr(architecture, name)
        if _active(declared.when, head, values):
            _write(declared, f"{head}{name}", value, values)
        elif value is not None:
            raise AnswersError(f"{head}{name} is not active, so it must be None; got {value!r}")


def _write(declared: Declaration, name: str, value: Any, values: dict[str, Any]) -> None:
    match declared:
        case ChoiceField():
            values[name] = value
        case NestedField():
            if type(value) is not declared.architecture:
                raise AnswersError(
                    f"{name} should be a {declared.architecture.__name__}, got {value!r}"
                )
            _write_class(value, f"{name}.", values)
        case RepeatedField():
            if not isinstance(value, tuple):
                raise AnswersError(f"{name} should be a tuple, got {value!r}")
            values[f"{name}.length"] = len(value)
            for number, element in enumerate(value, start=1):
                _write(declared.element, f"{name}.{number}", element, values)
