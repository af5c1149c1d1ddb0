"""A space of one's own from the command line, by its name, from the search to the network."""

import json
import subprocess
import sys

import pytest

import reinas

MODULE = """
from dataclasses import dataclass
from functools import cached_property

import numpy
from torch import nn

import reinas


@dataclass(frozen=True)
class Net:
    width: int


@dataclass(frozen=True)
class MySpace(reinas.AbstractSpace[Net]):
    widths: tuple[int, ...] = (4, 8, 16)
    name = "mine"

    @cached_property
    def decisions(self):
        return (reinas.Choice("width", "width", self.widths),)

    def decode(self, answers):
        self.check(answers)
        return Net(self.widths[answers[0]])

    def encode(self, architecture):
        return (self.widths.index(architecture.width),)


@reinas.build.register
def _(net: Net, task: reinas.AbstractTask) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, net.width), nn.ReLU(), nn.Linear(net.width, task.outputs)
    )


def rows(count: int = 60) -> reinas.ArrayTask:
    return reinas.ArrayTask(numpy.eye(count, 4), numpy.arange(count) % 2)


def plain(net: Net, task: reinas.AbstractTask) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, net.width), nn.Sigmoid(), nn.Linear(net.width, task.outputs)
    )
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with somebody's package, in which a search was run."""
    folder = tmp_path_factory.mktemp("user")
    package = folder / "mypackage"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mymodule.py").write_text(MODULE)
    command(
        folder,
        *("search", "--space", "mypackage.mymodule:MySpace", "--task", "digits"),
        *("--trials", "3", "--epochs", "1", "--name", "own", "--workers", "0"),
    )
    return folder


def command(folder, *arguments):
    """The output of a command in a process of its own, as a user has it."""
    done = subprocess.run(
        [sys.executable, "-m", "reinas.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_searched_and_shown_by_its_architectures(folder):
    """No report shows bare indices."""
    document = json.loads(command(folder, "show", "own", "--json"))
    assert {best["architecture"] for best in document["best"]} <= {
        f"Net(width={width})" for width in (4, 8, 16)
    }
    assert document["settings"]["space"]["name"] == "mypackage.mymodule:MySpace"
    assert "Net(width=" in command(folder, "show", "own", "--svg", "net.svg")
    assert "width" in (folder / "net.svg").read_text()


def test_it_is_resumed_in_worker_processes(folder):
    """The workers find the module, too."""
    command(folder, "resume", "own", "--trials", "4", "--workers", "2")
    document = json.loads(command(folder, "show", "own", "--json"))
    assert (document["finished"], document["failed"]) == (4, 0)


def test_it_is_finished_and_loaded(folder):
    """The network computes in a process that imports nothing but reinas."""
    command(folder, "resume", "own", "--trials", "4", "--workers", "0")
    command(folder, "finish", "own", "--epochs", "1", "--no-grid", "--workers", "0", "--to", "out")
    code = "import reinas, torch; print(reinas.load('out')(torch.zeros(2, 1, 8, 8)).shape)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "torch.Size([2, 10])"


SCRIPT = """
import reinas
from mypackage.mymodule import MySpace, plain

space = MySpace()
evaluator = reinas.TrainedEvaluator(reinas.Digits(), reinas.Recipe(epochs=1), build=plain)
policy = reinas.RandomSearch(space)
reinas.search(
    space, policy, evaluator, budget=reinas.Budget(2), store="reinas.db", name="function"
)
"""


def test_a_plain_function_that_builds_is_found_again(folder):
    """A search of Python's is resumed, finished and loaded by its function's name."""
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=folder, check=True, capture_output=True)
    command(folder, "resume", "function", "--trials", "3", "--workers", "0")
    command(folder, "finish", "function", "--epochs", "1", "--no-grid", "--workers", "0")
    code = "import reinas; print(reinas.load('function').child)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert "Sigmoid" in done.stdout  # what `plain` builds with


def test_without_its_module_a_report_still_has_its_text(folder, tmp_path):
    """The store keeps it with every trial."""
    out = command(tmp_path, "show", "own", "--store", str(folder / "reinas.db"))
    assert "Net(width=" in out


def test_a_task_by_the_name_of_a_function(folder):
    """It is resumed and finished by that name: its arrays have no name of their own."""
    task = ("--task", "mypackage.mymodule:rows", "--set", "task.count=90")
    few = ("--epochs", "1", "--workers", "0")
    command(folder, "search", "mlp", *task, "--name", "rows", "--trials", "1", *few)
    command(folder, "resume", "rows", "--trials", "2", "--workers", "0")
    command(folder, "finish", "rows", "--no-grid", *few)
    record = reinas.Store(folder / "reinas.db").get("rows")
    recorded = record.settings["evaluator"]["task"]
    assert (recorded["name"], recorded["count"]) == ("mypackage.mymodule:rows", 90)
    assert (record.count(), record.final().metrics["examples"]) == ((2, 2), 18)
