"""How long a search may go on."""

import math
from dataclasses import dataclass

from reinas.errors import InvalidSettingError


@dataclass(frozen=True, slots=True)
class Budget:
    """A search ends when the first of these is used up; called again it goes on from there.

    Args:
        trials: How many architectures are proposed in all; at least 1.
        seconds: How long one call of `search`, or one `Study` object, may go on; children under
            way are given up then. None: as long as it takes.
        reward: A reward that is good enough. None: none is.

    Raises:
        InvalidSettingError: A value is out of its range.
    """

    trials: int = 64
    seconds: float | None = None
    reward: float | None = None

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise InvalidSettingError("trials", f"must be at least 1, got {self.trials}")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise InvalidSettingError("seconds", f"must be above 0 and finite, got {self.seconds}")
        if self.reward is not None and not math.isfinite(self.reward):
            raise InvalidSettingError("reward", f"must be a finite number, got {self.reward}")
