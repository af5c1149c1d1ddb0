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
from reinas.objectives.metrics import OF_CLASSES, Metric, MetricSetting, metric_of, record_of_metric
from reinas.objectives.shared import check_type, outputs_of, weighted_mean_log
from reinas.tasks.scaling import Scaling

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reinas.tasks.recipes import Recipe

MAX_CLASSES = 1000
"""More different values than these are rather measurements than classes."""


@final
@dataclass(frozen=True)
class Classification(Objective):
    """One of several classes: cross-entropy, scored by accuracy or another metric.

    Targets are class numbers, int64 [N]; the network gives one logit per class.

    Args:
        metric: The score: a name of `reinas.objectives.metrics.OF_CLASSES`, or a function
            (targets [N], predicted classes [N]) of a module.
        weights: The weight of each class in the loss, in training and validation; empty weighs
            all alike. The metric is not weighted.
    """

    metric: MetricSetting = "accuracy"
    weights: tuple[float, ...] = ()
    name: ClassVar[str] = "classification"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(map(float, self.weights)))
        metric_of(self.metric, OF_CLASSES)

    @property
    def score_name(self) -> str:  # type: ignore[override]
        """The metric's name, with a minus where lower is better."""
        return self._metric.score_name

    @property
    def _metric(self) -> Metric:
        return metric_of(self.metric, OF_CLASSES)

    @property
    def settings(self) -> dict[str, Any]:
        """The name, and the parameters that are not as usual."""
        metric = {} if self.metric == "accuracy" else {"metric": record_of_metric(self.metric)}
        weights = {"weights": list(self.weights)} if self.weights else {}
        return {"name": self.recorded_name, **metric, **weights}

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """The weighted mean cross-entropy of logits [B, classes] and int64 [B], in nats."""
        from torch.nn import functional

        return functional.cross_entropy(outputs, targets, weight=self._weight(outputs))

    def training_loss(self, outputs: "Tensor", targets: "Tensor", recipe: "Recipe") -> "Tensor":
        """The mean cross-entropy, with the recipe's label smoothing (Szegedy et al. 2016)."""
        from torch.nn import functional

        smoothing, weight = recipe.label_smoothing, self._weight(outputs)
        return functional.cross_entropy(outputs, targets, weight=weight, label_smoothing=smoothing)

    def _weight(self, outputs: "Tensor") -> "Tensor | None":
        return outputs.new_tensor(self.weights) if self.weights else None

    def combine(self, outputs: "Tensor", weights: "Tensor") -> "Tensor":
        """The logarithm of the weighted mean of the networks' probabilities, [B, classes]."""
        return weighted_mean_log(outputs.log_softmax(-1), weights)

    def score(self, outputs: "Tensor", targets: "Tensor") -> float:
        """The metric; the accuracy is the share whose greatest logit is that of their class."""
        if self.metric == "accuracy":
            return float((outputs.argmax(1) == targets).float().mean())
        metric = self._metric
        given = outputs.softmax(1) if metric.takes == "probabilities" else outputs.argmax(1)
        return metric.score(targets, given)

    def metrics(self, loss: float, score: float) -> dict[str, float]:
        """The metric by its name."""
        return self._metric.metrics(score)

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
        """`accuracy`, its 95 % Wilson interval `low` to `high`, `loss`, and the metric."""
        from scipy.stats import binomtest

        outputs, count = outputs_of(child, x), len(x)
        right = int((outputs.argmax(1) == y).sum())
        interval = binomtest(right, count).proportion_ci(method="wilson")
        return {
            "accuracy": right / count,
            "low": float(interval.low),
            "high": float(interval.high),
            "loss": float(self.loss(outputs, y)),
            **({} if self.metric == "accuracy" else self.metrics(0.0, self.score(outputs, y))),
        }

    def summary(self, metrics: Mapping[str, float]) -> str:
        """The metric, and the accuracy with its interval."""
        name = self._metric.name
        first = "" if name == "accuracy" else f"{name} {metrics[name]:.4f}, "
        return (
            f"{first}accuracy {metrics['accuracy']:.4f}"
            f" (95 % interval {metrics['low']:.4f} to {metrics['high']:.4f})"
        )

    def reward(self, inputs: Sequence[int]) -> str:
        """The accuracy, cubed for images [channels, height, width] (section 4.1); other metrics."""
        if self.metric != "accuracy":
            return "score"
        return "cubed" if len(inputs) == 3 else "accuracy"

    def predictions(self, outputs: "Tensor", classes: Sequence[str]) -> list[Any]:
        """The name of each example's class; its number where classes have no names."""
        numbers = outputs.argmax(-1).tolist()
        return [classes[n] for n in numbers] if classes else numbers
