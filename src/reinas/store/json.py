"""Values as the store keeps them: JSON and times."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON gives them back: tuples become lists, so that they can be compared."""
    result: dict[str, Any] = json.loads(json.dumps(settings))
    return result


def now() -> str:
    """The time as ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
