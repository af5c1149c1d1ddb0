"""The schedule that makes networks deeper during a search (Zoph & Le 2016, section 4.1)."""

from dataclasses import dataclass
from typing import Any

from reinas.errors import SettingError
from reinas.spaces.base import AbstractSpace


@dataclass(frozen=True, slots=True)
class Growth:
    """A schedule of depth (section 4.1).

    Args:
        start: The depth at first, in layers.
        step: How many layers each increase adds.
        every: The number of trials between two increases.

    Raises:
        SettingError: A value is below 1.
    """

    start: int = 6
    step: int = 2
    every: int = 1600

    def __post_init__(self) -> None:
        for key in ("start", "step", "every"):
            if getattr(self, key) < 1:
                raise SettingError(f"growth: {key} must be at least 1, got {getattr(self, key)}")

    def depth(self, trial: int) -> int:
        """The scheduled depth in layers, which may exceed the space's own.

        Args:
            trial: The number of the batch's first trial, counted from 0.
        """
        return self.start + self.step * (trial // self.every)

    def check(self, space: AbstractSpace[Any]) -> None:
        """Raise an error if the space cannot grow by this schedule.

        Args:
            space: The space that is searched.

        Raises:
            SettingError: The space has only one depth, or is never deeper than `start`.
        """
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
