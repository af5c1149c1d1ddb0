"""What people measure predictions by: names as in scikit-learn's scorers, or an own function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from reinas.errors import InvalidSettingError, nearest
from reinas.names import object_name
from reinas.plugins import load_object

if TYPE_CHECKING:
    from torch import Tensor

Measure = Callable[[NDArray[Any], NDArray[Any]], float]
"""(targets, predictions) -> a number, as most functions of `sklearn.metrics`."""
MetricSetting = str | Measure
"""A name, `module:name` of a function, or a function of a module."""
Takes = Literal["predictions", "probabilities"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of predictions.

    Args:
        name: What it is called in metrics.
        measure: (targets, predictions) -> a number.
        takes: What `measure` is given as predictions: class numbers [N] (flags [N, labels], numbers
            [N, targets]), or probabilities [N, classes].
        falls: Whether lower is better; the score is minus the number then.
    """

    name: str
    measure: Measure
    takes: Takes = "predictions"
    falls: bool = False

    @property
    def score_name(self) -> str:
        """What the score is called: higher is better."""
        return f"-{self.name}" if self.falls else self.name

    def score(self, targets: "Tensor", predictions: "Tensor") -> float:
        """The measure as a score: higher is better.

        Args:
            targets: [N] or [N, outputs].
            predictions: What `takes` says.
        """
        value = float(self.measure(targets.cpu().numpy(), predictions.cpu().numpy()))
        return -value if self.falls else value

    def metrics(self, score: float) -> dict[str, float]:
        """The measure by its name, from the score."""
        return {self.name: -score if self.falls else score}


def metric_of(
    setting: MetricSetting, known: Mapping[str, Metric], *, key: str = "task.metric"
) -> Metric:
    """The metric that a setting names.

    Args:
        setting: A name, `module:name`, or a function.
        known: The metrics of an objective by name.
        key: The setting, for the message.

    Returns:
        The metric; of a function of one's own, higher is better, and it is given predictions.

    Raises:
        InvalidSettingError: There is no such metric.
    """
    if not isinstance(setting, str):
        given: Any = setting
        if not isinstance(given, FunctionType) or "<" in given.__qualname__:
            raise InvalidSettingError(
                key,
                "should be a name or a function (targets, predictions) at the top of a module, so"
                f" that worker processes find it; got {given!r}",
            )
        return Metric(given.__name__, given)
    if setting in known:
        return known[setting]
    if ":" not in setting:
        raise InvalidSettingError(key, f"'{setting}' is not known: {nearest(setting, known)}")
    function = load_object(setting)
    returns = getattr(function, "__annotations__", {}).get("return")
    # the name may come from a file, so only a function is called that says that it gives a number
    if not isinstance(function, FunctionType) or returns not in (float, "float"):
        raise InvalidSettingError(
            key,
            f"'{setting}' is no metric by its name: expected a function (targets, predictions) with"
            " the annotation '-> float'",
        )
    return Metric(function.__name__, function)


def record_of_metric(setting: MetricSetting) -> str:
    """A metric as settings record it: its name, or `module:name`."""
    return setting if isinstance(setting, str) else object_name(setting)


def _f1(average: str) -> Measure:
    def measure(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
        from sklearn.metrics import f1_score

        return float(f1_score(targets, predictions, average=average, zero_division=0))

    return measure


def _balanced_accuracy(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    """The mean recall of the classes that occur."""
    return float(np.mean([(predictions[targets == c] == c).mean() for c in np.unique(targets)]))


def _accuracy(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    return float((targets == predictions).mean())


def _roc_auc(targets: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """One class against the rest, mean over the classes; of two classes, the second."""
    from sklearn.metrics import roc_auc_score

    classes = range(probabilities.shape[1])
    areas = [
        roc_auc_score(targets == c, probabilities[:, c])
        for c in (classes if len(classes) > 2 else (1,))
        if 0 < (targets == c).sum() < len(targets)  # else there is nothing to tell apart
    ]
    return float(np.mean(areas)) if areas else 0.5


def _labels_roc_auc(targets: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """The mean over the labels that some examples have and some have not."""
    from sklearn.metrics import roc_auc_score

    pairs = zip(targets.T > 0.5, probabilities.T, strict=True)
    areas = [roc_auc_score(true, given) for true, given in pairs if 0 < true.sum() < len(true)]
    return float(np.mean(areas)) if areas else 0.5


def _log_loss(targets: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """In nats, with probabilities no smaller than float32 tells from 0."""
    of_true = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    return float(-np.log(np.maximum(of_true, np.finfo(np.float32).tiny)).mean())


def _r2(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Over all targets together; 0 where they do not vary."""
    spread = float(np.square(targets - targets.mean(0)).mean(dtype=np.float64))
    return 1 - _rmse(targets, predictions) ** 2 / spread if spread else 0.0


def _mae(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    return float(np.abs(targets - predictions).mean(dtype=np.float64))


def _rmse(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    return float(np.sqrt(np.square(targets - predictions).mean(dtype=np.float64)))


def _mape(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    """As scikit-learn's: a target of 0 counts as the smallest number, and dominates."""
    from sklearn.metrics import mean_absolute_percentage_error

    return float(mean_absolute_percentage_error(targets, predictions))


def _named(*metrics: Metric) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


OF_CLASSES = _named(
    Metric("accuracy", _accuracy),
    Metric("balanced_accuracy", _balanced_accuracy),
    Metric("f1_macro", _f1("macro")),
    Metric("f1_weighted", _f1("weighted")),
    Metric("roc_auc", _roc_auc, "probabilities"),
    Metric("log_loss", _log_loss, "probabilities", falls=True),
)
"""For classification; those that take probabilities rank or weigh them, too."""
OF_LABELS = _named(
    Metric("f1", _f1("macro")),
    Metric("f1_micro", _f1("micro")),
    Metric("f1_weighted", _f1("weighted")),
    Metric("roc_auc", _labels_roc_auc, "probabilities"),
)
"""For several labels per example."""
OF_NUMBERS = _named(
    Metric("r2", _r2),
    Metric("mae", _mae, falls=True),
    Metric("mape", _mape, falls=True),
    Metric("rmse", _rmse, falls=True),
)
"""For regression, in the targets' own unit, over all targets together."""
