"""Spaces, tasks, policies, tables and executors by name, made from checked settings.

Settings come from people: the command line, a TOML file, a store. A name is one of reinas's own,
an entry point of an installed package, or `module:Name` (`plugins.py`). Each named thing is a
callable whose parameters, with their types and defaults, say which settings there are; pydantic
checks the types and the callable itself the ranges.
"""

import inspect
import re
import typing
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

import pydantic

from reinas.errors import InvalidSettingError, nearest
from reinas.plugins import GROUPS, Kind, entry_point, entry_point_names, loaded

NAMED: dict[Kind, dict[str, str]] = {
    "space": {
        "conv": "reinas.spaces.conv:ConvSpace",
        "conv-blocks": "reinas.spaces.conv:conv_blocks",
        "mlp": "reinas.spaces.mlp:MlpSpace",
        "nasbench201": "reinas.spaces.nasbench201:NasBench201Space",
        "product": "reinas.spaces.product:ProductSpace",
        "recurrent": "reinas.spaces.recurrent:RecurrentSpace",
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
        "random": "reinas.policies.random:RandomSearch",
        "tpe": "reinas.policies.tpe:Tpe",
        "zoph-le": "reinas.policies.reinforce:zoph_le",
    },
    "table": {
        "csv": "reinas.tables.csv_table:csv_table",
        "hpobench": "reinas.tables.packages:hpobench",
        "hpolib": "reinas.tables.packages:hpolib",
        "landscape": "reinas.tables.landscape:Landscape",
        "nasbench201": "reinas.tables.packages:nasbench201",
    },
    "executor": {
        "processes": "reinas.executors.processes:Processes",
        "ray": "reinas.executors.ray:Cluster",
        "serial": "reinas.executors.serial:Serial",
    },
}

DEFAULT_TASK = {
    "conv": "digits",
    "mlp": "breast_cancer",
    "nasbench201": "digits",
    "recurrent": "text",
    "toy": "toy",
}

PLACES = {
    "arrays": "path",
    "images": "path",
    "table": "path",
    "text": "path",
    "mnist": "folder",
    "cifar10": "folder",
    "csv": "path",
    "hpobench": "data",
    "hpolib": "data",
    "nasbench201": "data",
}
"""Which parameter of a task or a table takes what follows its name and a colon: images:FOLDER."""

BOUND = {"space"}  # parameters that are not settings: a policy is made for a space


def names(kind: Kind) -> list[str]:
    """All names of a kind: reinas's own, and the entry points of installed packages."""
    return sorted({*NAMED[kind], *entry_point_names(kind)})


def find(kind: Kind, name: str) -> Any:
    """The callable that makes the thing of that name, or the thing itself.

    Args:
        kind: space, task, policy, table or executor.
        name: One of `names(kind)`, or `module:Name`: a class, a function that says what it
            returns, a ready object, or, for spaces, a dataclass declared with `choice`.

    Raises:
        InvalidSettingError: There is no such thing, or it is of another kind.
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
    raise InvalidSettingError(
        kind,
        f"'{name}' is not known: {nearest(name, names(kind))} (see `reinas {GROUPS[kind]}`; your"
        " own is module:Name)",
    )


def summary(kind: Kind, name: str) -> str:
    """The first paragraph of its documentation, as one line."""
    text = inspect.getdoc(find(kind, name)) or ""
    return " ".join(text.partition("\n\n")[0].split())


def parameters(target: Any) -> dict[str, Any]:
    """The settings that the callable takes, and their defaults; a ready object takes none."""
    if not (inspect.isclass(target) or inspect.isfunction(target)):
        return {}
    return {
        name: parameter.default
        for name, parameter in inspect.signature(target).parameters.items()
        if name not in BOUND
    }


def words(target: Any) -> dict[str, tuple[str, ...]]:
    """The settings that take one of a few words, and the words."""
    if not parameters(target):
        return {}
    function = target.__init__ if inspect.isclass(target) else target
    hints = typing.get_type_hints(function)
    return {
        name: typing.get_args(hint)
        for name, hint in hints.items()
        if typing.get_origin(hint) is typing.Literal and name in parameters(target)
    }


def resolve(kind: Kind, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The callable that `settings["name"]` names, and the other settings, checked."""
    values = dict(settings)
    name = values.pop("name")
    target = find(kind, name)
    for key in values.keys() - parameters(target).keys():
        if owners := [n for n in NAMED[kind] if key in parameters(find(kind, n))]:
            raise InvalidSettingError(
                f"{kind}.{key}", f"is no setting of {kind} {name}, but of {', '.join(owners)}"
            )
    return target, check(kind, target, values)


def make(kind: Kind, settings: Mapping[str, Any], **bound: Any) -> Any:
    """The space, task or policy with these settings; `settings["name"]` says which.

    Raises:
        InvalidSettingError: A setting is unknown, does not fit, or is missing without a default.
    """
    target, values = resolve(kind, settings)
    for key, default in parameters(target).items():
        if default is inspect.Parameter.empty and key not in values and key not in bound:
            raise InvalidSettingError(f"{kind}.{key}", "has no default and is missing")
    if inspect.isclass(target) or inspect.isfunction(target):
        return target(**bound, **values)
    return target


def check(section: str, target: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, converted to the parameters' types; `InvalidSettingError` where they are not."""
    known = parameters(target)
    for key in values:
        if key not in known:
            hint = nearest(key, known) if known else "it has no parameters"
            raise InvalidSettingError(f"{section}.{key}", f"is not known: {hint}")
    try:
        model = _model(target)(**values)
    except pydantic.ValidationError as error:
        raise explained(section, error) from None
    return {key: getattr(model, key) for key in values}


def explained(section: str, error: pydantic.ValidationError) -> InvalidSettingError:
    """Pydantic's first complaint as one sentence about one key."""
    first = error.errors()[0]
    key = ".".join([part for part in (section, str(first["loc"][0])) if part])
    # "Input should be a valid integer, unable to parse string" -> "should be a valid integer"
    wanted = re.sub(r"^Input |, (unable to parse|got a number).*$", "", first["msg"])
    wanted = wanted.replace("a valid tuple", "a list, such as [1,2]")
    return InvalidSettingError(key, f"{wanted}, got {first['input']!r}")


@lru_cache(maxsize=64)
def _model(target: Any) -> type[pydantic.BaseModel]:
    """A pydantic model of the callable's parameters."""
    function = target.__init__ if inspect.isclass(target) else target
    hints = typing.get_type_hints(function)
    fields: dict[str, Any] = {
        name: (hints.get(name, Any), default) for name, default in parameters(target).items()
    }
    return pydantic.create_model("Settings", **fields)
