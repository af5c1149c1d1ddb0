"""Every test runs torch with one thread: two busy cores would otherwise wait for each other."""

import sys
from uuid import uuid4

import pytest
import torch
from benchmarks.campaign.postgresql import Server, programs

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


@pytest.fixture(scope="session")
def postgresql():
    """A server that the tests of this process share."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: `apt install postgresql` has it tested")
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def address(postgresql):
    """Where a store of the test's own is, on the server."""
    return postgresql.address(f"test_{uuid4().hex}")


def pytest_collection_modifyitems(items):
    for item in items:
        if "postgresql" in item.fixturenames:
            item.add_marker("postgresql")


def pytest_terminal_summary(terminalreporter):
    """How many tests had a PostgreSQL server: where none is installed they are skipped."""
    counts = {
        kind: sum("postgresql" in report.keywords for report in terminalreporter.getreports(kind))
        for kind in ("passed", "failed", "error", "skipped")
    }
    if any(counts.values()):
        text = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        terminalreporter.write_line(f"tests on PostgreSQL: {text}")
