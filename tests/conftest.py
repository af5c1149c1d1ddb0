"""Every test runs torch with one thread: two busy cores would otherwise wait for each other."""

import sys

import pytest
import torch

import stand_in_device
from reinas.cli import main

torch.set_num_threads(1)
stand_in_device.register()  # before the first gradient: autograd counts devices only once


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
