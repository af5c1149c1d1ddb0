"""How a child is trained, as values."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from reinas.errors import InvalidSettingError

Optimizer = Literal["sgd", "adam", "adamw"]
RateSchedule = Literal["step", "cosine", "constant", "exponential", "linear", "trapezoid"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Optimiser, schedule and length of a child's training.

    Args:
        optimizer: The algorithm; `adamw` decouples the weight decay (Loshchilov & Hutter 2019).
        learning_rate: At the beginning.
        momentum: Nesterov's; for `sgd` only.
        weight_decay: Factor of the L2 penalty.
        schedule: `step` divides the learning rate by 10 at each of `decay_at`, `cosine` takes it
            to 0, `constant` keeps it, `exponential` multiplies it by `decay` in every epoch after
            the first `decay_after`. These change it between epochs. `linear` and `trapezoid`
            change it with every step: `linear` takes it to 0, `trapezoid` keeps it until the last
            `cooldown` share of the training and then takes it linearly to 0, so that a training
            can be prolonged as long as it has not cooled down (Hägele et al. 2024).
        warmup: Share of the training in which the learning rate rises linearly from 0; above 0
            every schedule changes it with each step.
        cooldown: Share of the training, for `trapezoid`.
        decay_at: Shares of the epochs, for `step`; 50 and 75 % are the choice that docs/paper.md
            makes for section 4.1.
        decay: For `exponential`.
        decay_after: Epochs at the full learning rate, for `exponential`.
        epochs: Passes over the training part.
        batch_size: Examples per step; of text, sequences side by side.
        norm_epsilon: What batch normalisation adds to the variance.
        pad: Pixels of zeros around an image, which is then cropped back at a random place.
        upsample: Pixels by which an image is enlarged on each side (bilinear) before it is
            cropped back at a random place (section 4.1).
        flip: Whether images are mirrored at random.
        cutout: Side of a square of an image that is set to the mean, at a random place, in pixels
            (DeVries & Taylor 2017); 0 sets none.
        mixup: Examples are mixed in pairs, by shares drawn from Beta(mixup, mixup) (Zhang et al.
            2018); 0 mixes none.
        label_smoothing: Share of the target's probability that is spread over all classes.
        steps: Tokens of back-propagation through time, of text.
        shift: Whether each pass over a text begins at a random token, and what comes before that
            follows at the end. Otherwise it begins at the beginning, as in the paper.
        initial: Weights are drawn uniformly from plus and minus this; 0 leaves them as built.
        clip: Gradients of a greater norm are shortened to it; 0 never.
        average: The network that is measured and kept has running means of the weights, in which
            the last `average` share of all steps so far counts most (an exponential moving average
            whose horizon grows with the training); 0 keeps the last weights.
        embedding_dropout: Probability of dropping a word, in language models.
        recurrent_dropout: Probability of dropping a unit of the recurrent state.
        validate_every: Epochs between validations; the last epoch is always validated.
        patience: Training ends when the validation loss has not fallen for this many
            validations since the learning rate was last lowered by the schedule, and the best
            weights of the whole training are kept; 0 never ends it. `cosine`, `linear` and
            `trapezoid` lower it to the end.
        seed: Is mixed into every child's own seed.

    Raises:
        InvalidSettingError: A value is out of range.
    """

    optimizer: Optimizer = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: RateSchedule = "step"
    decay_at: tuple[float, ...] = (0.5, 0.75)
    decay: float = 0.8
    decay_after: int = 6
    warmup: float = 0.0
    cooldown: float = 0.4
    epochs: int = 50
    batch_size: int = 64
    norm_epsilon: float = 1e-5
    pad: int = 0
    upsample: int = 0
    flip: bool = False
    cutout: int = 0
    mixup: float = 0.0
    label_smoothing: float = 0.0
    steps: int = 35
    shift: bool = False
    initial: float = 0.0
    clip: float = 0.0
    average: float = 0.0
    embedding_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    validate_every: int = 1
    patience: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay_at", tuple(self.decay_at))  # JSON has lists
        least = {"epochs": 1, "batch_size": 2, "validate_every": 1, "steps": 1}
        least |= dict.fromkeys(
            ("weight_decay", "momentum", "pad", "upsample", "patience", "decay_after"), 0
        )
        least |= {"initial": 0, "clip": 0, "cutout": 0, "mixup": 0}
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
        for key in (
            "embedding_dropout",
            "recurrent_dropout",
            "warmup",
            "average",
            "label_smoothing",
        ):
            if not 0 <= getattr(self, key) < 1:
                raise InvalidSettingError(
                    f"recipe.{key}", f"must be at least 0 and below 1, got {getattr(self, key)}"
                )
        for key in ("decay", "cooldown"):
            if not 0 < getattr(self, key) <= 1:
                raise InvalidSettingError(
                    f"recipe.{key}", f"must be above 0 and at most 1, got {getattr(self, key)}"
                )
        if self.momentum >= 1:
            raise InvalidSettingError("recipe.momentum", f"must be below 1, got {self.momentum}")
        for key, known in (
            ("optimizer", get_args(Optimizer)),
            ("schedule", get_args(RateSchedule)),
        ):
            if getattr(self, key) not in known:
                raise InvalidSettingError(
                    f"recipe.{key}", f"is one of {', '.join(known)}; got {getattr(self, key)!r}"
                )

    @property
    def settings(self) -> dict[str, Any]:
        """All fields, as JSON takes them."""
        return asdict(self) | {"decay_at": list(self.decay_at)}

    @property
    def is_smooth(self) -> bool:
        """Whether the learning rate changes with every step, not only between epochs."""
        return self.warmup > 0 or self.schedule in ("linear", "trapezoid")

    def rate(self, epoch: float) -> float:
        """The factor of the learning rate after `epoch` epochs, from 0 to `epochs`."""
        done = epoch / self.epochs
        if done < self.warmup:
            return done / self.warmup
        match self.schedule:
            case "step":
                return float(1 / 10 ** sum(done >= share for share in self.decay_at))
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * (done - self.warmup) / (1 - self.warmup)))
            case "exponential":
                return float(self.decay ** max(0, math.floor(epoch) + 1 - self.decay_after))
            case "linear":
                return (1 - done) / (1 - self.warmup)
            case "trapezoid":
                return min(1.0, (1 - done) / self.cooldown)
            case _:
                return 1.0

    def is_settled(self, epoch: float) -> bool:
        """Whether the schedule has lowered the learning rate for the last time by an epoch.

        With `exponential`, which lowers it to the end, whether it has begun to.
        """
        match self.schedule:
            case "step":
                return epoch / self.epochs >= max(self.decay_at, default=0.0)
            case "exponential":
                return epoch + 1 > self.decay_after
            case "constant":
                return True
            case _:
                return False


