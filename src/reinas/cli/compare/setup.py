"""From options to what is compared: policies, checkpoints, tables."""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinas.cli.compare.options import CompareOptions, TableOptions
from reinas.compare.comparison import PolicySpec, check, policy_spec, with_stopping
from reinas.config.execution import NO_RULE, make_stopping
from reinas.config.option import option_fields
from reinas.config.places import with_place
from reinas.config.settings import Settings, cited, parse_value
from reinas.errors import FileError, InvalidSettingError, SettingError
from reinas.registry import PLACES, find, make, names

CSV = ".csv"
STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True, slots=True)
class Runs:
    """Which runs a comparison has.

    Args:
        specs: The policies.
        seeds: The seeds, one run of each policy per seed.
        evaluations: Children per run.
        at: The checkpoints, ascending.
    """

    specs: Sequence[PolicySpec]
    seeds: tuple[int, ...]
    evaluations: int
    at: tuple[int, ...]


def make_runs(
    options: CompareOptions, seeds: int, evaluations: int, stopping: Mapping[str, Any]
) -> Runs:
    """The runs that the options describe, checked.

    Args:
        options: The options.
        seeds: How many seeds by default.
        evaluations: How many evaluations by default.
        stopping: Parameters of the rule of early stopping.
    """
    count = seeds if options.seeds is None else options.seeds
    total = evaluations if options.evaluations is None else options.evaluations
    specs = policy_specs(options.policies)
    rule = make_stopping({**stopping, "name": options.stopping or NO_RULE})
    if rule is not None:
        specs = with_stopping(specs, rule.settings)
    if options.at is None:
        at = sorted({max(1, total // share) for share in (8, 4, 2, 1)})
    else:
        at = whole_numbers(options.at)
    check(specs, count, total, at)
    check_files(options)
    numbers = range(options.first_seed, options.first_seed + count)
    return Runs(specs, tuple(numbers), total, tuple(at))


def check_files(options: CompareOptions) -> None:
    """Raise before hours are spent on what cannot be written."""
    if options.html_file == STANDARD_OUTPUT:
        raise InvalidSettingError("html_file", "takes a file; only --json takes standard output")
    for path in (options.json_file, options.html_file):
        if path is not None and path != STANDARD_OUTPUT:
            folder = path.absolute().parent
            if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
                raise FileError(f"{path} cannot be written: give a file in a folder that can")


def split(text: str) -> list[str]:
    """Texts between commas; commas within brackets separate nothing."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "[") - (sign == "]")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def columns(text: str) -> list[str]:
    """Names of columns between commas, as a CSV file has them: quotes hold a name together."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def policy_specs(text: str) -> list[PolicySpec]:
    """Policies between commas, each with its parameters: random,evolution:population=20."""
    return [_policy_spec(label) for label in split(text)]


def _policy_spec(label: str) -> PolicySpec:
    name, *pairs = label.split(":")
    settings: dict[str, Any] = {"name": name}
    if pairs and "=" not in pairs[0]:  # optuna:GPSampler, or module:name
        if name in PLACES:
            settings[PLACES[name]] = pairs.pop(0)
        elif name not in names("policy"):
            settings["name"] = f"{name}:{pairs.pop(0)}"
    if "=" in name:
        raise SettingError(
            f"--policies: {label}: commas separate policies, colons their parameters, as in"
            " evolution:population=20:sample=5"
        )
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidSettingError(
                "policies",
                "takes names with their parameters, such as evolution:population=20:sample=5; got"
                f" {label!r}",
            )
        settings[key] = parse_value(value)
    try:
        return policy_spec(label, settings)
    except InvalidSettingError as error:
        raise SettingError(f"--policies {label}: {error}") from None


def whole_numbers(text: str) -> list[int]:
    """The checkpoints: whole numbers between commas, in ascending order."""
    try:
        return sorted({int(part) for part in split(text)})
    except ValueError:
        raise InvalidSettingError(
            "at", f"takes whole numbers, such as 25,50,100; got {text!r}"
        ) from None


def make_table(name: str, given: Settings, more: Settings) -> Any:
    """The table.

    Args:
        name: A table's name, with what follows a colon, or a CSV file.
        given: The options; those for columns are for CSV files.
        more: Its other parameters, from --set.
    """
    if name.lower().endswith(CSV):
        settings: dict[str, Any] = {"name": "csv", "path": name}
    else:
        settings = with_place({"name": name})
        find("table", settings["name"])  # an unknown one is said first
    for field in option_fields([TableOptions]):
        if field.key in given:
            if settings["name"] != "csv":
                raise InvalidSettingError(
                    field.key, f"is for a table of your own, FILE.csv: {name} knows its columns"
                )
            value = given[field.key].value
            several = field.name in ("decisions", "reward", "fidelities", "invalid")
            settings[field.name] = columns(value) if several else value
    for key, setting in more.items():
        section, _, parameter = key.partition(".")
        if section == "stopping":
            continue
        if section != "table" or not parameter:
            raise SettingError(f"{setting.origin}: with --table there are only table.* settings")
        settings[parameter] = setting.value
    with cited(more):
        return make("table", settings)
