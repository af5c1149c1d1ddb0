"""What is known of all architectures: how good each would be, and whether it would fail."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from reinas.policies.encoding import Encoding, Floats, Ints
from reinas.policies.surrogate import Posterior, Weights, fit, start


class Predicted(NamedTuple):
    """What a model predicts of m architectures.

    Args:
        mean: The scores' means [m].
        variance: Their variances [m].
        whitened: The whitened covariances with the n evaluated architectures [n, m].
        success: The log-probability that an evaluation does not fail [m]; None where none did.
    """

    mean: Floats
    variance: Floats
    whitened: Floats
    success: Floats | None = None

    def joined(self, more: "Predicted") -> "Predicted":
        """These predictions and more, by the same model.

        Args:
            more: Of k architectures.

        Returns:
            Of m + k architectures.
        """
        success = None
        if self.success is not None and more.success is not None:
            success = np.concatenate([self.success, more.success])
        return Predicted(
            np.concatenate([self.mean, more.mean]),
            np.concatenate([self.variance, more.variance]),
            np.concatenate([self.whitened, more.whitened], axis=1),
            success,
        )


class Learner:
    """A Gaussian process over architectures whose parameters are fitted now and then.

    Args:
        encoding: Encodes the architectures.
        theta: The parameters; None before the first fit.
    """

    def __init__(self, encoding: Encoding, theta: Floats | None = None) -> None:
        self._encoding, self.theta = encoding, theta

    @property
    def weights(self) -> Weights:
        """The kernel; before the first fit, the one at the prior's mean."""
        return Weights.of(self._start, self._encoding)

    @property
    def _start(self) -> Floats:
        return start(self._encoding) if self.theta is None else self.theta

    def fit(self, bits: Floats, values: Floats, doubts: Floats | None = None) -> None:
        """Fit the parameters, starting where the last fit ended.

        Args:
            bits: Encoded architectures [n, W].
            values: What is known of them [n].
            doubts: Variances of its noise on top of the kernel's own [n]. None: zeros.
        """
        doubts = np.zeros(len(values)) if doubts is None else doubts
        self.theta = fit(self._start, self._encoding, bits, values, doubts)

    def posterior(self, bits: Floats, values: Floats, doubts: Floats | None = None) -> Posterior:
        """What the process predicts once these values are known; arguments as in `fit`."""
        doubts = np.zeros(len(values)) if doubts is None else doubts
        return Posterior(self.weights, bits, values, doubts)


class Model:
    """Predicts scores and successes of any architectures from the evaluated ones.

    Success is learned as a regression on 1 and -1 (least-squares classification, Rasmussen &
    Williams 2006, section 6.5), and failures are left out of the scores, so that they neither
    squeeze them nor pull down what lies near (cf. Gelbart, Snoek & Adams 2014).

    Args:
        scores: Predicts the scores.
        success: Predicts 1 for success and -1 for failure; None where nothing failed.

    Attributes:
        places: Which of the architectures that `scores` was given are used [n].
        noise: Variance of the scores' noise.
    """

    def __init__(self, scores: Posterior, success: Posterior | None = None) -> None:
        self._scores, self._success = scores, success
        self.places: Ints = scores.places
        self.noise = scores.weights.noise

    @cached_property
    def known(self) -> Floats:
        """The predicted means of the evaluated architectures [n]."""
        return self._scores.predict(self._scores.known)[0]

    @property
    def nothing(self) -> Predicted:
        """The prediction of no architectures at all."""
        none = np.zeros(0, np.float32)
        whitened = np.zeros((len(self.places), 0), np.float32)
        return Predicted(none, none, whitened, None if self._success is None else none)

    def predict(self, bits: Floats) -> Predicted:
        """What is predicted of these architectures.

        Args:
            bits: Encoded architectures [m, W].

        Returns:
            The predictions.
        """
        mean, variance, whitened = self._scores.predict(bits)
        success: Floats | None = None
        if self._success is not None:
            label, doubt, _ = self._success.predict(bits)
            success = log_ndtr(label / np.sqrt(doubt + self._success.weights.noise))
        return Predicted(mean, variance, whitened, success)

    def given(self, bits: Floats, predicted: Predicted, place: int) -> Predicted:
        """What is predicted once the architecture at `place` is evaluated too.

        Its score is assumed to be the predicted mean, so only the variances change.

        Args:
            bits: Encoded architectures [m, W].
            predicted: Of these.
            place: Which of the m is evaluated.

        Returns:
            The predictions.
        """
        _, variance, whitened, _ = predicted
        left = self._scores.given(bits, variance, whitened, place)
        return predicted._replace(variance=left)
