"""Standardisation, ZCA whitening, and leaving everything as it is."""

import numpy as np
import pytest
from scipy.stats import norm

from reinas.errors import SettingError
from reinas.tasks.arrays import Arrays
from reinas.tasks.scaling import EPSILON, QUANTILES, TAIL, Scaling


def mixed(n=3000, d=6, seed=0):
    """Correlated data of full rank with means far from 0."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + np.arange(d) * 10


def covariance(values):
    flat = np.asarray(values, float).reshape(len(values), -1)
    return np.cov(flat.T, bias=True)


def test_zca_ends_every_direction_with_v_over_v_plus_epsilon():
    """Eigenvalues of the raw covariance, scaled to a mean of 1, say what is left: within 1 %."""
    x = mixed()
    variances = np.linalg.eigvalsh(covariance(x))
    variances /= variances.mean()
    for epsilon in (EPSILON, 0.1):
        found = np.linalg.eigvalsh(covariance(Scaling.zca(x, epsilon)(x)))
        np.testing.assert_allclose(np.sort(found), np.sort(variances / (variances + epsilon)), 0.01)


def test_zca_makes_columns_uncorrelated_with_variance_one():
    """The covariance of well-conditioned data becomes the identity matrix, means become 0."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4000, 5)) + 0.5 * rng.standard_normal((4000, 1)) + 7
    white = Scaling.zca(x)(x)
    np.testing.assert_allclose(covariance(white), np.eye(5), atol=0.01)
    np.testing.assert_allclose(white.mean(0), 0, atol=1e-4)


def test_zca_is_the_inverse_root_of_the_covariance():
    """Against SciPy's inverse matrix root, with epsilon on the diagonal."""
    from scipy.linalg import sqrtm

    x = mixed(500, 4, 2)
    c = covariance(x)
    scale = np.trace(c) / 4
    wanted = np.linalg.inv(sqrtm(c / scale + EPSILON * np.eye(4)))
    scaling = Scaling.zca(x)
    np.testing.assert_allclose(scaling.rotation, wanted, rtol=0.01, atol=0.01)
    assert float(scaling.std[0]) == pytest.approx(np.sqrt(scale), rel=1e-4)


def test_zca_is_symmetric():
    """The rotation is its own transpose: a whitened pixel stays at its place."""
    rotation = Scaling.zca(mixed()).rotation
    np.testing.assert_allclose(rotation, rotation.T, rtol=1e-4, atol=1e-5)


def test_zca_keeps_the_shape_of_images_and_takes_bytes():
    """uint8 [N, C, H, W] -> float32 of the same shape, whitened over all pixels."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 256, (800, 2, 3, 3), np.uint8)
    white = Scaling.zca(x)(x)
    assert white.shape == x.shape
    assert white.dtype == np.float32
    np.testing.assert_allclose(covariance(white), np.eye(18), atol=0.02)


def test_zca_uses_the_training_statistics_for_other_examples():
    """Other data are moved by the training mean and turned by the training rotation."""
    x, other = mixed(), mixed(50, seed=9) + 3
    scaling = Scaling.zca(x)
    c = covariance(x)
    v, u = np.linalg.eigh(c / (np.trace(c) / 6))
    turned = (other - x.mean(0)) / np.sqrt(np.trace(c) / 6) @ (u / np.sqrt(v + EPSILON)) @ u.T
    np.testing.assert_allclose(scaling(other), turned, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("shape", [(5, 20), (2, 3), (40, 4)])
def test_zca_of_data_that_do_not_fill_their_space_is_finite(shape):
    """Fewer examples than columns, and a constant column: no NaN, no direction above 1."""
    x = np.random.default_rng(4).standard_normal(shape)
    x[:, 0] = 5.0
    white = Scaling.zca(x)(x)
    assert np.isfinite(white).all()
    assert np.linalg.eigvalsh(covariance(white)).max() < 1.01


def test_zca_of_constant_data_is_zero():
    """Nothing to whiten: all 0, not NaN."""
    x = np.full((6, 3), 42.0)
    assert (Scaling.zca(x)(x) == 0).all()


def skewed(n=5000, seed=0):
    """Columns of many kinds: skewed, heavy-tailed, counts with ties, and of bytes."""
    rng = np.random.default_rng(seed)
    columns = [
        rng.exponential(size=n),
        rng.standard_cauchy(n) * 1e4 + 7,
        rng.poisson(6, n),
        rng.uniform(-1, 1, n) ** 3,
        rng.integers(0, 256, n),
    ]
    return np.stack(columns, 1).astype(np.float32)


def test_quantile_agrees_with_scikit_learn():
    """Of other examples too: the same normal numbers, but for the ends, where it cuts off later."""
    from sklearn.preprocessing import QuantileTransformer

    x, other = skewed(), skewed(3000, 1)
    transformer = QuantileTransformer(
        n_quantiles=QUANTILES, output_distribution="normal", subsample=None
    )
    transformer.fit(x)
    scaling = Scaling.quantile(x)
    for values in (x, other):
        wanted = transformer.transform(values)
        inside = (values > x.min(0)) & (values < x.max(0)) & (np.abs(wanted) < 3.7)
        assert inside.mean() > 0.97
        np.testing.assert_allclose(scaling(values)[inside], wanted[inside], atol=1e-4)


def test_quantile_makes_training_columns_normal():
    """The values of a continuous column are spread as SciPy's normal: Kolmogorov-Smirnov."""
    from scipy.stats import kstest

    x = skewed()[:, [0, 1, 3]]
    for column in Scaling.quantile(x)(x).T:
        assert kstest(column, "norm").statistic < 0.005


