"""The command line, run in this process and in an empty folder."""

import sys

import pytest

from reinas.cli import main


@pytest.fixture
def reinas(tmp_path, monkeypatch, capsys):
    """Run `reinas ...`: (exit status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["reinas", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        written = capsys.readouterr()
        return end.value.code or 0, written.out, written.err

    return run


@pytest.fixture
def quick():
    """Options of a search that takes a second."""
    return (
        *("mlp", "--task", "wine", "--trials", "6", "--children", "3", "--workers", "0"),
        *("--epochs", "2", "--set", "space.depth=2", "--name", "quick"),
    )
