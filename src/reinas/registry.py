"""Spaces, tasks, policies, tables and executors by name, made from checked settings.

Settings come from the command line, a TOML file or a store. A name is built in, an entry point of
an installed package, or `module:Name` (`plugins.py`). It stands for a class or function, whose
parameters are the settings. Pydantic checks their types; the class or function checks their ranges.
"""

import inspect
import json
import re
import typing
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar

import pydantic

from reinas.errors import InvalidSettingError, nearest
from reinas.plugins import GROUPS, Kind, entry_point, entry_point_names, loaded
from reinas.recorded import different, name_given, plain

M = TypeVar("M", bound=pydantic.BaseModel)
NAMED: dict[Kind, dict[str, str]] = {
    "space": {
        "conv": "reinas.spaces.conv:ConvSpace",
        "conv-blocks": "reinas.spaces.conv:conv_blocks",
        "lstm": "reinas.spaces.lstm:LstmSpace",
        "mlp": "reinas.spaces.mlp:MlpSpace",
        "nasbench201": "reinas.spaces.nasbench201:NasBench201Space",
        "product": "reinas.spaces.product:product_space",
        "recurrent": "reinas.spaces.recurrent:RecurrentSpace",
        "stages": "reinas.spaces.stages:StagesSpace",
        "tabular": "reinas.spaces.tabular:TabularSpace",
        "toy": "reinas.spaces.toy:ToySpace",
    },
    "task": {
        "arrays": "reinas.tasks.arrays:Arrays",
        "breast_cancer": "reinas.tasks.sklearn_data:BreastCancer",
        "cifar10": "reinas.tasks.public_images:Cifar10",
        "diabetes": "reinas.tasks.sklearn_data:Diabetes",
        "digits": "reinas.tasks.sklearn_data:Digits",
        "images": "reinas.tasks.images:Images",
        "mnist": "reinas.tasks.public_images:Mnist",
        "table": "reinas.tasks.tables:Table",
        "text": "reinas.tasks.text:Text",
        "toy": "reinas.tasks.toy:Toy",
        "wine": "reinas.tasks.sklearn_data:Wine",
    },
    "policy": {
        "bayes": "reinas.policies.bayes:BayesianSearch",
        "evolution": "reinas.policies.evolution:Evolution",
        "fixed": "reinas.policies.fixed:Fixed",
        "independent": "reinas.policies.reinforce:independent",
        "local": "reinas.policies.local:LocalSearch",
        "optuna": "reinas.policies.optuna_samplers:AnyOptunaSampler",
        "optuna-gp": "reinas.policies.optuna_samplers:OptunaGp",
        "pareto": "reinas.policies.pareto:Pareto",
        "pareto-evolution": "reinas.policies.pareto:ParetoEvolution",
        "ppo": "reinas.policies.ppo:ppo",
        "random": "reinas.policies.random:RandomSearch",
        "replay": "reinas.policies.replay:replay",
        "tpe": "reinas.policies.optuna_samplers:Tpe",
        "zoph-le": "reinas.policies.reinforce:zoph_le",
    },
    "table": {
        "analognasbench": "reinas.tables.analog:analognasbench",
        "conv-landscape": "reinas.tables.landscape:ConvLandscape",
        "csv": "reinas.tables.csv_table:csv_table",
        "hpobench": "reinas.tables.packages:hpobench",
        "hpolib": "reinas.tables.packages:hpolib",
        "landscape": "reinas.tables.landscape:Landscape",
        "nasbench201": "reinas.tables.packages:nasbench201",
        "nasbenchgraph": "reinas.tables.graph_networks:nasbenchgraph",
    },
    "executor": {
        "processes": "reinas.executors.processes:Processes",
        "ray": "reinas.executors.ray:Cluster",
        "serial": "reinas.executors.serial:Serial",
    },
}

DEFAULT_TASK = {
    "conv": "digits",
    "lstm": "text",
    "mlp": "breast_cancer",
    "nasbench201": "digits",
    "recurrent": "text",
    "stages": "digits",
    "tabular": "breast_cancer",
    "toy": "toy",
}

PLACES = {
    "arrays": "path",
    "images": "path",
    "table": "path",
    "text": "path",
    "mnist": "folder",
    "cifar10": "folder",
    "analognasbench": "metric",
    "csv": "path",
    "hpobench": "data",
    "hpolib": "data",
    "nasbench201": "data",
    "nasbenchgraph": "data",
    "optuna": "sampler",
}
"""The parameter that `name:PLACE` sets, such as the path in images:FOLDER."""

BOUND = {"space"}  # parameters that are not settings, such as the space of a policy


