"""Intervals and tests against SciPy, closed forms and brute force."""

import itertools
from itertools import product

import numpy as np
import pytest
from scipy import stats

from reinas.compare.statistics import (
    against,
    holm,
    interval,
    intervals,
    ranks,
    share,
    signed_rank,
)


@pytest.mark.parametrize("count", [2, 5, 30, 100])
def test_the_interval_is_scipys(count):
    """Student's t; skewed values too."""
    values = np.random.default_rng(count).exponential(size=count)
    found = interval(values)
    low, high = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), low, high))


def covered(low, high):
    """In how many of the columns the interval has 0."""
    return float(((low <= 0) & (high >= 0)).mean())


@pytest.mark.parametrize("count", [2, 3, 5, 10, 30])
def test_the_interval_covers_the_mean_in_95_percent_of_cases(count):
    """4,000 samples of normal numbers; the standard error of the share is 0.35 %."""
    values = np.random.default_rng(count).standard_normal((count, 4000))
    _, low, high = intervals(values)
    assert 0.938 < covered(low, high) < 0.962


@pytest.mark.parametrize(("count", "share"), [(3, 0.74), (5, 0.84)])
def test_the_percentile_bootstrap_would_not(count, share):
    """The numbers in the docstring: the reason why it is not used."""
    values = np.random.default_rng(count).standard_normal((count, 4000))
    shares = np.full(count, 1 / count)
    weights = np.random.default_rng(0).multinomial(count, shares, size=2000) / count
    low, high = np.quantile(weights @ values, [0.025, 0.975], axis=0)
    assert covered(low, high) == pytest.approx(share, abs=0.02)


def test_each_column_has_the_interval_that_it_would_have_alone():
    """Scaling and shifting a column scales and shifts its interval."""
    values = np.random.default_rng(1).random((20, 3))
    together = np.array(intervals(values))
    for n in range(3):
        np.testing.assert_allclose(together[:, [n]], intervals(values[:, [n]]))
    np.testing.assert_allclose(np.array(intervals(3 * values + 7)), 3 * together + 7)


def test_equal_values_give_an_interval_of_width_zero():
    """Exactly, even if their mean is rounded."""
    result = interval([91.60666665] * 7)
    assert result.low == result.high == pytest.approx(91.60666665)


def test_one_seed_has_no_interval():
    """One value says nothing about its spread."""
    result = interval([0.5])
    assert result.mean == 0.5
    assert np.isnan(result.low)
    assert np.isnan(result.high)


