"""From cells to numbers: what a column is, and how it is encoded."""

import json

import numpy as np
import pytest

from reinas.errors import FileError
from reinas.tasks.table_encoding import Column, Columns, learn, missing, number


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "NaN", "NULL", "None", "?", "-", " nan "])
def test_these_stand_for_a_missing_value(cell):
    """In any case, with spaces around."""
    assert missing(cell)


@pytest.mark.parametrize("cell", ["0", "no", "-1", "nana", "false", "."])
def test_these_are_values(cell):
    """Zero and no are something."""
    assert not missing(cell)


@pytest.mark.parametrize(
    ("cell", "comma", "value"),
    [
        ("1", False, 1.0),
        (" -2.5 ", False, -2.5),
        ("1e3", False, 1000.0),
        ("1,5", True, 1.5),
        ("1.5", True, 1.5),
        ("-0,25", True, -0.25),
        ("1,5", False, None),
        ("inf", False, None),
        ("nan", False, None),
        ("1e999", False, None),
        ("1 5", False, None),
        ("red", False, None),
        ("1_000", False, None),
    ],
)
def test_a_cell_is_a_finite_number_or_none(cell, comma, value):
    """The comma is a decimal sign only where it may be one; Python's own 1_000 is text."""
    assert number(cell, comma) == value


def learned(cells, train=None, comma=False):
    return learn("c", cells, cells if train is None else train, comma)


def test_a_column_of_numbers_has_the_training_parts_median():
    """By hand: of 1, 2, 10 it is 2; what other parts hold does not count."""
    column = learned(["1", "2", "10", "1000", "1000"], ["1", "2", "10"])
    assert column == Column("c", fill=2.0, gaps=False)


def test_the_median_of_an_even_number_is_the_middle():
    """By hand: of 1, 2, 4, 100 it is 3."""
    assert learned(["1", "2", "4", "100", ""]).fill == 3.0


def test_a_missing_number_is_filled_and_marked():
    """The median 3 in the first column, 1 in the second."""
    column = learned(["1", "5", ""])
    assert column.width == 2
    assert column.encode(["1", "?", "7"]).tolist() == [[1, 0], [3, 1], [7, 0]]


def test_a_column_without_gaps_in_training_has_no_marker():
    """A missing number later is filled all the same."""
    column = learned(["1", "5", ""], ["1", "5"])
    assert column.width == 1
    assert column.encode(["", "4"]).tolist() == [[3], [4]]


def test_categories_are_columns_of_0_and_1():
    """In alphabetical order; unseen and missing ones are all 0; spaces around do not count."""
    column = learned(["red", "blue", " red ", "green"], ["red", "blue", " red "])
    assert column.values == ("blue", "red")
    cells = ["red", "blue", " red", "green", ""]
    assert column.encode(cells).tolist() == [[0, 1], [1, 0], [0, 1], [0, 0], [0, 0]]


def test_categories_differ_by_case():
    """Red and red are two."""
    assert learned(["Red", "red"]).values == ("Red", "red")


def test_one_text_makes_a_column_categories():
    """Wherever it is: also in a row outside the training part."""
    assert learned(["1", "2", "1", "x"], ["1", "2", "1"]).values == ("1", "2")


def test_a_mark_that_is_there_or_missing_is_a_category():
    """ "yes" or nothing: one column of 1 and 0."""
    column = learned(["yes", "", "yes", ""])
    assert column.encode(["yes", "", "no"]).tolist() == [[1], [0], [0]]


def test_a_number_that_is_there_or_missing_is_told_by_its_marker():
    """3 or nothing: the marker is what varies."""
    assert learned(["3", "", "3", ""]).encode(["3", ""]).tolist() == [[3, 0], [3, 1]]


@pytest.mark.parametrize(
    ("cells", "train", "why"),
    [
        (["", "NA", "?"], None, "empty"),
        (["x", "x", "x"], None, "constant"),
        (["7", "7", "7"], None, "constant"),
        (["7", "7.0", "7"], None, "constant"),
        (["1", "1", "2"], ["1", "1"], "constant"),
        (["", "", "2", "3"], ["", ""], "constant"),
        ([f"id{n}" for n in range(50)], None, "50 different texts"),
        ([f"v{n % 101}" for n in range(1000)], None, "101 different texts"),
    ],
)
def test_a_column_that_says_nothing_is_left_out_with_the_reason(cells, train, why):
    """Empty, one value in the training part, or a name of each row."""
    reason = learned(cells, train)
    assert isinstance(reason, str)
    assert why in reason


def test_few_different_texts_are_kept_however_few_rows():
    """Ten texts in ten rows: they may be categories."""
    assert len(learned([f"v{n}" for n in range(10)]).values) == 10


def test_decimal_commas_are_numbers():
    """Where the cells are separated by something else."""
    assert learned(["1,5", "2,5"], comma=True).encode(["3,25"]).tolist() == [[3.25]]


def test_a_text_in_a_column_of_numbers_is_named():
    """The column and the cell."""
    with pytest.raises(FileError, match="column age: expected a finite number, got 'old'"):
        Column("age").encode(["1", "old"])


@pytest.mark.parametrize("cell", ["1e300", "-1e39"])
def test_a_number_beyond_float32_is_refused(cell):
    """It would be infinity in the network's inputs."""
    with pytest.raises(FileError, match="column age"):
        Column("age").encode([cell])


COLUMNS = Columns(
    (
        Column("age", fill=2.5, gaps=True, comma=True),
        Column("colour", values=("blue", "réd")),
        Column("size", fill=1 / 3),
    )
)
ROWS = [
    {"age": "1,5", "colour": "réd", "size": "0.1", "other": "x"},
    {"age": "", "colour": "?", "size": "", "other": "y"},
]


def test_columns_follow_each_other():
    """In the columns' order; other cells of the row are not looked at."""
    wanted = [[1.5, 0, 0, 1, 0.1], [2.5, 1, 0, 0, 1 / 3]]
    assert COLUMNS.encode(ROWS).tolist() == np.array(wanted, np.float32).tolist()


def test_encoding_survives_json():
    """The same columns and the same numbers, bit for bit."""
    again = Columns.of_json(json.loads(json.dumps(COLUMNS.json())))
    assert again == COLUMNS
    assert again.encode(ROWS).tobytes() == COLUMNS.encode(ROWS).tobytes()


def test_a_missing_column_is_named():
    """In new rows for a found network."""
    with pytest.raises(FileError, match="no column colour"):
        COLUMNS.encode([{"age": "1", "size": "2"}])


def test_no_rows_are_no_numbers():
    """But of the right width."""
    assert COLUMNS.encode([]).shape == (0, 5)
