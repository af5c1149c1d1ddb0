"""A Gaussian process over architectures: predicts rewards with their uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize
from scipy.special import ndtri

from reinas.policies.encoding import Encoding, Floats, Ints

# Log-normal priors of the kernel's parameters, in units of the scores' variance.
LOG_AMPLITUDE, SD_AMPLITUDE = 0.0, 0.7
LOG_NOISE, SD_NOISE, LEAST_NOISE = -3.0, 1.0, 1e-4
LOG_EFFECT, SD_EFFECT = -1.0, 1.0
CONSTANT = 1.0  # prior variance of the mean
STEPS = 25  # of L-BFGS per fit; each fit starts where the last one ended
FITTED, CONDITIONED = 200, 300  # most trials used to fit the parameters, and to predict
FAILED_LOSS = 1e9  # above any loss of parameters whose covariance can be factorised


def scores(rewards: Floats) -> Floats:
    """Transform rewards for the model: good ones spread out, bad ones squeezed together.

    The mean of two scales, standardised. One is the normal score of the rank, halved below the
    median. The other is the distance from the median, divided by the distance of the 0.9
    quantile, and squashed by expm1 below the median.

    Args:
        rewards: [n].

    Returns:
        [n], with mean 0 and variance 1; zeros if all rewards are equal.
    """
    ordered = np.sort(rewards)
    middle = np.searchsorted(ordered, rewards, "left") + np.searchsorted(ordered, rewards, "right")
    ranked = ndtri(middle / (2 * len(rewards)))
    ranked = np.where(ranked < 0, ranked / 2, ranked)
    median = np.median(rewards)
    unit = float(np.quantile(rewards, 0.9) - median)
    if unit <= 0:  # the better half is almost constant
        unit = float(rewards.max() - median) or 1.0
    apart = np.clip((rewards - median) / unit, -50, 10)
    apart = np.where(apart < 0, np.expm1(np.minimum(apart, 0)), apart)
    both = (ranked + apart) / 2
    both = both - both.mean()
    deviation = both.std()
    result: Floats = both / deviation if deviation > 1e-12 else np.zeros_like(both)
    return result


def subset(values: Floats, count: int, *, latest: bool) -> Ints:
    """Choose which trials the model uses: half of them the best, the rest recent or spread.

    Args:
        values: [n], the trials' scores in order of evaluation.
        count: Size of the subset.
        latest: Fill up with the latest trials; otherwise with evenly spread ones.

    Returns:
        int64 [min(n, count)], indices in ascending order.
    """
    if len(values) <= count:
        return np.arange(len(values))
    best = np.argsort(-values, kind="stable")[: count // 2]
    rest = np.setdiff1d(np.arange(len(values)), best)
    room = count - count // 2
    spread = np.linspace(0, len(rest) - 1, room).astype(int)
    others = rest[-room:] if latest else rest[spread]
    return np.sort(np.concatenate([best, others]))


@dataclass(frozen=True)
class Weights:
    """The kernel amplitude * exp(-distance) + effect * similarity + constant, and the noise.

    The distance is the weighted sum of the bits that differ, the similarity that of the bits set
    in both. The first term models what is close to evaluated architectures; the second gives each
    option an effect of its own, whatever the other answers are.

    Args:
        amplitude: Variance of the first term.
        noise: Variance of the scores' noise.
        effect: Variance of the second term, per unit of weight.
        bits: [W], the weight of each bit.
    """

    amplitude: float
    noise: float
    effect: float
    bits: Floats

    @staticmethod
    def of(theta: Floats, encoding: Encoding) -> "Weights":
        """The kernel of these parameters.

        Args:
            theta: Standard normal a priori: amplitude, noise, effect, then the parts of the bits'
                log weights.
            encoding: Says how the log weights are made up of the parts.

        Returns:
            The kernel.
        """
        logs = encoding.offset + encoding.design @ theta[3:]
        return Weights(
            float(np.exp(LOG_AMPLITUDE + SD_AMPLITUDE * theta[0])),
            float(np.exp(LOG_NOISE + SD_NOISE * theta[1])) + LEAST_NOISE,
            float(np.exp(LOG_EFFECT + SD_EFFECT * theta[2])),
            np.exp(np.clip(logs, -20, 6)),
        )

    def kernel(self, a: Floats, b: Floats) -> Floats:
        """Prior covariances without noise.

        Args:
            a: Encoded architectures [m, W].
            b: Encoded architectures [n, W].

        Returns:
            [m, n].
        """
        weights = self.bits.astype(a.dtype)
        shared = (a * weights) @ b.T
        result = -2 * shared
        result += (a @ weights)[:, None]
        result += b @ weights
        np.maximum(result, 0, out=result)
        np.exp(-result, out=result)
        result *= a.dtype.type(self.amplitude)
        shared *= a.dtype.type(self.effect)
        result += shared
        result += a.dtype.type(CONSTANT)
        return result

    def variance(self, a: Floats) -> Floats:
        """Prior variances without noise.

        Args:
            a: Encoded architectures [m, W].

        Returns:
            [m].
        """
        shared: Floats = a @ self.bits.astype(a.dtype)
        return self.amplitude + CONSTANT + self.effect * shared


def start(encoding: Encoding) -> Floats:
    """The parameters at the prior's mean: zeros [3 + parts]."""
    return np.zeros(3 + encoding.design.shape[1])


