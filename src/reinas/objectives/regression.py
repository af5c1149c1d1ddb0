"""Numbers to predict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from reinas.errors import SettingError
from reinas.objectives.base import Objective
from reinas.objectives.labels import check_finite
from reinas.objectives.shared import check_type, outputs_of
from reinas.tasks.scaling import Scaling

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True)
class Regression(Objective):
    """One or more numbers: mean squared error, scored by R squared.

    Targets are float32 [N, outputs], standardised per column unless the task says otherwise.
    """

    name: ClassVar[str] = "regression"
    score_name: ClassVar[str] = "r2"

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """The mean squared error of [B, outputs], over all outputs together."""
        from torch.nn import functional

        return functional.mse_loss(outputs, targets)

    def score(self, outputs: "Tensor", targets: "Tensor") -> float:
        """R squared over all outputs together; 0 where the targets do not vary."""
        error = float(self.loss(outputs, targets))
        spread = float((targets - targets.mean(0)).square().mean())
        return 1 - error / spread if spread else 0.0

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
        """`r2`, `rmse` in the targets' own unit over all of them together, and `loss`."""
        import torch

        loss, score = self.measure(child, x, y)
        errors = (outputs_of(child, x) - y) * torch.from_numpy(targets.std).to(x.device)
        return {"r2": score, "rmse": float(errors.square().mean().sqrt()), "loss": loss}

    def summary(self, metrics: Mapping[str, float]) -> str:
        """RMSE and R squared."""
        return f"RMSE {metrics['rmse']:.4g}, R² {metrics['r2']:.4f}"

    def reward(self, inputs: Sequence[int]) -> str:
        """1 / (1 + loss): an R squared is below 0 for most children at the beginning."""
        return "closeness"