IMAGE_RECIPE = Recipe(epochs=8)
"""For small images: the paper's optimiser, for few epochs."""
TABLE_RECIPE = Recipe(
    optimizer="adam", learning_rate=0.01, schedule="cosine", epochs=40, batch_size=32
)
"""For columns of numbers, and series: Adam, since widths and activations vary too much for one
learning rate of plain SGD."""
TABULAR_RECIPE = Recipe(
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=0.03,
    schedule="constant",
    warmup=0.02,
    epochs=100,
    batch_size=128,
    average=0.1,
    patience=16,
)
"""For the space `tabular`: a constant learning rate with averaged weights, so that a training ends
16 epochs after its best one, whatever the number of rows; a schedule that falls to the end needs
all epochs, and overfits tables of few rows before it has fallen."""

KEEP_BEST = 10**6
"""Patience that never ends a training: the weights of the best validation are kept."""
TEXT_RECIPE = Recipe(
    optimizer="adamw",
    learning_rate=0.006,
    weight_decay=0.01,
    schedule="trapezoid",
    warmup=0.05,
    epochs=6,
    batch_size=16,
    steps=35,
    shift=True,
    clip=1.0,
    average=0.05,
    patience=KEEP_BEST,
)
"""For language models in minutes, where many small steps count most; docs/design.md has why."""


def usual_recipe(inputs: Sequence[int]) -> Recipe:
    """The recipe for data about which nothing else is known, by the shape of one example."""
    return IMAGE_RECIPE if len(inputs) == 3 else TABLE_RECIPE