@pytest.mark.parametrize(
    ("successes", "count"), [(0, 1), (1, 1), (0, 100), (95, 100), (100, 100), (7, 9)]
)
def test_shares_have_wilsons_interval(successes, count):
    """(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)."""
    z, p = 1.959963984540054, successes / count
    middle = p + z**2 / (2 * count)
    reach = z * np.sqrt(p * (1 - p) / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    result = share(successes, count)
    assert result.mean == p
    assert result.low == pytest.approx((middle - reach) / scale, abs=1e-9)
    assert result.high == pytest.approx((middle + reach) / scale, abs=1e-9)


def test_wilcoxons_test_is_scipys():
    """Without ties at 0, in the normal approximation."""
    differences = np.random.default_rng(0).normal(0.3, 1, 60)
    theirs = stats.wilcoxon(differences, method="approx").pvalue
    assert signed_rank(differences) == pytest.approx(theirs)


@pytest.mark.parametrize(
    "differences",
    [
        np.array([1.5, -0.4, 2.2, 0.7, -1.1, 3.0, 0.2, 1.9, 0.9, -0.3, 1.2, 0.8]),
        np.array([0.0, 0.0, 0.0, 2.0, 1.0, -1.0, 3.0, 2.0, 4.0, 5.0, -0.5, 1.5]),
    ],
)
def test_the_signed_rank_test_is_close_to_the_exact_permutation_test(differences):
    """The share of all 2^12 patterns of signs at least as far from the centre; zeros are halved."""
    size = stats.rankdata(np.abs(differences))
    signs = np.sign(differences)
    patterns = np.array(list(product((-1, 1), repeat=len(differences)))) * (signs != 0)
    sums = np.abs(patterns @ size)
    exact = np.mean(sums >= abs(signs @ size) - 1e-9)
    assert signed_rank(differences) == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize(
    "differences", [[0.0, 0.0, 1.0, -2.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0, 5.0], [-1.0, 2.0, 0.5]]
)
def test_with_few_pairs_the_signed_rank_test_is_exact(differences):
    """By brute force: the share of all changes of sign whose rank sum is at least as extreme."""
    ranks = stats.rankdata(np.abs(differences))

    def rank_sum(values):
        return sum(r * (0.5 if v == 0 else v > 0) for r, v in zip(ranks, values, strict=True))

    signs = itertools.product((-1, 1), repeat=len(differences))
    every = [rank_sum(np.multiply(differences, s)) for s in signs]
    found = rank_sum(differences)
    tails = [np.mean([e >= found for e in every]), np.mean([e <= found for e in every])]
    assert signed_rank(np.array(differences)) == pytest.approx(min(1, 2 * min(tails)))


def test_with_many_pairs_the_signed_rank_test_is_scipys():
    """The normal approximation, zeros split."""
    differences = np.random.default_rng(0).integers(-2, 5, 40).astype(float)
    wanted = stats.wilcoxon(differences, zero_method="zsplit", method="approx").pvalue
    assert signed_rank(differences) == pytest.approx(wanted)


def test_without_any_difference_the_p_value_is_one():
    """And the sign of the differences does not matter."""
    assert signed_rank(np.zeros(10)) == 1
    differences = np.array([0.1, 0.4, -0.2, 0.5, 0.7])
    assert signed_rank(differences) == pytest.approx(signed_rank(-differences))


def test_p_values_are_uniform_where_there_is_no_difference():
    """One in twenty of 1,000 tests of pure noise is below 0.05."""
    rng = np.random.default_rng(3)
    below = sum(signed_rank(rng.standard_normal(40)) < 0.05 for _ in range(1000))
    assert stats.binomtest(below, 1000, 0.05).pvalue > 1e-3


def test_holm_by_hand():
    """3 x 0.01, then 2 x 0.03, then 0.04 raised to what came before; never above 1."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holms_correction_is_between_none_and_bonferronis():
    """For random p-values; their order is kept."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        p = rng.random(6) ** 3
        corrected = np.array(holm(p.tolist()))
        assert (corrected >= p).all()
        assert (corrected <= np.minimum(1, 6 * p) + 1e-12).all()
        assert (np.diff(corrected[np.argsort(p)]) >= 0).all()


def test_ranks_are_by_row_with_ties_averaged():
    """Rank 1 is the lowest score."""
    scores = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 5.0]])
    assert ranks(scores).tolist() == [[3, 1, 2], [1.5, 1.5, 3]]


def test_a_mean_against_a_known_number_is_scipys_t_test():
    """And agrees with the interval: p below 0.05 exactly where it does not have the number."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.normal(0.4, 1, 12)
        p = against(values, 0.0)
        assert p == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue)
        found = interval(values)
        assert (p < 0.05) == (found.low > 0 or found.high < 0)


@pytest.mark.parametrize(
    ("values", "expected", "p"), [([0.3], 0.0, 1), ([0.3] * 4, 0.3, 1), ([0.3] * 4, 0.2, 0)]
)
def test_values_without_spread_need_no_test(values, expected, p):
    """One value says nothing; equal values are the number or are not."""
    assert against(np.array(values), expected) == p


def test_one_pair_says_nothing():
    """Its sign is as likely as the other."""
    assert signed_rank(np.array([0.7])) == 1
