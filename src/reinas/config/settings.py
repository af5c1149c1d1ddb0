"""From the command line and TOML files to the objects of a search.

A setting has one dotted key everywhere: `trials`, `space.name`, `space.depth`,
`policy.learning_rate`, `recipe.epochs`. Later sources win: file, options, --set.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from reinas.config.run_options import RunOptions
from reinas.errors import FileError, InvalidSettingError, SettingError, nearest
from reinas.finishing.recipe_grid import RecipeGrid
from reinas.registry import (
    DEFAULT_TASK,
    PLACES,
    check,
    explained,
    find,
    make,
    parameters,
    resolve,
)
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.spaces.growth import Growth
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import Recipe

DEFAULT_POLICY = "bayes"  # docs/results/compare.md has why
MOST = 10**9  # trials; more than any store could hold
FITTING = {0: "recurrent", 1: "mlp", 3: "conv"}
"""Which space suits examples of so many axes."""
NAMED_SECTIONS = ("space", "task", "policy", "recipe")
SECTIONS = (*NAMED_SECTIONS, "growth")


class Plain(RunOptions):
    """The settings without a section."""

    trials: Annotated[int, Field(ge=1, le=MOST)] = 64
    children: Annotated[int, Field(ge=1, le=MOST)] | None = None
    """None: as many as the policy likes."""
    seed: int = 0
    repeats: Literal["train", "reuse"] = "reuse"
    max_parameters: Annotated[int, Field(ge=1)] | None = None
    max_flops: Annotated[int, Field(ge=1)] | None = None
    grow: bool = False
    store: str = "reinas.db"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, and where it was given, for messages."""

    value: Any
    origin: str = ""


Settings = dict[str, Setting]  # by dotted key


@dataclass(frozen=True)
class Config:
    """Everything that a search is made from."""

    plain: Plain
    space: AbstractSpace[Any]
    task: AbstractTask
    recipe: Recipe
    growth: Growth | None
    policy: Mapping[str, Any]
    """The policy's settings: making it needs torch, so that is left to whoever runs it."""


def read_toml(path: Path) -> Settings:
    """The settings in a TOML file, by dotted key, each with its line."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not UTF-8 text (byte {error.start}): save it as such") from None
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{path} is not TOML: {error}") from None
    flat: Settings = {}
    for key, value in data.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{k}": Setting(v) for k, v in value.items()}
        else:
            flat[f"{key}.name" if key in NAMED_SECTIONS else key] = Setting(value)
    return {
        key: replace(setting, origin=f"{path}, line {_line(text, key)}")
        for key, setting in flat.items()
    }


def _line(text: str, key: str) -> int:
    """The line on which a dotted key is set; the first if it cannot be told."""
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            section = header[1] + "."
        elif assigned := re.match(r"\s*([\w.\"'-]+(?:\s*\.\s*[\w\"'-]+)*)\s*=", line):
            name = re.sub(r"[\s\"']", "", section + assigned[1])
            if name == key or (name in NAMED_SECTIONS and key.startswith(name + ".")):
                return number
    return 1


def parse_set(texts: Iterable[str]) -> Settings:
    """`key=value` pairs; values as in TOML, but text needs no quotes, in lists neither."""
    result: Settings = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SettingError(f"--set takes key=value, such as space.depth=4; got {text!r}")
        key = key.strip()
        name = f"{key}.name" if key in NAMED_SECTIONS else key
        result[name] = Setting(parse_value(value.strip()), f"--set {text}")
    return result


def parse_value(text: str) -> Any:
    """A value as TOML has it; text needs no quotes, in lists neither."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text.startswith("[") and text.endswith("]"):
            return [parse_value(item.strip()) for item in text[1:-1].split(",")]
        return text


