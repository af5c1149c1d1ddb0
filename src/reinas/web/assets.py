"""What pages are made of, whether they are served or written to a file."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

STATIC = Path(__file__).parent / "static"
TEMPLATES = Environment(
    loader=PackageLoader("reinas.web"), autoescape=select_autoescape(), trim_blocks=True
)


class Raw(str):
    """JSON that is written already."""


def json_text(value: Any) -> str:
    """A value as JSON, with null for NaN and infinities, which no browser reads.

    Args:
        value: Plain values; `Raw` ones are taken as they are, as values of a mapping.
    """
    if isinstance(value, Mapping):
        pairs = (
            f"{json.dumps(str(key))}:{inner if isinstance(inner, Raw) else json_text(inner)}"
            for key, inner in value.items()
        )
        return "{" + ",".join(pairs) + "}"
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