def names(kind: Kind) -> list[str]:
    """All names of a kind: the built-in ones, and the entry points of installed packages.

    Args:
        kind: space, task, policy, table or executor.

    Returns:
        The names in alphabetical order.
    """
    return sorted({*NAMED[kind], *entry_point_names(kind)})


def find(kind: Kind, name: str) -> Any:
    """Look up a name, without making what it stands for.

    Args:
        kind: space, task, policy, table or executor.
        name: One of `names(kind)`, or `module:Name`. The latter is a class, a function with an
            annotated return type, a finished object (not for policies), or, for spaces, a dataclass
            declared with `choice`. Its module is imported, which runs the module's code.

    Returns:
        A class or function that makes an object of that kind, or the finished object.

    Raises:
        InvalidSettingError: The name is unknown, or stands for another kind.
    """
    if not isinstance(name, str):
        raise InvalidSettingError(kind, f"should be a name, got {name!r}")
    if name in NAMED[kind]:
        module, _, attribute = NAMED[kind][name].partition(":")
        return getattr(import_module(module), attribute)
    if (point := entry_point(kind, name)) is not None:
        return loaded(kind, point)
    if ":" in name:
        return loaded(kind, name)
    listing = "" if kind == "executor" else f"see `reinas {GROUPS[kind]}`; "
    raise InvalidSettingError(
        kind,
        f"'{name}' is not known: {nearest(name, names(kind))} ({listing}your own is module:Name)",
    )


def summary(kind: Kind, name: str) -> str:
    """The first paragraph of the docstring behind a name, as one line.

    Args:
        kind: space, task, policy, table or executor.
        name: A name that `find` accepts.

    Raises:
        InvalidSettingError: The name is unknown.
    """
    text = inspect.getdoc(find(kind, name)) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _is_maker(target: Any) -> bool:
    """Whether the target is a class or function to call, and not a finished object."""
    return inspect.isclass(target) or inspect.isfunction(target)


def _signature(target: Any) -> dict[str, Any]:
    """Every named parameter and its default."""
    if not _is_maker(target):
        return {}
    unnamed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(target).parameters.items()
    return {name: parameter.default for name, parameter in found if parameter.kind not in unnamed}


def parameters(target: Any) -> dict[str, Any]:
    """The settings of a class or function, and their defaults.

    Args:
        target: What `find` returned; a finished object has no settings.

    Returns:
        Defaults by name; `inspect.Parameter.empty` for a setting without one.
    """
    return {name: default for name, default in _signature(target).items() if name not in BOUND}


def words(target: Any) -> dict[str, tuple[str, ...]]:
    """The settings whose type is a `Literal`.

    Args:
        target: What `find` returned.

    Returns:
        The allowed words of each such setting, by name.
    """
    hints = _hints(target)
    return {
        name: typing.get_args(hints[name])
        for name in parameters(target)
        if typing.get_origin(hints.get(name)) is typing.Literal
    }


