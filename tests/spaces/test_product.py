"""Products of columns."""

from itertools import product

import pytest

from reinas.errors import AnswersError, SettingError
from reinas.registry import make
from reinas.spaces.product import Assignment, ProductSpace
from reinas.testing import SpaceContract

COLUMNS = (("depth", (1, 2, 3)), ("width", (8, 16)), ("kind", ("a", "b")))


class TestColumns(SpaceContract):
    """Columns of numbers and of texts."""

    def make(self):
        return ProductSpace(COLUMNS)


class TestOneColumn(SpaceContract):
    """A column with one value."""

    def make(self):
        return ProductSpace((("only", ("x",)),))


def test_a_product_is_all_combinations_in_order():
    """The product of the columns' values, the last column fastest."""
    space = ProductSpace(COLUMNS)
    decoded = [tuple(v for _, v in space.decode(a).values) for a in space.enumerate()]
    assert decoded == list(product((1, 2, 3), (8, 16), ("a", "b")))
    assert str(space.decode((2, 0, 1))) == "depth=3, width=8, kind=b"


def test_columns_with_the_same_values_are_of_one_kind():
    """Two of the three columns could share their weights."""
    space = ProductSpace((("a", (1, 2)), ("b", (2, 1)), ("c", (1, 2))))
    kinds = [decision.kind for decision in space.decisions]
    assert kinds[0] == kinds[2] != kinds[1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((), "needs one or more columns, got none"),
        ((("a", (1, 2)), ("a", (1, 2))), "columns need different names, got a, a"),
        ((("a", ()),), "a needs one or more different values"),
        ((("a", (1, 1)),), "a needs one or more different values"),
    ],
)
def test_columns_that_make_no_product_are_refused(columns, message):
    """No column, a name twice, no value, a value twice."""
    with pytest.raises(SettingError, match=f"product: {message}"):
        ProductSpace(columns)


def test_combinations_outside_of_the_product_have_no_answers():
    """A value that the column does not have; a column too few."""
    space = ProductSpace(COLUMNS)
    for values in (
        (("depth", 4), ("width", 8), ("kind", "a")),
        (("depth", 1), ("width", 8)),
    ):
        with pytest.raises(
            AnswersError, match="product: expected one value per column, got depth="
        ):
            space.encode(Assignment(values))


def test_columns_in_settings_may_be_a_mapping():
    """As people write them in a file; their order is kept."""
    made = make("space", {"name": "product", "columns": {"width": [8, 16], "word": ["a", "b"]}})
    assert made == ProductSpace((("width", (8, 16)), ("word", ("a", "b"))))


def test_values_that_are_lists_are_refused():
    """Such as one pair of brackets too many."""
    with pytest.raises(SettingError, match=r"product: width has the value \[8\]"):
        make("space", {"name": "product", "columns": {"width": [[8], [16]]}})


def test_columns_may_be_a_mapping_and_lists():
    """They are the same space, and can be hashed."""
    pairs = ProductSpace((("width", (8, 16)), ("depth", (1, 2))))
    for columns in ({"width": [8, 16], "depth": (1, 2)}, [["width", [8, 16]], ["depth", [1, 2]]]):
        assert ProductSpace(columns) == pairs
        assert hash(ProductSpace(columns)) == hash(pairs)
