"""Numbers to predict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.objectives.base import Objective
from reinas.objectives.labels import check_finite
from reinas.objectives.metrics import OF_NUMBERS, Metric, MetricSetting, metric_of, record_of_metric
from reinas.objectives.shared import check_type, outputs_of
from reinas.tasks.scaling import Scaling

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True)
class Regression(Objective):
    """One or more numbers: mean squared error, scored by R squared or another metric.

    Targets are float32 [N, outputs], standardised per column unless the task says otherwise.

    Args:
        metric: The score: a name of `reinas.objectives.metrics.OF_NUMBERS`, or a function
            (targets [N, outputs], predictions [N, outputs]) of a module, in the targets' own unit.
        unit: The standardisation of the targets, which `in_unit` sets.
    """

    metric: MetricSetting = "r2"
    unit: Scaling | None = field(default=None, compare=False, repr=False)
    name: ClassVar[str] = "regression"

    def __post_init__(self) -> None:
        metric_of(self.metric, OF_NUMBERS)

    @property
    def score_name(self) -> str:  # type: ignore[override]
        """The metric's name, with a minus where lower is better."""
        return self._metric.score_name

    @property
    def _metric(self) -> Metric:
        return metric_of(self.metric, OF_NUMBERS)

    @property
    def settings(self) -> dict[str, Any]:
        """The name, and the metric where it is not R squared."""
        metric = {} if self.metric == "r2" else {"metric": record_of_metric(self.metric)}
        return {"name": self.recorded_name, **metric}

    def in_unit(self, scaling: Scaling) -> "Regression":
        """The same, for targets standardised like this: metrics are in the targets' own unit."""
        return replace(self, unit=scaling)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """The mean squared error of [B, outputs], over all outputs together."""
        from torch.nn import functional

        return functional.mse_loss(outputs, targets)

    def score(self, outputs: "Tensor", targets: "Tensor") -> float:
        """The metric; R squared is over all outputs together, 0 where targets do not vary."""
        if self.metric != "r2":
            return self._metric.score(self._in_unit(targets), self._in_unit(outputs))
        error = float(self.loss(outputs, targets))
        spread = float((targets - targets.mean(0)).square().mean())
        return 1 - error / spread if spread else 0.0

    def _in_unit(self, values: "Tensor") -> "Tensor":
        """Undo the standardisation."""
        import torch

        if self.unit is None:
            return values
        mean, std = (torch.from_numpy(n).to(values) for n in (self.unit.mean, self.unit.std))
        return values * std + mean

    def metrics(self, loss: float, score: float) -> dict[str, float]:
        """The metric by its name."""
        return self._metric.metrics(score)

    def read_targets(
        self, where: str, y: NDArray[Any], classes: Sequence[str] = ()
    ) -> tuple[NDArray[Any], tuple[str, ...]]:
        """float32 [N, targets] of numbers [N] or [N, targets].

        Raises:
            SettingError: They are no numbers, or not finite.
        """
        if y.dtype.kind not in "biuf" or y.ndim > 2:
            raise SettingError(
                f"{where}: expected numbers [N] or [N, targets], got {y.dtype} {y.shape}"
            )
        check_finite(where, y)
        return y.reshape(len(y), -1).astype(np.float32), ()

    def check_targets(self, where: str, y: NDArray[Any], outputs: int) -> None:
        """Check that the targets are float32 [N, outputs].

        Raises:
            SettingError: They are not.
        """
        check_type(where, y, "float32", (outputs,))

    def scale_targets(self, y: NDArray[Any]) -> Scaling:
        """One mean and deviation per column."""
        return Scaling.of(y, (0,))

    def encode_targets(self, y: NDArray[Any], scaling: Scaling) -> NDArray[Any]:
        """The standardised targets."""
        return scaling(y)

    def test_metrics(
        self, child: "nn.Module", x: "Tensor", y: "Tensor", targets: Scaling
    ) -> dict[str, float]:
        """`r2`, `rmse` in the targets' own unit over all of them together, `loss`, the metric."""
        import torch

        outputs = outputs_of(child, x)
        errors = (outputs - y) * torch.from_numpy(targets.std).to(x.device)
        found = {
            "r2": Regression().score(outputs, y),
            "rmse": float(errors.square().mean().sqrt()),
            "loss": float(self.loss(outputs, y)),
        }
        own = self.in_unit(targets).score(outputs, y)
        return found if self.metric in ("r2", "rmse") else {**found, **self.metrics(0.0, own)}

    def summary(self, metrics: Mapping[str, float]) -> str:
        """The metric, RMSE and R squared."""
        name = self._metric.name
        first = "" if name in ("r2", "rmse") else f"{name} {metrics[name]:.4g}, "
        return f"{first}RMSE {metrics['rmse']:.4g}, R² {metrics['r2']:.4f}"

    def reward(self, inputs: Sequence[int]) -> str:
        """1 / (1 + loss): an R squared is below 0 for most children at the beginning."""
        return "closeness" if self.metric == "r2" else "score"