def test_quantile_cuts_off_at_both_ends():
    """Beyond the training part it is the normal number of the share 1e-4 or 1 - 1e-4."""
    far = np.array([[-1e9] * 5, [1e9] * 5], np.float32)
    found = Scaling.quantile(skewed())(far)
    np.testing.assert_allclose(found, norm.ppf([[TAIL], [1 - TAIL]]).repeat(5, 1), atol=1e-5)


def test_a_frequent_number_gets_the_middle_of_its_shares():
    """Half zeros, then 1 to 100 once each: 0 is the normal number of 0.25, not the far end."""
    x = np.concatenate([np.zeros(100), np.arange(1, 101)])[:, None]
    found = float(Scaling.quantile(x)(np.zeros((1, 1)))[0, 0])
    assert found == pytest.approx(norm.ppf(0.25), abs=0.02)


def test_quantile_standardises_columns_of_two_values_and_drops_constant_ones():
    """By NumPy's mean and deviation; a constant column is 0, whatever comes later."""
    rng = np.random.default_rng(2)
    x = np.stack([rng.integers(0, 2, 500), np.full(500, 3), rng.standard_normal(500)], 1)
    scaling = Scaling.quantile(x)
    flag = x[:, 0]
    np.testing.assert_allclose(scaling(x)[:, 0], (flag - flag.mean()) / flag.std(), atol=1e-5)
    assert (scaling(x)[:, 1] == 0).all()
    assert (scaling(x + 5)[:, 1] == 0).all()


def test_quantile_of_few_examples_has_a_quantile_each():
    """Three examples are three quantiles: the middle one is 0, halfway up is share 0.75."""
    x = np.array([[1.0], [2.0], [4.0]])
    scaling = Scaling.quantile(x)
    assert scaling.quantiles.ravel().tolist() == [1, 2, 4]
    found = scaling(np.array([[2.0], [3.0]])).ravel()
    np.testing.assert_allclose(found, norm.ppf([0.5, 0.75]), atol=1e-6)


def test_none_leaves_every_number_as_it_is():
    """Bytes and floats keep their values; only the type becomes float32."""
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2)
    assert np.array_equal(Scaling.none()(x), x)
    assert Scaling.none()(x).dtype == np.float32


def test_channels_have_one_mean_and_deviation_each():
    """Over examples, rows and columns: NumPy's numbers, and mean 0 and deviation 1 after."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, 256, (30, 3, 4, 5), np.uint8)
    x[:, 1] //= 4
    scaling = Scaling.of(x, (0, 2, 3))
    for channel in range(3):
        values = x[:, channel].astype(float)
        assert scaling.mean[channel].ravel().tolist() == pytest.approx([values.mean()])
        assert scaling.std[channel].ravel().tolist() == pytest.approx([values.std()])
    scaled = scaling(x)
    np.testing.assert_allclose(scaled.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std((0, 2, 3)), 1, atol=1e-5)


def test_a_channel_that_differs_by_place_but_not_by_example_is_not_constant():
    """Every example has the same gradient in the channel: its deviation is the gradient's."""
    x = np.tile(np.arange(4.0).reshape(1, 1, 2, 2), (6, 1, 1, 1))
    assert float(Scaling.of(x, (0, 2, 3)).std.ravel()[0]) == pytest.approx(np.arange(4).std())


@pytest.fixture
def images(tmp_path):
    """30 colour images of two classes."""
    rng = np.random.default_rng(6)
    x = rng.integers(0, 256, (30, 5, 5, 3), np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(30) % 2)
    return tmp_path / "a.npz"


def test_a_task_hands_out_the_scaling_that_was_asked_for(images):
    """`channel` has 3 means, `zca` a rotation of 75 x 75, `none` gives the raw bytes."""
    task = Arrays(str(images))
    train = task.parts().train
    assert task.scalings(train)[0].mean.size == 3
    zca = Arrays(str(images), whitening="zca").scalings(train)[0]
    assert zca.rotation.shape == (75, 75)
    for scaling in Arrays(str(images), whitening="none").scalings(train):
        assert np.array_equal(scaling(train.x), train.x)


def test_an_unknown_whitening_lists_the_known_ones(images):
    """When the task is made."""
    with pytest.raises(SettingError, match=r"channel, zca, quantile, none; got 'pca'"):
        Arrays(str(images), whitening="pca")
