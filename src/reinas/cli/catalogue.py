"""`reinas spaces`, `tasks`, `policies`, `tables`: what there is."""

import inspect
from typing import Any

from reinas.cli.options import JsonOption
from reinas.cli.output import out, print_json
from reinas.plugins import Kind
from reinas.registry import NAMED, find, parameters, summary, words
from reinas.report.terminal import table
from reinas.tasks.rewards import REWARDS
from reinas.tasks.scaling import WHITENING

NAMES: dict[Kind, dict[str, Any]] = {"task": {"reward": ("auto", *REWARDS), "whitening": WHITENING}}
"""What parameters may be whose words are not in their types."""


def _catalogue(kind: Kind, as_json: bool) -> None:
    entries: dict[str, dict[str, Any]] = {
        name: {
            "summary": summary(kind, name),
            "parameters": {
                key: None if default is inspect.Parameter.empty else default
                for key, default in parameters(find(kind, name)).items()
            },
            "choices": NAMES.get(kind, {}) | words(find(kind, name)),
        }
        for name in NAMED[kind]
    }
    if as_json:
        print_json(entries)
        return
    rows = [(name, _described(kind, entry)) for name, entry in entries.items()]
    out.print(table(["name", "what it is, and its parameters for --set"], rows))


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
    """List what may be built.

    Example: `reinas spaces`
    """
    _catalogue("space", json)


def tasks(json: JsonOption = False) -> None:
    """List what a network can be searched for.

    Example: `reinas tasks`
    """
    _catalogue("task", json)


def policies(json: JsonOption = False) -> None:
    """List who can decide.

    Example: `reinas policies`
    """
    _catalogue("policy", json)


def tables(json: JsonOption = False) -> None:
    """List the tables of rewards that policies can be compared on.

    Example: `reinas tables`
    """
    _catalogue("table", json)
