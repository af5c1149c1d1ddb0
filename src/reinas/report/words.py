"""Numbers in words for people."""

from typing import Any


def number(value: float | None) -> str:
    """A measurement: whole numbers with separators, others to five digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() and value >= 1000 else f"{value:.5g}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits."""
    if seconds < 59.95:  # what rounds to 60 belongs to the next unit
        return f"{seconds:.1f} s"
    if seconds < 59.95 * 60:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def counted(count: int, noun: str) -> str:
    """A count with its noun, in the plural unless it is one."""
    return f"{count} {noun}{'s' * (count != 1)}"


def setting(value: Any) -> str:
    """A setting's value: floats without their tail of zeros, lists without brackets."""
    if isinstance(value, list | tuple):
        return ", ".join(map(setting, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
