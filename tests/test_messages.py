"""The library does not speak of the command line's options: Python has none."""

import ast
import re
from pathlib import Path

import pytest

import reinas

RAYS_OWN = "ray start --head"
SOURCES = Path(reinas.__file__).parent


def texts_with_options(path):
    """The lines of string literals that hold something like --name."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"--[a-z]", node.value.replace(RAYS_OWN, ""))
    ]


SPELLED = (SOURCES / "config/option.py", SOURCES / "config/options.py")
"""These say how fields of settings are given on the command line."""
GENERATED = (SOURCES / "export/source/train_file.py",)
"""These write programs, which have options of their own."""
LIBRARY = {
    path.relative_to(SOURCES).as_posix(): path
    for path in sorted(SOURCES.rglob("*.py"))
    if not path.is_relative_to(SOURCES / "cli") and path not in (*SPELLED, *GENERATED)
}


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_no_text_of_the_library_names_an_option(name):
    """Neither messages nor docstrings: an `InvalidSettingError` has the key."""
    assert texts_with_options(LIBRARY[name]) == []
