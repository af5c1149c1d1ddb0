"""Things made by name from settings, as a store or a file has them."""

import json

import pytest

from reinas import ProductSpace
from reinas.errors import InvalidSettingError
from reinas.registry import make


def test_a_product_of_columns_is_made_again_from_its_settings():
    """Through JSON, in which a store keeps them: pairs come back as lists."""
    space = ProductSpace((("depth", (1, 2, 3)), ("kind", ("a", "b")), ("rate", (0.5, None))))
    assert make("space", json.loads(json.dumps(space.settings))) == space


def test_a_missing_setting_without_a_default_is_named():
    """Columns have no default."""
    with pytest.raises(InvalidSettingError, match="has no default and is missing") as caught:
        make("space", {"name": "product"})
    assert caught.value.key == "space.columns"
