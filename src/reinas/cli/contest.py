"""From options to what `reinas compare` runs: tables, contenders, checkpoints."""

import csv
from collections.abc import Mapping
from typing import Any

from reinas.compare.comparison import PolicySpec, policy_spec
from reinas.config.settings import Settings, parse_value, placed
from reinas.errors import InvalidSettingError, SettingError
from reinas.registry import make

CSV = ".csv"


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


def specs(text: str) -> list[PolicySpec]:
    """Policies between commas, each with its parameters: random,evolution:population=20."""
    result = []
    for label in split(text):
        name, *pairs = label.split(":")
        if "=" in name:
            raise SettingError(
                f"--policies: {label}: commas separate policies, colons their parameters, as in"
                " evolution:population=20:sample=5"
            )
        settings: dict[str, Any] = {"name": name}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals or not key:
                raise SettingError(
                    "--policies takes names with their parameters, such as"
                    f" evolution:population=20:sample=5; got {label!r}"
                )
            settings[key] = parse_value(value)
        try:
            result.append(policy_spec(label, settings))
        except InvalidSettingError as error:
            raise SettingError(f"--policies {label}: {error.key} {error.problem}") from None
    return result


def whole_numbers(option: str, text: str) -> list[int]:
    """Whole numbers between commas, in ascending order."""
    try:
        return sorted({int(part) for part in split(text)})
    except ValueError:
        raise SettingError(
            f"{option} takes whole numbers, such as 25,50,100; got {text!r}"
        ) from None


def table_settings(
    table: str,
    *,
    decisions: str | None,
    reward: str | None,
    report: str | None,
    cost: str | None,
    maximise: bool | None,
    more: Settings,
) -> dict[str, Any]:
    """The settings of a table: a name, with what follows a colon, or a CSV file."""
    settings = {"name": "csv", "path": table} if table.lower().endswith(CSV) else None
    settings = settings or placed({"name": table})
    given: Mapping[str, Any] = {
        "decisions": None if decisions is None else columns(decisions),
        "reward": None if reward is None else columns(reward),
        "report": report,
        "cost": cost,
        "maximise": maximise,
    }
    for key, value in given.items():
        if value is not None:
            if settings["name"] != "csv":
                option = key if key != "maximise" else ("maximise" if value else "minimise")
                raise SettingError(
                    f"--{option} is for a table of your own (--table FILE.csv):"
                    f" {table} knows its columns"
                )
            settings[key] = value
    for key, setting in more.items():
        section, _, name = key.partition(".")
        if section != "table" or not name:
            raise SettingError(f"{setting.origin}: with --table there are only table.* settings")
        settings[name] = setting.value
    return settings


def make_table(settings: Mapping[str, Any]) -> Any:
    """The table; messages cite its settings as they are typed."""
    try:
        return make("table", settings)
    except InvalidSettingError as error:
        raise SettingError(f"--table: {error.key} {error.problem}") from None
