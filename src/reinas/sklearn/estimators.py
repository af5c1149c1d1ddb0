"""`NASClassifier` and `NASRegressor`: fit(X, y) finds a network within minutes or trials."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from reinas.objectives.classification import Classification
from reinas.objectives.metrics import MetricSetting
from reinas.objectives.regression import Regression
from reinas.sklearn.base import AbstractEstimator
from reinas.spaces.base import AbstractSpace
from reinas.tasks.arrays import Layout
from reinas.tasks.measuring import ClassWeight


class NASClassifier(ClassifierMixin, AbstractEstimator):  # type: ignore[misc]
    """A classifier whose network is searched for the data.

    The network is found by Bayesian search and trained by the recipe of `reinas.fit`. Part of the
    data is kept for validation: it decides which network, and when its training ends. Nothing is
    held back as a test: measure by cross-validation, or on data of your own.

    X is an array [N, columns] with NaN for missing numbers; a data frame, whose columns of text or
    categories are encoded; images [N, height, width] or [N, height, width, channels]; or series
    [N, channels, time] with `layout="series"`.

    Args:
        minutes: How long `fit` may take, all included; the result then depends on the machine.
            Takes the place of `trials`, which has to be None.
        trials: The budget in networks: the same `random_state` gives the same network.
        epochs: Epochs per network. None: the recipe's.
        space: What may be built. None: what suits the data.
        metric: What networks are compared by: a name such as f1_macro, roc_auc, log_loss, or a
            function (targets, predictions) of a module; `auto` is the accuracy.
        class_weight: `balanced`, or a mapping from class to weight, for the loss.
        ensemble: With `minutes`, networks at most that are joined as one. None: what suits the
            data.
        layout: Where the channels of images are, or `series`; `auto` looks at the shape.
        valid_share: The share of the examples that is kept for validation.
        device: Where networks train: auto, cpu, cuda, cuda:N or mps.
        n_jobs: Networks that train at a time, each in a process. None is 1, in this process; -1 is
            one per core, and a script then needs `if __name__ == "__main__":`.
        random_state: An int, a RandomState, or None for another result each time.
        verbose: 1 shows a progress bar, in notebooks, too.

    Attributes:
        classes_: The classes, in the order of `predict_proba`.
        network_: The network, a `FoundNetwork`, which takes raw examples.
        architecture_: The best architecture.
        study_: All networks that were tried; it is not pickled.
        history_: One dict per network that was tried.
        n_features_in_: Columns of X.
    """

    def __init__(
        self,
        minutes: float | None = None,
        trials: int | None = 32,
        *,
        epochs: int | None = None,
        space: AbstractSpace[Any] | None = None,
        metric: MetricSetting = "auto",
        class_weight: ClassWeight = None,
        ensemble: int | None = None,
        layout: Layout = "auto",
        valid_share: float = 0.2,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.minutes, self.trials, self.epochs, self.space = minutes, trials, epochs, space
        self.metric, self.class_weight, self.ensemble = metric, class_weight, ensemble
        self.layout, self.valid_share, self.device = layout, valid_share, device
        self.n_jobs, self.random_state, self.verbose = n_jobs, random_state, verbose

    def fit(self, X: Any, y: Any) -> "NASClassifier":  # noqa: N803 (scikit-learn's name)
        """Find and train a network.

        Args:
            X: As above.
            y: Classes [N].

        Returns:
            Itself.
        """
        _check_classes(y)
        x, y = self._validated(X, y, reset=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                "NASClassifier needs two classes or more to tell apart, got one class:"
                f" {self.classes_.tolist()}"
            )
        weight = self.class_weight
        if isinstance(weight, Mapping):
            weight = {str(name): value for name, value in weight.items()}
        names = [str(name) for name in self.classes_.tolist()]
        self._fit(x, numbers, Classification(), classes=names, class_weight=weight)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The probability of each class: [N, classes]."""
        outputs = self._outputs(X)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The likeliest class of each example: [N]."""
        numbers = self._outputs(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[numbers]
        return found


class NASRegressor(RegressorMixin, AbstractEstimator):  # type: ignore[misc]
    """A regressor whose network is searched for the data.

    The network is found by Bayesian search and trained by the recipe of `reinas.fit`. Part of the
    data is kept for validation: it decides which network, and when its training ends. Nothing is
    held back as a test: measure by cross-validation, or on data of your own.

    X is an array [N, columns] with NaN for missing numbers; a data frame, whose columns of text or
    categories are encoded; images [N, height, width] or [N, height, width, channels]; or series
    [N, channels, time] with `layout="series"`.

    Args:
        minutes: How long `fit` may take, all included; the result then depends on the machine.
            Takes the place of `trials`, which has to be None.
        trials: The budget in networks: the same `random_state` gives the same network.
        epochs: Epochs per network. None: the recipe's.
        space: What may be built. None: what suits the data.
        metric: What networks are compared by: a name such as mae, mape, rmse, or a
            function (targets, predictions) of a module; `auto` is the mean squared error.
        ensemble: With `minutes`, networks at most that are joined as one. None: what suits the
            data.
        layout: Where the channels of images are, or `series`; `auto` looks at the shape.
        valid_share: The share of the examples that is kept for validation.
        device: Where networks train: auto, cpu, cuda, cuda:N or mps.
        n_jobs: Networks that train at a time, each in a process. None is 1, in this process; -1 is
            one per core, and a script then needs `if __name__ == "__main__":`.
        random_state: An int, a RandomState, or None for another result each time.
        verbose: 1 shows a progress bar, in notebooks, too.

    Attributes:
        network_: The network, a `FoundNetwork`, which takes raw examples.
        architecture_: The best architecture.
        study_: All networks that were tried; it is not pickled.
        history_: One dict per network that was tried.
        n_features_in_: Columns of X.
    """

    def __init__(
        self,
        minutes: float | None = None,
        trials: int | None = 32,
        *,
        epochs: int | None = None,
        space: AbstractSpace[Any] | None = None,
        metric: MetricSetting = "auto",
        ensemble: int | None = None,
        layout: Layout = "auto",
        valid_share: float = 0.2,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.minutes, self.trials, self.epochs, self.space = minutes, trials, epochs, space
        self.metric, self.ensemble, self.layout = metric, ensemble, layout
        self.valid_share, self.device, self.n_jobs = valid_share, device, n_jobs
        self.random_state, self.verbose = random_state, verbose

    def fit(self, X: Any, y: Any) -> "NASRegressor":  # noqa: N803 (scikit-learn's name)
        """Find and train a network.

        Args:
            X: As above.
            y: Numbers [N] or [N, targets].

        Returns:
            Itself.
        """
        x, y = self._validated(X, y, reset=True, y_numeric=True, multi_output=True)
        self._is_single = y.ndim == 1
        self._fit(x, y.reshape(len(y), -1).astype(np.float32), Regression())
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The numbers of each example: [N] or [N, targets], as in `fit`."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._is_single else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _check_classes(y: Any) -> None:
    """Refuse missing classes by their row; scikit-learn takes them for numbers."""
    given = np.asarray(y)
    if given.dtype == object and given.ndim == 1:
        for row, value in enumerate(given):
            if _is_missing(value):
                raise ValueError(f"Input y contains NaN: the class of row {row} is missing")


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA says neither yes nor no
        return True
