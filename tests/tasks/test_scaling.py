"""Standardisation, ZCA whitening, and leaving everything as it is."""

import numpy as np
import pytest

from reinas.errors import SettingError
from reinas.tasks.arrays import Arrays
from reinas.tasks.scaling import EPSILON, Scaling


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
    with pytest.raises(SettingError, match=r"channel, zca, none; got 'pca'"):
        Arrays(str(images), whitening="pca")
