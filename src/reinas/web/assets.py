"""What pages are made of, whether they are served or written to a file."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from reinas.recorded import finite

STATIC = Path(__file__).parent / "static"
TEMPLATES = Environment(
    loader=PackageLoader("reinas.web"), autoescape=select_autoescape(), trim_blocks=True
)


class Raw(str):
    """JSON that is written already."""


def json_text(value: Any) -> str:
    """A value as JSON, with null for NaN and infinities, which no browser reads.

    Args:
        value: Plain values; `Raw` ones are taken as they are, as values of a mapping. What JSON
            does not have becomes text.
    """
    if isinstance(value, Mapping):
        pairs = (
            f"{json.dumps(str(key))}:{inner if isinstance(inner, Raw) else json_text(inner)}"
            for key, inner in value.items()
        )
        return "{" + ",".join(pairs) + "}"
    try:
        return _dumps(value)
    except ValueError:
        return _dumps(finite(value))


_dumps = partial(json.dumps, allow_nan=False, separators=(",", ":"), default=str)
