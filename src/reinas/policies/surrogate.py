"""A Gaussian process over architectures: what a reward will be, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize
from scipy.special import ndtri

from reinas.policies.encoding import Encoding, Floats, Ints

# Log-normal priors of the kernel's parts, in units of the scores' variance.
LOG_AMPLITUDE, SD_AMPLITUDE = 0.0, 0.7
LOG_NOISE, SD_NOISE, LEAST_NOISE = -3.0, 1.0, 1e-4
LOG_EFFECT, SD_EFFECT = -1.0, 1.0
CONSTANT = 1.0  # the variance of the common mean
STEPS = 25  # of L-BFGS a fit; each begins where the last one ended
FITTED, CONDITIONED = 200, 300  # most architectures to fit weights to, and to predict from


def scores(rewards: Floats) -> Floats:
    """Rewards as the model sees them: standardised, good ones told apart, bad ones alike.

    The mean of two scales. One is the normal score of the rank, halved below the median. The
    other is the distance from the median in units of that of the best tenth, squashed below.
    """
    ordered = np.sort(rewards)
    middle = np.searchsorted(ordered, rewards, "left") + np.searchsorted(ordered, rewards, "right")
    ranked = ndtri(middle / (2 * len(rewards)))
    ranked = np.where(ranked < 0, ranked / 2, ranked)
    median = np.median(rewards)
    unit = float(np.quantile(rewards, 0.9) - median)
    if unit <= 0:  # most of the better half are equal
        unit = float(rewards.max() - median) or 1.0
    apart = np.clip((rewards - median) / unit, -50, 10)
    apart = np.where(apart < 0, np.expm1(np.minimum(apart, 0)), apart)
    both = (ranked + apart) / 2
    both = both - both.mean()
    deviation = both.std()
    result: Floats = both / deviation if deviation > 1e-12 else np.zeros_like(both)
    return result


def some(values: Floats, count: int, *, latest: bool) -> Ints:
    """At most `count` places: half the best ones, half the latest, or evenly spread, others."""
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
    """The kernel: amplitude * exp(-distance) + effect * (what is shared) + constant, with noise.

    `bits` weigh each bit, in the distance as in what is shared. The first part knows what is near
    to what was measured, the second what each option is good for wherever it stands.
    """

    amplitude: float
    noise: float
    effect: float
    bits: Floats

    @staticmethod
    def of(theta: Floats, encoding: Encoding) -> "Weights":
        """From standard normal parameters: three, then the parts of the bits' log weights."""
        logs = encoding.offset + encoding.design @ theta[3:]
        return Weights(
            float(np.exp(LOG_AMPLITUDE + SD_AMPLITUDE * theta[0])),
            float(np.exp(LOG_NOISE + SD_NOISE * theta[1])) + LEAST_NOISE,
            float(np.exp(LOG_EFFECT + SD_EFFECT * theta[2])),
            np.exp(np.clip(logs, -20, 6)),
        )

    def kernel(self, a: Floats, b: Floats) -> Floats:
        """Covariances of bits [m, W] with bits [n, W]: [m, n]."""
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
        """Variances of bits [m, W] before anything is measured: [m]."""
        shared: Floats = a @ self.bits.astype(a.dtype)
        return self.amplitude + CONSTANT + self.effect * shared


def start(encoding: Encoding) -> Floats:
    """The parameters at the prior's mean."""
    return np.zeros(3 + encoding.design.shape[1])


def fit(theta: Floats, encoding: Encoding, bits: Floats, values: Floats) -> Floats:
    """The parameters of highest posterior density, searched from `theta` (L-BFGS)."""
    places = some(values, FITTED, latest=True)
    found = minimize(
        loss,
        theta,
        args=(encoding, bits[places].astype(np.float64), values[places]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS},
    )
    good = np.isfinite(found.fun) and found.fun < IMPOSSIBLE
    return np.asarray(found.x) if good else theta


IMPOSSIBLE = 1e9


def loss(theta: Floats, encoding: Encoding, bits: Floats, values: Floats) -> tuple[float, Floats]:
    """Minus the log posterior density of the parameters, less a constant, and its gradient."""
    weights = Weights.of(theta, encoding)
    total = bits @ weights.bits
    shared = (bits * weights.bits) @ bits.T
    distance = np.maximum(total[:, None] + total - 2 * shared, 0)
    near = np.exp(-distance)
    covariance = weights.amplitude * near + weights.effect * shared + CONSTANT
    covariance[np.diag_indices_from(covariance)] += weights.noise
    try:
        lower = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return 10 * IMPOSSIBLE, np.zeros_like(theta)
    inverse, _ = dpotri(lower, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    alpha = inverse @ values
    # the density's slope by each covariance, and by each pair's distance
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
    """Means and variances of the scores of any architectures, given those measured.

    `bits` [n, W] and `values` [n] are the measured ones; at most 300 of them are looked at.
    """

    def __init__(self, weights: Weights, bits: Floats, values: Floats) -> None:
        self.weights = weights
        places = some(values, CONDITIONED, latest=False)
        known = bits[places].astype(np.float64)
        covariance = weights.kernel(known, known)
        covariance[np.diag_indices_from(covariance)] += weights.noise
        lower = np.linalg.cholesky(covariance)
        alpha = solve_triangular(lower, values[places], lower=True)
        self.places = places
        self.known = known.astype(np.float32)
        self._lower = lower.astype(np.float32)
        self._alpha = alpha.astype(np.float32)

    def predict(self, bits: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
        """Mean [m], variance [m], and the whitened covariances [n, m] that `given` needs."""
        whitened = solve_triangular(
            self._lower, self.weights.kernel(self.known, bits), lower=True, check_finite=False
        )
        variance = self.weights.variance(bits) - np.einsum("ij,ij->j", whitened, whitened)
        return self._alpha @ whitened, np.maximum(variance, 1e-8), whitened

    def given(self, bits: Floats, variance: Floats, whitened: Floats, place: int) -> Floats:
        """The variances [m] once the architecture at `place` is measured, too.

        What will be measured there is not known; its mean is assumed, so no mean moves.
        """
        prior = self.weights.kernel(bits[place : place + 1], bits)[0]
        covariance = prior - whitened[:, place] @ whitened
        left = variance - covariance**2 / (variance[place] + self.weights.noise)
        return np.asarray(np.maximum(left, 1e-8))
