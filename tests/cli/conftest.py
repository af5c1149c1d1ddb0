"""Searches from the command line."""

import pytest

from stored_search import conv_log, final, log, make_log

__all__ = ["conv_log", "final", "log", "make_log", "quick"]


@pytest.fixture
def quick():
    """Options of a search that takes a second."""
    return (
        *("mlp", "--task", "wine", "--trials", "6", "--batch-size", "3", "--workers", "0"),
        *("--epochs", "2", "--set", "space.depth=2", "--name", "quick"),
    )
