"""Settings by dotted key, with where each was given: from TOML files and key=value pairs."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pydantic

from reinas.errors import FileError, InvalidSettingError, SettingError
from reinas.registry import validated
from reinas.system import check_ends

NAMED_SECTIONS = ("space", "task", "policy", "recipe", "stopping")
SECTIONS = (*NAMED_SECTIONS, "growth")

M = TypeVar("M", bound=pydantic.BaseModel)


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, and where it was given.

    Args:
        value: The value, not checked yet.
        flag: The option that gave it.
        origin: The place or the key=value pair that gave it, such as `run.toml, line 3`. Neither
            is there for settings that come out of a store.
    """

    value: Any
    flag: str = ""
    origin: str = ""

    def cite(self, error: InvalidSettingError) -> SettingError:
        """The error with the option or the place in front."""
        if self.flag:  # stands for the key
            return SettingError(f"{self.flag} {error.problem}")
        return SettingError(f"{self.origin}: {error}") if self.origin else error


Settings = Mapping[str, Setting]
"""By dotted key."""


def merged(*sources: Settings) -> dict[str, Setting]:
    """All settings; later sources win."""
    result: dict[str, Setting] = {}
    for source in sources:
        result.update(source)
    return result


def section(settings: Settings, name: str) -> dict[str, Any]:
    """The values of one section, by key without the section."""
    head = name + "."
    return {k.removeprefix(head): s.value for k, s in settings.items() if k.startswith(head)}


def read(model: type[M], settings: Settings) -> M:
    """The model made from those of the settings that are its fields, checked.

    Raises:
        InvalidSettingError: A value has the wrong type or is out of range.
    """
    values = {k: s.value for k, s in settings.items() if k in model.model_fields}
    return validated("", model, values)


@contextmanager
def cited(settings: Settings) -> Iterator[None]:
    """Within, an `InvalidSettingError` becomes a message that cites where the setting was given."""
    try:
        yield
    except InvalidSettingError as error:
        setting = settings.get(error.key) or settings.get(f"{error.key}.name")
        if setting is None:
            raise
        raise setting.cite(error) from None


def read_toml(path: Path) -> dict[str, Setting]:
    """The settings in a TOML file, by dotted key, each with its line."""
    try:
        check_ends(path)
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not UTF-8 text (byte {error.start}): save it as such") from None
    except (ValueError, RecursionError) as error:  # also numbers and lists without end
        raise FileError(f"{path} is not TOML: {error}") from None
    flat: dict[str, Setting] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{k}": Setting(v) for k, v in value.items()}
        else:
            flat[_full_key(key)] = Setting(value)
    return {
        key: replace(setting, origin=f"{path}, line {_line(text, key)}")
        for key, setting in flat.items()
    }


def _full_key(key: str) -> str:
    """`space` is short for `space.name`."""
    return f"{key}.name" if key in NAMED_SECTIONS else key


def _line(text: str, key: str) -> int:
    """The line on which a dotted key is set; the first if none is found."""
    header = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if table := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            header = table[1] + "."
        elif assigned := re.match(r"\s*([\w.\"'-]+(?:\s*\.\s*[\w\"'-]+)*)\s*=", line):
            name = re.sub(r"[\s\"']", "", header + assigned[1])
            if name == key or (name in NAMED_SECTIONS and key.startswith(name + ".")):
                return number
    return 1


def parse_set(texts: Iterable[str], option: str = "") -> dict[str, Setting]:
    """`key=value` pairs; values as in TOML, but text needs no quotes, in lists neither.

    Args:
        texts: The pairs.
        option: The option that gave them, for messages.

    Returns:
        The settings by dotted key; of equal keys the last.

    Raises:
        InvalidSettingError: A text is no such pair.
    """
    result: dict[str, Setting] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not all(key.split(".")):
            raise InvalidSettingError("set", f"takes KEY=VALUE, as in space.depth=4; got {text!r}")
        result[_full_key(key)] = Setting(
            parse_value(value.strip()), origin=f"{option} {text}".strip()
        )
    return result


def parse_value(text: str) -> Any:
    """A value as TOML has it; text needs no quotes, in lists neither."""
    try:
        found = tomllib.loads(f"value = {text}")
    except RecursionError:
        raise InvalidSettingError("set", "has lists within lists without end") from None
    except ValueError:  # no TOML, or a number of thousands of digits
        if text.startswith("[") and text.endswith("]"):
            return [parse_value(item.strip()) for item in text[1:-1].split(",")]
        return text
    if found.keys() != {"value"}:
        raise InvalidSettingError("set", f"takes one value of one line; got {text!r}")
    return found["value"]