def configure(*sources: Settings) -> Config:
    """The objects that the settings describe; later sources win.

    Messages cite where the setting at fault was given.
    """
    merged: Settings = {}
    for source in sources:
        merged |= source
    _check_keys(merged)
    parts = {
        section: {
            key.removeprefix(section + "."): setting.value
            for key, setting in merged.items()
            if key.startswith(section + ".")
        }
        for section in SECTIONS
    }
    plain_values = {k: s.value for k, s in merged.items() if "." not in k}
    try:
        try:
            plain = Plain(**plain_values)
        except pydantic.ValidationError as error:
            raise explained("", error) from None
        space, task = _space_and_task(parts["space"], parts["task"])
        recipe = replace(task.recipe, **check("recipe", Recipe, parts["recipe"]))
        growth = None
        if plain.grow or parts["growth"]:
            growth = Growth(**check("growth", Growth, parts["growth"]))
        policy = {"name": DEFAULT_POLICY} | parts["policy"]
        resolve("policy", policy)  # refuses what is wrong; making it is left to whoever runs it
    except InvalidSettingError as error:
        setting = merged.get(error.key) or merged.get(f"{error.key}.name")
        if setting is None or not setting.origin:
            raise
        raise SettingError(f"{setting.origin}: {error.key} {error.problem}") from None
    return Config(plain, space, task, recipe, growth, policy)


def _space_and_task(
    space: dict[str, Any], task: dict[str, Any]
) -> tuple[AbstractSpace[Any], AbstractTask]:
    """Both, made; where only one is named, the other is one that fits it.

    `images:FOLDER` is short for the task images with its path.
    """
    task = placed(task)
    if "name" not in space and "name" in task:
        made = make("task", task)
        fitting = FITTING.get(len(made.inputs), "mlp")
        return make("space", {"name": fitting} | space), made
    made_space = make("space", {"name": "conv"} | space)
    return made_space, make("task", {"name": DEFAULT_TASK[made_space.name]} | task)


def make_grid(settings: Settings) -> RecipeGrid:
    """The grid that `grid.*` settings describe; other keys are not for `reinas finish`."""
    values = {}
    for key, setting in settings.items():
        head, _, rest = key.partition(".")
        if head != "grid" or not rest:
            raise SettingError(f"{setting.origin}: {key} is not known: a grid takes grid.*")
        values[rest] = setting.value
    return RecipeGrid(**check("grid", RecipeGrid, values))


def placed(task: dict[str, Any]) -> dict[str, Any]:
    """The settings with what follows a colon in the name as a parameter of its own."""
    name, colon, place = str(task.get("name", "")).partition(":")
    if not colon or name not in PLACES:
        return task
    if PLACES[name] in task:
        raise SettingError(
            f"task: {place} after the colon and task.{PLACES[name]}={task[PLACES[name]]} are two"
            " places: give one"
        )
    return {**task, "name": name, PLACES[name]: place}


def make_task(name: str) -> AbstractTask:
    """The task of that name, or images:FOLDER and its like, with its defaults."""
    made: AbstractTask = make("task", placed({"name": name}))
    return made


def _check_keys(merged: Settings) -> None:
    for key, setting in merged.items():
        head, dot, rest = key.partition(".")
        if (dot and head in SECTIONS and rest) or (not dot and key in Plain.model_fields):
            continue
        known = [*Plain.model_fields, *SECTIONS]
        where = f"{setting.origin}: " if setting.origin else ""
        raise SettingError(f"{where}{head} is not known: {nearest(head, known)}")


def make_policy(config: Config) -> Any:
    """The policy, its initial weights drawn from the search's seed unless told otherwise."""
    settings = config.policy
    if "seed" in parameters(find("policy", settings["name"])):
        settings = {"seed": derive(config.plain.seed, "policy"), **settings}
    return make("policy", settings, space=config.space)


def restored(settings: Mapping[str, Any], options: Settings) -> Config:
    """The objects of a search that is in a store, by its settings there and new plain options."""
    try:
        stored = {f"policy.{key}": value for key, value in settings["policy"].items()}
        stored |= {f"space.{key}": value for key, value in settings["space"].items()}
        for section in ("task", "recipe"):
            part = settings["evaluator"][section]
            stored |= {f"{section}.{key}": value for key, value in part.items()}
        stored |= {"children": settings["batch_size"], "seed": settings["seed"]}
        stored |= {"repeats": "reuse" if settings["reuse"] else "train"}
        stored |= {f"growth.{key}": value for key, value in settings.get("growth", {}).items()}
        stored |= settings.get("schedule", {})
        limits = settings["evaluator"].get("limits", {})
        stored |= {f"max_{key}": value for key, value in limits.items()}
        return configure({key: Setting(value) for key, value in stored.items()}, options)
    except (KeyError, TypeError, AttributeError, InvalidSettingError) as error:
        raise SettingError(
            f"this search was made in Python with parts of its own ({error}):"
            " go on with it by calling reinas.search() there again"
        ) from None
