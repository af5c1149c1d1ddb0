"""Recipes: what is refused, and the paper's values."""

import json
import math

import pytest

from reinas import Recipe
from reinas.errors import SettingError

BAD = [
    ("epochs", 0),
    ("epochs", -3),
    ("batch_size", 1),
    ("batch_size", 0),
    ("validate_every", 0),
    ("validate_every", -1),
    ("weight_decay", -1e-9),
    ("weight_decay", math.nan),
    ("weight_decay", math.inf),
    ("momentum", -0.1),
    ("momentum", 1.0),
    ("momentum", 2.0),
    ("momentum", math.nan),
    ("learning_rate", 0.0),
    ("learning_rate", -0.1),
    ("learning_rate", math.nan),
    ("learning_rate", math.inf),
    ("optimizer", "rmsprop"),
    ("optimizer", ""),
    ("schedule", "sawtooth"),
    ("schedule", "Step"),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_values_out_of_range_are_refused(key, value):
    """The message names the key and the value that came."""
    with pytest.raises(SettingError, match=rf"^recipe.{key} .*{value}"):
        Recipe(**{key: value})


@pytest.mark.parametrize(("key", "value"), [("optimizer", "rmsprop"), ("schedule", "sawtooth")])
def test_a_word_that_is_not_known_gets_the_known_ones(key, value):
    """All of them, since there are few."""
    known = {"optimizer": "sgd, adam", "schedule": "step, cosine, constant"}[key]
    with pytest.raises(SettingError, match=known):
        Recipe(**{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [("epochs", 1), ("batch_size", 2), ("validate_every", 1), ("weight_decay", 0), ("momentum", 0)],
)
def test_the_least_values_are_allowed(key, value):
    """The edge of each range belongs to it."""
    assert getattr(Recipe(**{key: value}), key) == value


def test_the_defaults_are_the_papers():
    """Section 4.1: SGD, rate 0.1, momentum 0.9, weight decay 1e-4, 50 epochs; batches of 64."""
    recipe = Recipe()
    assert (recipe.optimizer, recipe.learning_rate, recipe.momentum) == ("sgd", 0.1, 0.9)
    assert (recipe.weight_decay, recipe.epochs, recipe.batch_size) == (1e-4, 50, 64)
    assert recipe.schedule == "step"


def test_settings_are_enough_to_make_the_recipe_again():
    """As JSON gives them back."""
    recipe = Recipe(optimizer="adam", learning_rate=0.003, schedule="cosine", seed=2**62)
    assert Recipe(**json.loads(json.dumps(recipe.settings))) == recipe
