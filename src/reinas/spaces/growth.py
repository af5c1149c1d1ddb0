"""The schedule by which networks grow deeper during a search (Zoph & Le 2016, section 4.1)."""

from dataclasses import dataclass
from typing import Any

from reinas.errors import SettingError
from reinas.spaces.base import AbstractSpace


@dataclass(frozen=True, slots=True)
class Growth:
    """The schedule of depth (section 4.1): `start` layers, `step` more every `every` samples."""

    start: int = 6
    step: int = 2
    every: int = 1600

    def __post_init__(self) -> None:
        for key in ("start", "step", "every"):
            if getattr(self, key) < 1:
                raise SettingError(f"growth: {key} must be at least 1, got {getattr(self, key)}")

    def depth(self, trial: int) -> int:
        """The depth of a batch whose first trial is number `trial`, before any limit."""
        return self.start + self.step * (trial // self.every)

    def check(self, space: AbstractSpace[Any]) -> None:
        """Raise `SettingError` where the space has no depths to grow through."""
        deepest = len(space.lengths)
        if deepest == 1:
            raise SettingError(
                f"growth: networks of the space '{space.name}' as it is cannot grow layer by layer:"
                " that takes conv with a space.depth above 1"
            )
        if self.start >= deepest:
            raise SettingError(
                f"growth: from {self.start} layers on, but the space '{space.name}' has {deepest}"
                " at most, so nothing would grow: try space.depth=20, or a smaller growth.start"
            )
