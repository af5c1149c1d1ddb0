"""Files that commands write, and names that can be typed."""

import pytest

from reinas.cli.output import typed, write
from reinas.errors import FileError


def test_text_is_written_in_utf_8(tmp_path):
    """A page or a drawing, to a file that may be there already."""
    write("첫째", tmp_path / "demo.html")
    assert (tmp_path / "demo.html").read_text(encoding="utf-8") == "첫째"


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    """Its folder does not exist."""
    with pytest.raises(FileError, match=r"nowhere.*cannot be written"):
        write("text", tmp_path / "nowhere" / "demo.html")


@pytest.mark.parametrize(
    ("name", "location", "words"),
    [
        ("demo", "reinas.db", "demo"),
        ("my search", "reinas.db", "'my search'"),
        ("demo", "other.db", "demo --store other.db"),
        ("demo", "a b.db", "demo --store 'a b.db'"),
    ],
)
def test_a_name_is_quoted_for_a_shell(name, location, words):
    """With the store where it is not the usual one."""
    assert typed(name, location) == words
