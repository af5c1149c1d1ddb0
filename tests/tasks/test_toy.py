"""The review's data: 100 points, y = 2 x + 0.2 N(0, 1)."""

import numpy as np
import pytest
from scipy.stats import kstest

from reinas import Toy
from reinas.tasks.toy import line


@pytest.mark.parametrize("part", [Toy().parts().train, Toy().parts().valid, Toy().test()])
def test_x_is_ten_to_ten_point_nine_nine(part):
    """10.00, 10.01, ..., 10.99, exactly as float32 has them."""
    wanted = np.array([float(f"10.{k:02d}") for k in range(100)]).astype(np.float32)
    assert part.x.ravel().tolist() == wanted.tolist()
    assert part.x.shape == part.y.shape == (100, 1)


@pytest.mark.parametrize("part", [Toy().parts().train, Toy().test()])
def test_y_is_two_x_and_a_fifth_of_a_normal(part):
    """The residuals' deviation is 0.2 within three standard errors, and their mean is 0."""
    noise = (part.y - 2.0 * part.x).ravel()
    assert abs(noise.std(ddof=1) - 0.2) < 3 * 0.2 / np.sqrt(2 * 99)
    assert abs(noise.mean()) < 3 * 0.2 / 10


def test_the_noise_is_normal_over_many_draws():
    """10,000 residuals of 100 seeds against N(0, 0.2)."""
    noise = np.concatenate([(line(s).y - 2.0 * line(s).x).ravel() for s in range(100)])
    assert noise.std() == pytest.approx(0.2, rel=0.03)
    assert kstest(noise / 0.2, "norm").pvalue > 0.001


def test_validation_is_the_training_part_and_the_test_part_another_draw():
    """The review has one sample; the test part shares its x and none of its noise."""
    parts, test = Toy().parts(), Toy().test()
    assert np.array_equal(parts.train.y, parts.valid.y)
    assert not (parts.train.y == test.y).any()


def test_it_is_the_same_at_every_call():
    """No randomness but the fixed seeds."""
    assert np.array_equal(Toy().parts().train.y, Toy().parts().train.y)
    assert np.array_equal(Toy().test().y, Toy().test().y)


def test_the_recipe_is_the_reviews():
    """Adam at 0.001, batches of 32, 2,000 epochs, no decay of anything."""
    recipe = Toy().recipe
    assert (recipe.optimizer, recipe.learning_rate) == ("adam", 0.001)
    assert (recipe.batch_size, recipe.epochs, recipe.weight_decay) == (32, 2000, 0)
    assert {recipe.rate(epoch) for epoch in (0, 999, 1000, 1999)} == {1.0}