def fit(theta: Floats, encoding: Encoding, bits: Floats, values: Floats, doubts: Floats) -> Floats:
    """Maximise the posterior density of the parameters by L-BFGS.

    Args:
        theta: [3 + parts], where to start.
        encoding: Says how the bits' log weights are made up.
        bits: Encoded evaluated architectures [n, W].
        values: Their scores [n].
        doubts: Variances of the scores' noise on top of the kernel's own [n].

    Returns:
        [3 + parts]; `theta` itself if the optimiser found nothing finite.
    """
    places = subset(values, FITTED, latest=True)
    found = minimize(
        loss,
        theta,
        args=(encoding, bits[places].astype(np.float64), values[places], doubts[places]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS},
    )
    good = np.isfinite(found.fun) and found.fun < FAILED_LOSS
    return np.asarray(found.x) if good else theta


def loss(
    theta: Floats, encoding: Encoding, bits: Floats, values: Floats, doubts: Floats
) -> tuple[float, Floats]:
    """Minus the log posterior density of the parameters, up to a constant, and its gradient.

    Args:
        theta: [3 + parts].
        encoding: Says how the bits' log weights are made up.
        bits: Encoded architectures [n, W].
        values: Their scores [n].
        doubts: Variances of the scores' noise on top of the kernel's own [n].

    Returns:
        The value, and its gradient [3 + parts].
    """
    weights = Weights.of(theta, encoding)
    total = bits @ weights.bits
    shared = (bits * weights.bits) @ bits.T
    distance = np.maximum(total[:, None] + total - 2 * shared, 0)
    near = np.exp(-distance)
    covariance = weights.amplitude * near + weights.effect * shared + CONSTANT
    covariance[np.diag_indices_from(covariance)] += weights.noise + doubts
    try:
        lower = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return 10 * FAILED_LOSS, np.zeros_like(theta)
    inverse, _ = dpotri(lower, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    alpha = inverse @ values
    # derivatives of the log likelihood by each covariance, and by each pair's distance
    slope = 0.5 * (np.outer(alpha, alpha) - inverse)
    pull = -weights.amplitude * slope * near
    by_bit = 2 * (bits.T @ pull.sum(1) - (bits * (pull @ bits)).sum(0))
    by_bit += weights.effect * (bits * (slope @ bits)).sum(0)
    gradient = np.concatenate(
        [
            [-SD_AMPLITUDE * pull.sum()],
            [SD_NOISE * (weights.noise - LEAST_NOISE) * np.trace(slope)],
            [SD_EFFECT * weights.effect * (slope * shared).sum()],
            encoding.design.T @ (by_bit * weights.bits),
        ]
    )
    value = 0.5 * values @ alpha + np.log(np.diag(lower)).sum() + 0.5 * theta @ theta
    return float(value), theta - gradient


class Posterior:
    """Predicts the scores of any architectures from the evaluated ones.

    Args:
        weights: The kernel.
        bits: Encoded evaluated architectures [n, W]; at most 300 of them are used.
        values: Their scores [n].
        doubts: Variances of the scores' noise on top of the kernel's own [n].

    Attributes:
        places: Indices of the evaluated architectures that are used.
        known: Their encoding.
    """

    def __init__(self, weights: Weights, bits: Floats, values: Floats, doubts: Floats) -> None:
        self.weights = weights
        places = subset(values, CONDITIONED, latest=False)
        known = bits[places].astype(np.float64)
        covariance = weights.kernel(known, known)
        covariance[np.diag_indices_from(covariance)] += weights.noise + doubts[places]
        lower = np.linalg.cholesky(covariance)
        alpha = solve_triangular(lower, values[places], lower=True)
        self.places = places
        self.known = known.astype(np.float32)
        self._lower = lower.astype(np.float32)
        self._alpha = alpha.astype(np.float32)

    def predict(self, bits: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
        """Predict scores.

        Args:
            bits: Encoded architectures [m, W].

        Returns:
            Mean [m], variance [m], and the whitened covariances [n, m] that `given` takes.
        """
        whitened = solve_triangular(
            self._lower, self.weights.kernel(self.known, bits), lower=True, check_finite=False
        )
        variance = self.weights.variance(bits) - np.einsum("ij,ij->j", whitened, whitened)
        return self._alpha @ whitened, np.maximum(variance, 1e-8), whitened

    def given(self, bits: Floats, variance: Floats, whitened: Floats, place: int) -> Floats:
        """The variances once the architecture at `place` is evaluated too.

        Its score is assumed to be the predicted mean, so the means stay as they are.

        Args:
            bits: Encoded architectures [m, W].
            variance: Their variances [m].
            whitened: Their whitened covariances [n, m], from `predict`.
            place: Which of the m is evaluated.

        Returns:
            [m].
        """
        prior = self.weights.kernel(bits[place : place + 1], bits)[0]
        covariance = prior - whitened[:, place] @ whitened
        left = variance - covariance**2 / (variance[place] + self.weights.noise)
        return np.asarray(np.maximum(left, 1e-8))
