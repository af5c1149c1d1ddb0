"""Several labels per example, each of which holds or does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.objectives.base import Objective
from reinas.objectives.labels import are_flags
from reinas.objectives.metrics import OF_LABELS, Metric, MetricSetting, metric_of, record_of_metric
from reinas.objectives.shared import outputs_of, weighted_mean_log
from reinas.tasks.scaling import Scaling

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True)
class MultiLabel(Objective):
    """Any number of labels per example: binary cross-entropy, scored by F1 or another metric.

    Targets are [N, labels] of 0 and 1; the network gives one logit per label, and a label is
    predicted where its probability is above 0.5. The usual score is the mean F1 of the labels,
    since a network that never predicts a rare label is right about it most of the time.

    Args:
        metric: The score: a name of `reinas.objectives.metrics.OF_LABELS`, or a function
            (targets [N, labels], predicted flags [N, labels]) of a module.
    """

    metric: MetricSetting = "f1"
    name: ClassVar[str] = "multilabel"

    def __post_init__(self) -> None:
        metric_of(self.metric, OF_LABELS)

    @property
    def score_name(self) -> str:  # type: ignore[override]
        """The metric's name."""
        return self._metric.score_name

    @property
    def _metric(self) -> Metric:
        return metric_of(self.metric, OF_LABELS)

    @property
    def settings(self) -> dict[str, Any]:
        """The name, and the metric where it is not F1."""
        metric = {} if self.metric == "f1" else {"metric": record_of_metric(self.metric)}
        return {"name": self.recorded_name, **metric}

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """The mean binary cross-entropy of logits [B, labels], in nats per label."""
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits(outputs, targets)

    def combine(self, outputs: "Tensor", weights: "Tensor") -> "Tensor":
        """The logits of the weighted means of the networks' probabilities, [B, labels]."""
        from torch.nn import functional

        yes = weighted_mean_log(functional.logsigmoid(outputs), weights)
        no = weighted_mean_log(functional.logsigmoid(-outputs), weights)
        return yes - no

    def score(self, outputs: "Tensor", targets: "Tensor") -> float:
        """The metric; in F1 a label that neither occurs nor is predicted counts as 0."""
        if self.metric != "f1":
            metric = self._metric
            given = outputs.sigmoid() if metric.takes == "probabilities" else outputs > 0
            return metric.score(targets, given)
        found, true = outputs > 0, targets > 0.5
        hits = (found & true).sum(0)
        either = found.sum(0) + true.sum(0)
        return float((2 * hits / either.clamp(min=1)).mean())

    def metrics(self, loss: float, score: float) -> dict[str, float]:
        """The metric by its name."""
        return self._metric.metrics(score)

    def read_targets(
        self, where: str, y: NDArray[Any], classes: Sequence[str] = ()
    ) -> tuple[NDArray[Any], tuple[str, ...]]:
        """float32 [N, labels] of rows of 0 and 1.

        Raises:
            SettingError: There are other values, or fewer than two labels.
        """
        if not are_flags(y):
            raise SettingError(
                f"{where}: expected labels [N, 2 or more] of 0 and 1, got {y.dtype} {y.shape}"
            )
        return y.astype(np.float32), ()

    def check_targets(self, where: str, y: NDArray[Any], outputs: int) -> None:
        """Check that the targets are 0 or 1, [N, labels].

        Raises:
            SettingError: They are not.
        """
        if y.dtype.kind not in "biuf" or y.shape[1:] != (outputs,) or not np.isin(y, (0, 1)).all():
            raise SettingError(
                f"{where}: expected targets of 0 and 1 and shape ({outputs},), got {y.dtype} and"
                f" {y.shape[1:]}"
            )

    def encode_targets(self, y: NDArray[Any], scaling: Scaling) -> NDArray[Any]:
        """The targets as float32."""
        return y.astype(np.float32)

    def test_metrics(
        self, child: "nn.Module", x: "Tensor", y: "Tensor", targets: Scaling
    ) -> dict[str, float]:
        """`f1`, `exact_match` (all right), `label_accuracy` (single labels), `loss`, the metric."""
        outputs = outputs_of(child, x)
        right = (outputs > 0) == (y > 0.5)
        return {
            "f1": MultiLabel().score(outputs, y),
            "exact_match": float(right.all(1).float().mean()),
            "label_accuracy": float(right.float().mean()),
            "loss": float(self.loss(outputs, y)),
            **({} if self.metric == "f1" else self.metrics(0.0, self.score(outputs, y))),
        }

    def summary(self, metrics: Mapping[str, float]) -> str:
        """The metric, macro F1, and the shares of examples and of single labels that are right."""
        name = self._metric.name
        first = "" if name == "f1" else f"{name} {metrics[name]:.4f}, "
        return (
            f"{first}macro F1 {metrics['f1']:.4f}, exact match {metrics['exact_match']:.4f},"
            f" accuracy per label {metrics['label_accuracy']:.4f}"
        )

    def predictions(self, outputs: "Tensor", classes: Sequence[str]) -> list[Any]:
        """The names of each example's labels; their numbers where they have no names."""
        rows = [row.nonzero().flatten().tolist() for row in outputs > 0]
        return [[classes[n] for n in row] if classes else row for row in rows]
