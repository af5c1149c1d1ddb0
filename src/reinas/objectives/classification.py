"""One class per example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.objectives.base import Objective
from reinas.objectives.labels import (
    check_classes,
    encode_labels,
    encode_labels_like,
    plain_labels,
)
from reinas.objectives.shared import check_type, weighted_mean_log
from reinas.tasks.scaling import Scaling

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reinas.tasks.recipes import Recipe

MAX_CLASSES = 1000
"""More different values than these are rather measurements than classes."""


@final
@dataclass(frozen=True)
class Classification(Objective):
    """One of several classes: cross-entropy, scored by accuracy.

    Targets are class numbers, int64 [N]; the network gives one logit per class.
    """

    name: ClassVar[str] = "classification"
    score_name: ClassVar[str] = "accuracy"

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """The mean cross-entropy of logits [B, classes] and int64 [B], in nats."""
        from torch.nn import functional

        return functional.cross_entropy(outputs, targets)

    def training_loss(self, outputs: "Tensor", targets: "Tensor", recipe: "Recipe") -> "Tensor":
        """The mean cross-entropy, with the recipe's label smoothing (Szegedy et al. 2016)."""
        from torch.nn import functional

        smoothing = recipe.label_smoothing
        return functional.cross_entropy(outputs, targets, label_smoothing=smoothing)

    def combine(self, outputs: "Tensor", weights: "Tensor") -> "Tensor":
        """The logarithm of the weighted mean of the networks' probabilities, [B, classes]."""
        return weighted_mean_log(outputs.log_softmax(-1), weights)

    def score(self, outputs: "Tensor", targets: "Tensor") -> float:
        """The share of examples whose greatest logit is that of their class."""
        return float((outputs.argmax(1) == targets).float().mean())

    def read_targets(
        self, where: str, y: NDArray[Any], classes: Sequence[str] = ()
    ) -> tuple[NDArray[Any], tuple[str, ...]]:
        """Class numbers int64 [N] of class numbers or names [N] or one-hot rows [N, classes].

        Raises:
            SettingError: There is one class, or so many that they are rather measurements, or
                one that `classes` does not have.
        """
        labels = plain_labels(where, y)
        if classes:
            return encode_labels_like(where, labels, classes), tuple(classes)
        numbers, names = encode_labels(labels)
        check_classes(where, names)
        if len(names) > MAX_CLASSES:
            raise SettingError(
                f"{where}: {len(names):,} different values as classes: choose regression if they"
                " are measurements"
            )
        return numbers, names

    def check_targets(self, where: str, y: NDArray[Any], outputs: int) -> None:
        """Check that the targets are class numbers, int64 [N].

        Raises:
            SettingError: They are not.
        """
        check_type(where, y, "int64", ())

    def test_metrics(
        self, child: "nn.Module", x: "Tensor", y: "Tensor", targets: Scaling
    ) -> dict[str, float]:
        """`accuracy`, its 95 % Wilson interval `low` to `high`, and `loss`."""
        from scipy.stats import binomtest

        loss, score = self.measure(child, x, y)
        count = len(x)
        right = round(score * count)
        interval = binomtest(right, count).proportion_ci(method="wilson")
        return {
            "accuracy": right / count,
            "low": float(interval.low),
            "high": float(interval.high),
            "loss": loss,
        }

    def summary(self, metrics: Mapping[str, float]) -> str:
        """The accuracy with its interval."""
        return (
            f"accuracy {metrics['accuracy']:.4f}"
            f" (95 % interval {metrics['low']:.4f} to {metrics['high']:.4f})"
        )

    def reward(self, inputs: Sequence[int]) -> str:
        """The accuracy, cubed for images [channels, height, width] (section 4.1)."""
        return "cubed" if len(inputs) == 3 else "accuracy"

    def predictions(self, outputs: "Tensor", classes: Sequence[str]) -> list[Any]:
        """The name of each example's class; its number where classes have no names."""
        numbers = outputs.argmax(-1).tolist()
        return [classes[n] for n in numbers] if classes else numbers
