"""What a child may cost."""

import math
from dataclasses import asdict, dataclass

from torch import nn

from reinas.errors import SettingError, TooCostlyError
from reinas.tasks.base import Interface
from reinas.training.costs import latency
from reinas.types import TOO_COSTLY


@dataclass(frozen=True)
class Limits:
    """What a child may cost.

    Args:
        parameters: Trainable parameters at most; None is no limit.
        flops: Multiply-adds for one example at most; None is no limit.
        latency: Seconds for one example at most, on the device where children train, timed before
            the training (the median of several passes); None is no limit.
    """

    parameters: int | None = None
    flops: int | None = None
    latency: float | None = None

    def __post_init__(self) -> None:
        for key in ("parameters", "flops"):
            value = getattr(self, key)
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise SettingError(
                    f"limits: {key} must be a whole number of at least 1, got {value!r}"
                )
        if self.latency is not None and not 0 < self.latency < math.inf:
            raise SettingError(
                f"limits: latency must be above 0 seconds and finite, got {self.latency}"
            )

    @property
    def settings(self) -> dict[str, float]:
        """The limits that there are."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def check_speed(self, child: nn.Module, task: Interface) -> None:
        """Time a child, where there is a limit on latency.

        Args:
            child: The untrained network, where it will train.
            task: The shape of its inputs.

        Raises:
            TooCostlyError: It takes longer; it is not trained then.
        """
        if self.latency is None:
            return
        if latency(child, task) > self.latency:  # the time itself differs from child to child
            raise TooCostlyError(f"{TOO_COSTLY}: more than {1000 * self.latency:g} ms per example")

    def broken(self, parameters: int, flops: int) -> str | None:
        """Say which limit a child breaks.

        Args:
            parameters: Its number of parameters.
            flops: Its multiply-adds for one example.

        Returns:
            The reason why it is not trained; None if it may be.
        """
        if self.parameters is not None and parameters > self.parameters:
            return f"{TOO_COSTLY}: more than {self.parameters:,} parameters"
        if self.flops is not None and flops > self.flops:
            return f"{TOO_COSTLY}: more than {self.flops:,} multiply-adds"
        return None


NO_LIMITS = Limits()
