"""Data that are named by their path alone."""

import pytest

from reinas.config.places import with_data
from reinas.errors import SettingError


@pytest.mark.parametrize(
    ("name", "kind", "key"),
    [
        ("houses.csv", "table", "path"),
        ("a folder/B.TSV", "table", "path"),
        ("data.npz", "arrays", "path"),
        ("./book.txt", "text", "path"),
        ("table:odd.dat", "table", "path"),
    ],
)
def test_a_path_tells_what_is_in_it(name, kind, key):
    """By the end of its name, whether it is there or not; or by the word before the colon."""
    assert with_data({"name": name}) == {"name": kind, key: name.removeprefix("table:")}


def test_a_folder_has_images(tmp_path, monkeypatch):
    """One of the name of a task is that task."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert with_data({"name": "photos"}) == {"name": "images", "path": "photos"}
    assert with_data({"name": "digits"}) == {"name": "digits"}
    assert with_data({"name": "nowhere"}) == {"name": "nowhere"}
    assert with_data({}) == {}
    assert with_data({"name": "my.module:Task"}) == {"name": "my.module:Task"}


def test_two_places_are_refused():
    """As with the word before the colon."""
    with pytest.raises(SettingError, match="two places"):
        with_data({"name": "houses.csv", "path": "other.csv"})
