"""Standardisation and whitening, by the statistics of the training part."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WHITENING = ("channel", "zca", "quantile", "none")
"""How inputs may be standardised: see `AbstractTask.whitening`."""
EPSILON = 1e-3
"""What ZCA adds to the covariance's eigenvalues, whose mean is 1: noise is not blown up."""
QUANTILES = 256
"""The most quantiles per column that `Scaling.quantile` keeps."""
TAIL = 1e-4
"""Shares nearer to 0 or 1 than this are cut off by `Scaling.quantile`: it gives -3.72 to 3.72."""
PIECE = 2048
"""Examples that are converted at a time: all at once in float64 would take too much memory."""


def pieces(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Views of a few examples each, in order."""
    return [values[n : n + PIECE] for n in range(0, len(values), PIECE)]


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Standardisation: (raw - mean) / std, then a rotation [D, D] of the flat example, if any.

    With `quantiles` [K, *inputs] each number becomes standard normal by its place among them
    instead, but for those whose quantiles are NaN.
    """

    mean: Floats
    std: Floats
    rotation: Floats | None = None
    quantiles: Floats | None = None

    @staticmethod
    def of(values: NDArray[Any], axes: tuple[int, ...]) -> "Scaling":
        """Standardise by the statistics of some values.

        Args:
            values: [N, ...].
            axes: Over which mean and deviation are taken, 0 among them.

        Returns:
            The scaling; a constant column is only centred.
        """
        mean = values.mean(axis=axes, keepdims=True, dtype=np.float64)[0]
        # piece by piece: all of it in float64 would be eight times the size of images
        squares = sum(
            np.square(piece - mean, dtype=np.float64).sum(axis=axes, keepdims=True)[0]
            for piece in pieces(values)
        )
        std = np.sqrt(squares / (values.size // mean.size))
        # rounding gives a constant column a deviation a little above 0: compare the values
        first = values[tuple(slice(1) if n in axes else slice(None) for n in range(values.ndim))]
        constant = (values == first).all(axis=axes, keepdims=True)[0]
        std = np.where(constant | (std == 0), 1.0, std)
        return Scaling(mean.astype(np.float32), std.astype(np.float32))

    @staticmethod
    def zca(values: NDArray[Any], epsilon: float = EPSILON) -> "Scaling":
        """ZCA whitening of [N, ...]: uncorrelated with variance 1, and as near as can be to raw.

        With the covariance U diag(v) U', scaled so that the mean of v is 1, the rotation is
        U diag(1 / sqrt(v + epsilon)) U': a direction of variance v ends with v / (v + epsilon).

        Args:
            values: [N, ...], flattened to D numbers per example.
            epsilon: Keeps directions of little variance from being blown up.

        Returns:
            The scaling, with a rotation [D, D].
        """
        mean = values.mean(axis=0, dtype=np.float64).astype(np.float32)
        flat = (values - mean).reshape(len(values), -1).astype(np.float32)
        spread = float(np.sqrt(np.mean(np.square(flat), dtype=np.float64))) or 1.0
        flat /= np.float32(spread)
        variances, directions = np.linalg.eigh(flat.T @ flat / len(flat))
        shrunk = directions / np.sqrt(np.maximum(variances, 0) + epsilon)
        rotation = (shrunk @ directions.T).astype(np.float32)
        return Scaling(mean, np.full(1, spread, np.float32), rotation)

    @staticmethod
    def quantile(values: NDArray[Any]) -> "Scaling":
        """Make each column of [N, ...] standard normal by its empirical distribution.

        As scikit-learn's QuantileTransformer(output_distribution="normal") does it: the share of
        examples below a number, linear between neighbouring quantiles, gives the normal number of
        that share. A number that occurs often gets the middle of its shares, at both ends too.

        Args:
            values: [N, ...]; each of the numbers of an example is a column by itself.

        Returns:
            The scaling. A column of two values is standardised, and a constant one becomes 0: both
            have the quantiles NaN.
        """
        flat = values.reshape(len(values), -1)
        shares = np.linspace(0, 1, min(QUANTILES, len(flat)))
        quantiles = np.full((len(shares), flat.shape[1]), np.nan, np.float32)
        mean, std = np.zeros(flat.shape[1]), np.full(flat.shape[1], np.inf)
        for place in range(flat.shape[1]):
            column = flat[:, place].astype(np.float32).astype(np.float64)
            least, most = column.min(), column.max()
            mean[place] = column.mean()
            if ((column != least) & (column != most)).any():
                quantiles[:, place], std[place] = np.quantile(column, shares), 1
            elif least < most:
                std[place] = column.std()
        shape = values.shape[1:]
        return Scaling(
            mean.astype(np.float32).reshape(shape),
            std.astype(np.float32).reshape(shape),
            quantiles=quantiles.reshape(len(shares), *shape),
        )

    @staticmethod
    def none() -> "Scaling":
        """Leaves everything as it is."""
        return Scaling(np.zeros(1, np.float32), np.ones(1, np.float32))

    def __call__(self, values: NDArray[Any]) -> Floats:
        """The standardised values, same shape, float32."""
        scaled = np.empty(values.shape, np.float32)
        for into, piece in zip(pieces(scaled), pieces(values), strict=True):
            into[...] = (piece - self.mean) / self.std
            if self.rotation is not None:
                into[...] = (into.reshape(len(into), -1) @ self.rotation).reshape(into.shape)
            if self.quantiles is not None:
                _normal(piece, self.quantiles, into)
        return scaled


def _normal(values: NDArray[Any], quantiles: Floats, into: Floats) -> None:
    """Put the standard normal numbers of values [N, ...] where there are quantiles [K, ...].

    `FoundNetwork` does the same with tensors: in float64, since shares near 1 are too coarse in
    float32.
    """
    from scipy.special import ndtri

    flat = values.reshape(len(values), -1)
    knots = quantiles.reshape(len(quantiles), -1).astype(np.float64)
    most = len(knots) - 1
    result = into.reshape(len(into), -1)
    for place in np.flatnonzero(~np.isnan(knots[0])):
        column = flat[:, place].astype(np.float32).astype(np.float64)
        known = knots[:, place]
        low = np.clip(np.searchsorted(known, column, "right") - 1, 0, most)
        high = np.clip(np.searchsorted(known, column, "left"), 0, most)
        gap = known[high] - known[low]
        part = np.where(gap > 0, (column - known[low]) / np.where(gap > 0, gap, 1), 0.5)
        share = (low + part * (high - low)) / most
        result[:, place] = ndtri(np.clip(share, TAIL, 1 - TAIL))
