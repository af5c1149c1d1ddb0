"""Searches from the command line."""

import pytest


@pytest.fixture
def quick():
    """Options of a search that takes a second."""
    return (
        *("mlp", "--task", "wine", "--trials", "6", "--children", "3", "--workers", "0"),
        *("--epochs", "2", "--set", "space.depth=2", "--name", "quick"),
    )
