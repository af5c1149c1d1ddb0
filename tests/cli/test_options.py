"""Options of commands, made from models."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from reinas.cli import app, finish, toy
from reinas.cli.compare.options import CompareOptions, TableOptions, WhatOptions
from reinas.cli.options import set_option, set_settings, with_options
from reinas.config.option import Option, option_fields
from reinas.config.options import PartOptions, SearchOptions
from reinas.config.settings import Setting
from reinas.errors import InvalidSettingError, SettingError

MODELS = {
    "search": (PartOptions, SearchOptions),
    "compare": (WhatOptions, TableOptions, CompareOptions),
    "finish": (finish.FinishOptions,),
    "toy": (toy.ToyOptions,),
}


class Colours(BaseModel):
    """Every type of option."""

    depth: Annotated[int, Option("Layers.")] = 3
    rate: Annotated[float | None, Option("The rate.", key="paint.rate")] = None
    shade: Annotated[Literal["light", "dark"], Option("The shade.")] = "light"
    path: Annotated[Path | None, Option("A file.", flag="--to")] = None
    bright: Annotated[bool, Option("Bright.")] = False
    mixed: Annotated[bool, Option("Unmixed.", flag="--no-mixing")] = True
    warm: Annotated[bool | None, Option("Warm.", flag="--warm/--cold")] = None
    hidden: int = 0


@pytest.fixture
def paint():
    """Run a command with the options of `Colours`: what it was given, or its error."""

    def run(*arguments, check=None, **more):
        seen = {}
        application = typer.Typer()

        @application.command()
        @with_options(Colours, **more)
        def command(given, name: Annotated[str, typer.Argument()] = "x", set_: SET = None):
            """Paint."""
            seen.update(given, name=name, set=set_settings(set_))
            if check is not None:
                check()

        result = CliRunner().invoke(application, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return seen, result

    return run


SET = Annotated[list[str] | None, set_option("Anything.")]


def test_only_options_that_were_given_are_handed_over(paint):
    """With the option that gave them, by dotted key."""
    seen, _ = paint("blue", "--depth", "4", "--rate", "0.5", "--to", "x.txt")
    assert seen == {
        "depth": Setting(4, flag="--depth"),
        "paint.rate": Setting(0.5, flag="--rate"),
        "path": Setting(Path("x.txt"), flag="--to"),
        "name": "blue",
        "set": {},
    }


def test_a_switch_sets_the_opposite_of_the_default(paint):
    """True where it is False, False where it is True."""
    seen, _ = paint("--bright", "--no-mixing")
    assert seen["bright"] == Setting(True, flag="--bright")
    assert seen["mixed"] == Setting(False, flag="--no-mixing")


@pytest.mark.parametrize(("flag", "value"), [("--warm", True), ("--cold", False)])
def test_a_pair_of_options_sets_true_or_false(paint, flag, value):
    """Messages cite the one that was given."""
    assert paint(flag)[0]["warm"] == Setting(value, flag=flag)


def test_the_help_text_is_the_models(paint):
    """With defaults, and the words that an option takes."""
    _, result = paint("--help")
    text = " ".join(result.output.split())
    for words in ("Layers. Default: 3.", "light|dark", "The shade. Default: light."):
        assert words in text
    assert "hidden" not in text
    assert "Default: 3." not in paint("--help", defaults=False)[1].output


def test_fields_can_be_left_out(paint):
    """Then the option is not known."""
    assert paint("--depth", "3", without=["depth"])[1].exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "key", "message"),
    [
        ([], "depth", "--depth is odd"),
        ([], "paint.rate", "--rate is odd"),
        (["--cold"], "warm", "--cold is odd"),
        ([], "set", "--set is odd"),
    ],
)
def test_an_error_of_the_library_is_cited_with_the_option(paint, arguments, key, message):
    """Whether the option was given or not."""

    def check():
        raise InvalidSettingError(key, "is odd")

    with pytest.raises(SettingError) as raised:
        paint(*arguments, check=check)
    assert str(raised.value) == message


def test_an_error_about_something_else_stays_as_it_is(paint):
    """No option sets it."""

    def check():
        raise InvalidSettingError("canvas", "is wet")

    with pytest.raises(InvalidSettingError, match="canvas is wet"):
        paint(check=check)


@pytest.mark.parametrize("command", MODELS)
def test_every_field_of_a_command_is_one_of_its_options(command):
    """With a help text that ends with a full stop; no two options have the same name."""
    fields = [field for field in option_fields(MODELS[command]) if field.name != "policy"]
    assert len({field.flag for field in fields}) == len(fields)
    shown = CliRunner().invoke(app.app, [command, "--help"], env={"COLUMNS": "200"}).output
    for field in fields:
        assert all(flag in shown for flag in field.flag.split("/"))
        assert field.option.help.endswith(".")
