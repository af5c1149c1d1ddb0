"""How a child is trained, as values."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reinas.errors import SettingError


@dataclass(frozen=True, slots=True)
class Recipe:
    """Optimiser, schedule and length of a child's training.

    `schedule="step"` divides the learning rate by 10 at 50 % and 75 % of the epochs (the choice
    that docs/paper.md makes for section 4.1), `"cosine"` takes it to 0, `"constant"` keeps it.
    `momentum` is Nesterov's and belongs to `sgd`. Validation is measured every
    `validate_every` epochs and after the last. `seed` is mixed into every child's own seed.
    """

    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Literal["step", "cosine", "constant"] = "step"
    epochs: int = 50
    batch: int = 64
    validate_every: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch": 2, "validate_every": 1, "weight_decay": 0, "momentum": 0}
        for key, bound in least.items():
            if not bound <= getattr(self, key) < math.inf:
                raise SettingError(
                    f"recipe: {key} must be at least {bound} and finite, got {getattr(self, key)}"
                )
        if not 0 < self.learning_rate < math.inf:
            raise SettingError(
                f"recipe: learning_rate must be above 0 and finite, got {self.learning_rate}"
            )
        if self.momentum >= 1:
            raise SettingError(f"recipe: momentum must be below 1, got {self.momentum}")
        for key, known in (
            ("optimizer", ("sgd", "adam")),
            ("schedule", ("step", "cosine", "constant")),
        ):
            if getattr(self, key) not in known:
                raise SettingError(
                    f"recipe: {key} is one of {', '.join(known)}; got {getattr(self, key)!r}"
                )

    @property
    def settings(self) -> dict[str, Any]:
        """All fields, as JSON takes them."""
        return asdict(self)

    def rate(self, epoch: int) -> float:
        """What the learning rate is multiplied by in epoch 0, 1, ..., epochs - 1."""
        done = epoch / self.epochs
        match self.schedule:
            case "step":
                return 0.01 if done >= 0.75 else 0.1 if done >= 0.5 else 1.0
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * done))
            case _:
                return 1.0
