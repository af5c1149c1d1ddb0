"""Options of commands, made from the models of `reinas.config` and those of the commands."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import pydantic
import typer
from typer.models import ArgumentInfo

from reinas.config.option import OptionField, option_fields
from reinas.config.settings import Setting, cited, parse_set

SET = "--set"
Command = Callable[..., None]

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]
NameArgument = Annotated[str, typer.Argument(help="The search's name; see `reinas list`.")]


def set_option(help_text: str, metavar: str = "KEY=VALUE") -> Any:
    """`--set`, with a command's own help; annotates a parameter that is a list of texts."""
    return typer.Option(SET, help=help_text, metavar=metavar)


def set_settings(texts: Sequence[str] | None) -> dict[str, Setting]:
    """The settings that `--set` has given."""
    return parse_set(texts or (), SET)


def with_options(
    *models: type[pydantic.BaseModel], without: Sequence[str] = (), defaults: bool = True
) -> Callable[[Command], Command]:
    """Give a command the fields of models as options.

    The command gets those that were given as `given`: settings by dotted key. An
    `InvalidSettingError` that it raises is cited with the option that sets the key.

    Args:
        models: Their fields that have an `Option`.
        without: Names of fields that the command does not have.
        defaults: Whether the help text has the fields' defaults.
    """
    fields = tuple(option_fields(models, without))

    def decorate(command: Command) -> Command:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "given"]
        flags = {field.key: Setting(None, flag=field.flag) for field in fields}
        flags["set"] = Setting(None, flag=SET)

        def run(**values: Any) -> None:
            mine = {parameter.name: values.pop(parameter.name) for parameter in own}
            given = dict(_given(fields, values))
            with cited(flags | given):
                command(**mine, given=given)

        # the arguments first, then the models' options in their order, then the command's own
        arguments = [p for p in own if _is_argument(p)]
        others = [p for p in own if not _is_argument(p)]
        made = [_parameter(field, defaults) for field in fields]
        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in (*arguments, *made, *others)
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__doc__, run.__name__ = command.__doc__, command.__name__
        return run

    return decorate


def _given(fields: Sequence[OptionField], values: dict[str, Any]) -> Iterator[tuple[str, Setting]]:
    """The options that were given, by dotted key."""
    for field in fields:
        value = values[field.name]
        if field.is_switch:
            if value:
                yield field.key, Setting(not field.default, flag=field.flag)
        elif value is not None:
            flag = field.flag
            if "/" in flag:  # such as --maximise/--minimise
                flag = flag.split("/")[0 if value else 1]
            yield field.key, Setting(value, flag=flag)


def _is_argument(parameter: inspect.Parameter) -> bool:
    return any(isinstance(part, ArgumentInfo) for part in get_args(parameter.annotation))


def _parameter(field: OptionField, defaults: bool) -> inspect.Parameter:
    """The Typer parameter of a field; None stands for an option that was not given."""
    option = field.option
    choices = get_args(field.type) if get_origin(field.type) is Literal else ()
    text = option.help
    if defaults and not field.is_switch and field.default is not None:
        text += f" Default: {field.default}."
    made = typer.Option(
        field.flag,
        help=text,
        metavar=option.metavar or ("|".join(choices) or None),
        rich_help_panel=option.panel,
        show_default=False,
    )
    kind = str if choices else field.type
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if field.is_switch else None,
        annotation=Annotated[kind if field.is_switch else kind | None, made],
    )
