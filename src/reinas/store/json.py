"""Times as the store keeps them."""

from datetime import UTC, datetime


def now() -> str:
    """The time as ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