def resolve(kind: Kind, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Look up `settings["name"]` and check the other settings.

    Args:
        kind: space, task, policy, table or executor.
        settings: The name and the parameters.

    Returns:
        What `find` returns, and the parameters, converted to their types.

    Raises:
        InvalidSettingError: The name or a parameter is unknown, or a value has the wrong type, or
            is not the one that a finished object has.
    """
    values = dict(settings)
    name = values.pop("name")
    target = find(kind, name)
    if not _is_maker(target):
        values = _not_recorded(kind, name, target, values)
    for key in values.keys() - parameters(target).keys():
        if owners := [n for n in NAMED[kind] if key in parameters(find(kind, n))]:
            raise InvalidSettingError(
                f"{kind}.{key}", f"is no setting of {kind} {name}, but of {', '.join(owners)}"
            )
    return target, check(kind, target, values)


def _not_recorded(kind: Kind, name: str, thing: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The values without those that a finished object has recorded of itself, which must be its."""
    own, wanted = plain(thing.settings), plain(values)
    for key in wanted.keys() & own.keys():
        if changed := different(own[key], wanted[key], f"{kind}.{key}"):
            where, has, asked = changed[0]
            raise InvalidSettingError(
                where,
                f"should be {asked}, and is {has} in {name}, which decides it itself: change it"
                " there",
            )
    return {key: value for key, value in values.items() if key not in own}


def make(kind: Kind, settings: Mapping[str, Any], **bound: Any) -> Any:
    """Make the object that the settings describe.

    Args:
        kind: space, task, policy, table or executor.
        settings: The name and the parameters. Of an object that a function of yours has made, or
            that is finished, its own settings, too, as they were recorded: they have to be its.
        **bound: Arguments that are not settings, such as the `space` of a policy.

    Returns:
        The object.

    Raises:
        InvalidSettingError: The name or a parameter is unknown, a value has the wrong type or is
            not the object's own, or a parameter without a default is missing.
    """
    name = settings["name"]
    target = find(kind, name)
    if not _is_maker(target):
        resolve(kind, settings)
        return _named(kind, target, {"name": name})
    recorded = {}
    if inspect.isfunction(target) and name not in NAMED[kind]:
        known = {"name", *parameters(target)}
        recorded = {key: value for key, value in settings.items() if key not in known}
        settings = {key: value for key, value in settings.items() if key in known}
    target, values = resolve(kind, settings)
    for key in bound.keys() - _signature(target).keys():
        raise InvalidSettingError(
            kind, f"'{name}' should take a parameter {key}, which it is made for"
        )
    for key, default in parameters(target).items():
        if default is inspect.Parameter.empty and key not in values:
            raise InvalidSettingError(f"{kind}.{key}", "has no default and is missing")
    made = target(**bound, **values)
    if recorded:
        check(kind, target, _not_recorded(kind, name, made, recorded))
    if not inspect.isfunction(target):
        return made
    return _named(kind, made, {**parameters(target), **values, "name": name})


def _named(kind: Kind, thing: Any, given: Mapping[str, Any]) -> Any:
    """The object, to be recorded by the given name where its own settings do not make it again."""
    if kind not in ("space", "task"):
        return thing
    try:
        found = find(kind, thing.settings["name"])
    except InvalidSettingError:
        found = None
    if not (found is type(thing) or isinstance(found, type(thing)) or inspect.isfunction(found)):
        name_given(thing, given)
    return thing


def check(section: str, target: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert values to the types of a callable's parameters.

    Args:
        section: Prefix of the parameters' names in messages, such as `space`.
        target: The callable.
        values: The values by parameter.

    Returns:
        The converted values by parameter.

    Raises:
        InvalidSettingError: A parameter is unknown, or a value has the wrong type.
    """
    known = parameters(target)
    for key in values:
        if key not in known:
            hint = nearest(key, known) if known else "it has no parameters"
            raise InvalidSettingError(f"{section}.{key}", f"is not known: {hint}")
    made = validated(section, _model(target), values)
    return {key: getattr(made, key) for key in values}


def validated(section: str, model: type[M], values: Mapping[str, Any]) -> M:
    """A model made from values, which are converted to the types of its fields.

    Args:
        section: Prefix of the keys in messages; may be empty.
        model: Has the fields.
        values: The values by field.

    Raises:
        InvalidSettingError: A value has the wrong type, or is true or false for a number.
    """
    try:
        made = model(**values)
    except pydantic.ValidationError as error:
        raise explained(section, error) from None
    for key, value in values.items():
        if _was_truth(value, getattr(made, key)):
            name = ".".join(part for part in (section, key) if part)
            raise InvalidSettingError(name, f"should be a number, got {json.dumps(value)}")
    return made


def _was_truth(given: Any, made: Any) -> bool:
    """Whether true or false has become a number, which Python allows and nobody means."""
    if isinstance(given, list | tuple) and isinstance(made, list | tuple):
        return any(map(_was_truth, given, made))
    return isinstance(given, bool) and isinstance(made, int | float) and not isinstance(made, bool)


def explained(section: str, error: pydantic.ValidationError) -> InvalidSettingError:
    """The first of pydantic's errors, in one sentence about one key.

    Args:
        section: Prefix of the key in the message; may be empty.
        error: Pydantic's errors.
    """
    first = error.errors()[0]
    key = ".".join([part for part in (section, str(first["loc"][0])) if part])
    # "Input should be a valid integer, unable to parse string" -> "should be a valid integer"
    wanted = re.sub(r"^Input |, (unable to parse|got a number).*$", "", first["msg"])
    wanted = wanted.replace("a valid tuple", "a list, such as [1,2]")
    return InvalidSettingError(key, f"{wanted}, got {first['input']!r}")


def _hints(target: Any) -> dict[str, Any]:
    """The types of the parameters, as far as they are known; none for a finished object."""
    if not _is_maker(target):
        return {}
    try:
        return typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except NameError:  # imported for type checkers only
        return {}


@lru_cache(maxsize=64)
def _model(target: Any) -> type[pydantic.BaseModel]:
    """A pydantic model of the callable's parameters."""
    hints = _hints(target)
    fields: dict[str, Any] = {
        name: (hints.get(name, Any), default) for name, default in parameters(target).items()
    }
    anything = pydantic.ConfigDict(arbitrary_types_allowed=True)
    return pydantic.create_model("Settings", __config__=anything, **fields)
