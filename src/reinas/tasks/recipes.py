"""How a child is trained, as values."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reinas.errors import InvalidSettingError


@dataclass(frozen=True, slots=True)
class Recipe:
    """Optimiser, schedule and length of a child's training.

    Args:
        optimizer: The algorithm.
        learning_rate: At the beginning.
        momentum: Nesterov's; for `sgd` only.
        weight_decay: Factor of the L2 penalty.
        schedule: `step` divides the learning rate by 10 at each of `decay_at`, `cosine` takes it
            to 0, `constant` keeps it, `exponential` multiplies it by `decay` in every epoch after
            the first `decay_after`.
        decay_at: Shares of the epochs, for `step`; 50 and 75 % are the choice that docs/paper.md
            makes for section 4.1.
        decay: For `exponential`.
        decay_after: Epochs at the full learning rate, for `exponential`.
        epochs: Passes over the training part.
        batch_size: Examples per step; of text, sequences side by side.
        norm_epsilon: What batch normalisation adds to the variance.
        pad: Pixels of zeros around an image, which is then cropped back at a random place.
        flip: Whether images are mirrored at random.
        steps: Tokens of back-propagation through time, of text.
        initial: Weights are drawn uniformly from plus and minus this; 0 leaves them as built.
        clip: Gradients of a greater norm are shortened to it; 0 never.
        embedding_dropout: Probability of dropping a word, in language models.
        recurrent_dropout: Probability of dropping a unit of the recurrent state.
        validate_every: Epochs between validations; the last epoch is always validated.
        patience: Training ends when the validation loss has not fallen for this many
            validations, and the best weights are kept; 0 never ends it.
        seed: Is mixed into every child's own seed.

    Raises:
        InvalidSettingError: A value is out of range.
    """

    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Literal["step", "cosine", "constant", "exponential"] = "step"
    decay_at: tuple[float, ...] = (0.5, 0.75)
    decay: float = 0.8
    decay_after: int = 6
    epochs: int = 50
    batch_size: int = 64
    norm_epsilon: float = 1e-5
    pad: int = 0
    flip: bool = False
    steps: int = 35
    initial: float = 0.0
    clip: float = 0.0
    embedding_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    validate_every: int = 1
    patience: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay_at", tuple(self.decay_at))  # JSON has lists
        least = {
            "epochs": 1,
            "batch_size": 2,
            "validate_every": 1,
            "weight_decay": 0,
            "momentum": 0,
        }
        least |= {"pad": 0, "patience": 0, "decay_after": 0, "steps": 1, "initial": 0, "clip": 0}
        for key, bound in least.items():
            if not bound <= getattr(self, key) < math.inf:
                raise InvalidSettingError(
                    f"recipe.{key}",
                    f"must be at least {bound} and finite, got {getattr(self, key)}",
                )
        for key in ("learning_rate", "norm_epsilon"):
            if not 0 < getattr(self, key) < math.inf:
                raise InvalidSettingError(
                    f"recipe.{key}", f"must be above 0 and finite, got {getattr(self, key)}"
                )
        if not all(0 < share <= 1 for share in self.decay_at):
            raise InvalidSettingError(
                "recipe.decay_at",
                f"must be shares of the epochs, above 0 and at most 1; got {list(self.decay_at)}",
            )
        for key in ("embedding_dropout", "recurrent_dropout"):
            if not 0 <= getattr(self, key) < 1:
                raise InvalidSettingError(
                    f"recipe.{key}", f"must be at least 0 and below 1, got {getattr(self, key)}"
                )
        if not 0 < self.decay <= 1:
            raise InvalidSettingError(
                "recipe.decay", f"must be above 0 and at most 1, got {self.decay}"
            )
        if self.momentum >= 1:
            raise InvalidSettingError("recipe.momentum", f"must be below 1, got {self.momentum}")
        for key, known in (
            ("optimizer", ("sgd", "adam")),
            ("schedule", ("step", "cosine", "constant", "exponential")),
        ):
            if getattr(self, key) not in known:
                raise InvalidSettingError(
                    f"recipe.{key}", f"is one of {', '.join(known)}; got {getattr(self, key)!r}"
                )

    @property
    def settings(self) -> dict[str, Any]:
        """All fields, as JSON takes them."""
        return asdict(self) | {"decay_at": list(self.decay_at)}

    def rate(self, epoch: int) -> float:
        """The factor of the learning rate in an epoch: 0, 1, ..., epochs - 1."""
        done = epoch / self.epochs
        match self.schedule:
            case "step":
                return float(1 / 10 ** sum(done >= share for share in self.decay_at))
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * done))
            case "exponential":
                return float(self.decay ** max(0, epoch + 1 - self.decay_after))
            case _:
                return 1.0


IMAGE_RECIPE = Recipe(epochs=8)
"""For small images: the paper's optimiser, for few epochs."""
TABLE_RECIPE = Recipe(
    optimizer="adam", learning_rate=0.01, schedule="cosine", epochs=40, batch_size=32
)
"""For columns of numbers, and series: Adam, since widths and activations vary too much for one
learning rate of plain SGD."""


def usual_recipe(inputs: Sequence[int]) -> Recipe:
    """The recipe for data about which nothing else is known, by the shape of one example."""
    return IMAGE_RECIPE if len(inputs) == 3 else TABLE_RECIPE
