"""How a field of a model is given on the command line. Knows no command-line library."""

import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pydantic


@dataclass(frozen=True, slots=True)
class Option:
    """What a field's annotation says about its option, as `Annotated[int, Option("...")]`.

    Args:
        help: One or two sentences.
        metavar: What stands for the value in the help text. None: made from the type.
        panel: The heading under which the help text lists the option. None: the general one.
        flag: The option as it is typed. None: made from the field's name.
        key: The setting's dotted key. None: the field's name.
    """

    help: str
    metavar: str | None = None
    panel: str | None = None
    flag: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class OptionField:
    """A field of a model together with its option.

    Args:
        name: The field's name.
        type: The type of one value: the annotation without None.
        default: The field's default.
        option: What its annotation says.
    """

    name: str
    type: Any
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return self.option.flag or "--" + self.name.replace("_", "-")

    @property
    def key(self) -> str:
        """The setting's dotted key."""
        return self.option.key or self.name

    @property
    def is_switch(self) -> bool:
        """Whether the option takes no value: giving it sets the opposite of the default."""
        return self.type is bool and "/" not in self.flag


def option_fields(
    models: Iterable[type[pydantic.BaseModel]], without: Iterable[str] = ()
) -> Iterator[OptionField]:
    """The fields of the models that have an `Option`, in order, without those named."""
    for model in models:
        for name, field in model.model_fields.items():
            option = next((part for part in field.metadata if isinstance(part, Option)), None)
            if option is not None and name not in without:
                yield OptionField(name, _without_none(field.annotation), field.default, option)


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return next(kind for kind in typing.get_args(annotation) if kind is not types.NoneType)
    return annotation
