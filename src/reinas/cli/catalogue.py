"""`reinas spaces`, `tasks`, `policies`, `tables`: everything that has a name."""

import inspect
from typing import Any

from reinas.cli.options import JsonOption
from reinas.cli.output import out, print_json
from reinas.errors import InvalidSettingError
from reinas.plugins import Kind
from reinas.registry import find, names, parameters, summary, words
from reinas.report.terminal import table
from reinas.rewards import REWARDS
from reinas.tasks.scaling import WHITENING

NAMES: dict[Kind, dict[str, Any]] = {"task": {"reward": ("auto", *REWARDS), "whitening": WHITENING}}
"""The words of parameters whose types do not list them."""


def _catalogue(kind: Kind, as_json: bool) -> None:
    entries = {name: _entry(kind, name) for name in names(kind)}
    if as_json:
        print_json(entries)
        return
    rows = [(name, _described(kind, entry)) for name, entry in entries.items()]
    out.print(table(["name", "what it is, and its parameters for --set"], rows))


def _entry(kind: Kind, name: str) -> dict[str, Any]:
    """What there is to know of a name; of a broken package the reason why it cannot be used."""
    try:
        target = find(kind, name)
    except InvalidSettingError as error:
        return {"summary": f"cannot be used: {error.problem}", "parameters": {}, "choices": {}}
    return {
        "summary": summary(kind, name),
        "parameters": {
            key: None if default is inspect.Parameter.empty else default
            for key, default in parameters(target).items()
        },
        "choices": NAMES.get(kind, {}) | words(target),
    }


def _described(kind: Kind, entry: dict[str, Any]) -> str:
    """The summary, and each parameter with its default, as `--set` takes it."""
    options = []
    for key, value in entry["parameters"].items():
        known = entry["choices"].get(key)
        hint = f"  ({', '.join(known)})" if known else ""
        options.append(f"{kind}.{key}={_text(value)}{hint}")
    lines: list[str] = [entry["summary"], *options, ""]
    return "\n".join(lines)


def _text(value: object) -> str:
    """A default as it would be typed after --set."""
    if isinstance(value, tuple):
        return "[" + ",".join(map(str, value)) + "]"
    return str(value)


def spaces(json: JsonOption = False) -> None:
    """List the spaces: what may be built.

    Example: `reinas spaces`
    """
    _catalogue("space", json)


def tasks(json: JsonOption = False) -> None:
    """List the tasks: what a network can be for.

    Example: `reinas tasks`
    """
    _catalogue("task", json)


def policies(json: JsonOption = False) -> None:
    """List the policies: what proposes architectures.

    Example: `reinas policies`
    """
    _catalogue("policy", json)


def tables(json: JsonOption = False) -> None:
    """List the tables of rewards on which policies can be compared.

    Example: `reinas tables`
    """
    _catalogue("table", json)
