"""How Sphinx builds the site: `make docs`."""

import re

import reinas

project = "reinas"
author = "the reinas authors"
copyright = "2026, the reinas authors"
version = release = reinas.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = f"reinas {release}"
html_static_path: list[str] = []
templates_path: list[str] = []
exclude_patterns = ["_build", "results/speed.md"]  # that one is a part of benchmarks.md
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# names of the field in backticks are code
default_role = "code"
autodoc_typehints = "none"  # the signature has them, in full only in the source
autodoc_member_order = "bysource"
autodoc_mock_imports: list[str] = []
napoleon_use_rtype = False
napoleon_custom_sections = [("Yields", "returns_style")]
add_module_names = False
nitpicky = False
suppress_warnings = ["myst.xref_missing", "autodoc.mocked_object"]
"""Links to files of the repository that are no pages, such as examples, are checked by
tests/test_docs.py."""


SPECIAL = re.compile(r"(?<!\\)[*|]|(?<=\w)_(?!\w)")
"""What reStructuredText would take for markup: emphasis, substitutions, references."""


def escaped(app, what, name, obj, options, lines) -> None:
    """Docstrings are plain text: an asterisk is one, as in [B, *inputs]."""
    for place, line in enumerate(lines):
        if line.lstrip().startswith(("..", ":", ">>>", "...")) or line.count("`") % 2:
            continue
        # what is in backticks is code already
        parts = re.split(r"(`[^`]*`)", line)
        lines[place] = "".join(
            p if p.startswith("`") else SPECIAL.sub(r"\\\g<0>", p) for p in parts
        )


def setup(app) -> None:
    """Connect the above."""
    app.connect("autodoc-process-docstring", escaped, priority=400)
