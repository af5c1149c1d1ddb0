"""What pages are made of, whether they are served or written to a file."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

STATIC = Path(__file__).parent / "static"
TEMPLATES = Environment(
    loader=PackageLoader("reinas.web"), autoescape=select_autoescape(), trim_blocks=True
)


def finite(value: Any) -> Any:
    """The value with None for NaN and infinities, which JSON has not."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value
