"""What a notebook shows."""

import subprocess
import sys

import pytest
from rich.console import Console

import reinas
from found_networks import CASES, ensemble, found
from reinas import Budget, MlpSpace, RandomSearch, TrainedEvaluator, Wine
from reinas.evaluators.function import FunctionEvaluator
from reinas.report import notebook
from reinas.types import Outcome, Trial


def scored(architecture, trial):
    return float(trial.trial)


def study(trials=3, **more):
    space = MlpSpace(depth=1, widths=(4, 8))
    return reinas.search(
        space,
        RandomSearch(space, replacement=False),
        FunctionEvaluator(scored),
        budget=Budget(trials),
        name="<i>mine</i>",
        **more,
    )


def test_a_study_shows_its_best_networks():
    """Escaped, with a drawing; also without any network."""
    html = study()._repr_html_()
    assert "&lt;i&gt;mine&lt;/i&gt;" in html
    assert "3 of 3 trials" in html
    assert "<svg" in html
    assert html.count("<tr>") == 4
    space = MlpSpace(depth=1)
    empty = reinas.Study(space, RandomSearch(space), budget=Budget(2))
    assert "no network has a reward yet" in empty._repr_html_()


def test_a_study_of_trained_networks_knows_their_shapes():
    """From the task that is recorded."""
    space, task = MlpSpace(depth=1, widths=(4,)), Wine()
    found = reinas.search(space, RandomSearch(space), TrainedEvaluator(task), budget=Budget(1))
    assert "13" in found._repr_html_()


@pytest.mark.parametrize("case", CASES)
def test_every_architecture_is_drawn(case):
    """Without a task, too."""
    space, task = CASES[case]
    architecture = space.decode(space.sample(1, 0)[0])
    assert notebook.architecture_html(architecture, task).startswith("<svg")
    assert notebook.architecture_html(architecture)


def test_a_trial_shows_what_came_of_it():
    """Metrics and errors, escaped."""
    html = notebook.trial_html(
        Trial(4, 0, (0,), Outcome(0.5, 1.25, {"loss": 0.123456789}), architecture="<b>")
    )
    assert "<b>trial 4</b>" in html
    assert "0.123457" in html
    assert "&lt;b&gt;" in html
    failed = notebook.trial_html(Trial(4, 0, (0,), Outcome(None, error="a < b")))
    assert "a &lt; b" in failed


def test_a_found_network_shows_what_it_is():
    """One, and an ensemble."""
    assert "parameters" in found("stages")._repr_html_()
    assert ensemble("mlp", 3)._repr_html_().count("<li>") == 3


IPYTHON = """
import sys, types
shown = {}
class Formatter:
    def for_type_by_name(self, module, name, function):
        shown[f"{module}:{name}"] = function
shell = types.SimpleNamespace(
    display_formatter=types.SimpleNamespace(formatters={"text/html": Formatter()}))
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: shell)
import reinas
from importlib import import_module
for name in shown:
    module, _, attribute = name.partition(":")
    getattr(import_module(module), attribute)
print(len(shown))
"""


def test_ipython_is_told_when_it_is_there():
    """Every class that is named exists."""
    done = subprocess.run([sys.executable, "-c", IPYTHON], capture_output=True, text=True)
    assert done.stdout == f"{1 + len(notebook.SPACES)}\n", done.stderr


def test_a_progress_bar_counts_trials():
    """In a search; and in a fit, whose number of networks is not known."""
    console = Console(record=True, width=100)
    study(observer=reinas.ProgressBar(console))
    text = console.export_text()
    assert "3/3" in text
    assert "best 2.0000" in text


def test_a_progress_bar_of_a_fit_names_the_phase(tmp_path):
    """And ends before the test."""
    console = Console(record=True, width=100)
    reinas.fit(
        Wine(),
        minutes=0.17,
        executor=reinas.Serial(),
        folder=tmp_path / "net",
        observer=reinas.ProgressBar(console),
    )
    assert "test" in console.export_text()
