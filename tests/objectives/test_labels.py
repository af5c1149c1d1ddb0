"""Classes by their names, and what targets look like."""

import numpy as np
import pytest

from reinas.errors import SettingError
from reinas.objectives.labels import (
    are_one_hot,
    are_whole,
    check_classes,
    encode_labels,
    encode_labels_like,
    plain_labels,
)


def test_names_of_classes_are_in_order():
    """Numbers by size (10 after 9), text by alphabet."""
    numbers, names = encode_labels(np.array([10, 9, -1, 10]))
    assert (numbers.tolist(), names) == ([2, 1, 0, 2], ("-1", "9", "10"))
    numbers, names = encode_labels(np.array(["pear", "apple", "pear"]))
    assert (numbers.tolist(), names) == ([1, 0, 1], ("apple", "pear"))


def test_another_parts_labels_are_numbered_by_the_training_parts_names():
    """Also where a class is missing from the other part."""
    assert encode_labels_like("test", np.array([9, 10]), ("-1", "9", "10")).tolist() == [1, 2]


def test_an_unknown_label_is_named_with_its_row():
    """And the classes that there are."""
    with pytest.raises(SettingError, match=r"there, row 1: class 'fig' .* apple, pear"):
        encode_labels_like("there", np.array(["pear", "fig"]), ("apple", "pear"))


@pytest.mark.parametrize(("classes", "words"), [(("a",), "only class 'a'"), ((), "no classes")])
def test_one_class_is_nothing_to_tell_apart(classes, words):
    """The message says which one there is."""
    with pytest.raises(SettingError, match=words):
        check_classes("here", classes)


def test_one_hot_rows_are_the_place_of_the_1():
    """Rows with two ones or none are not one-hot."""
    y = np.eye(3)[[2, 0, 1]]
    assert are_one_hot(y)
    assert not are_one_hot(y + np.eye(3)[[1, 1, 2]])
    assert plain_labels("here", y).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("y", "whole"),
    [([1.0, 2.0], True), ([1.5, 2.0], False), (["a"], True), ([1e300], False), ([np.nan], False)],
)
def test_whole_numbers_and_text_may_be_classes(y, whole):
    """Not numbers that float64 does not hold exactly."""
    assert are_whole(np.array(y)) == whole
