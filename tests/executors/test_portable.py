"""Things defined in a notebook, and systems that lack what POSIX has."""

import subprocess
import sys

import pytest

from reinas.executors import portable
from reinas.executors.portable import ByValue, check_picklable

CELL = """
from dataclasses import dataclass
import torch
from torch import nn
import reinas
from reinas import Choice, choice

@dataclass(frozen=True)
class Net:
    width: int = choice(4, 8, 16)

WIDER = 2

@reinas.build.register
def net(architecture: Net, task) -> nn.Module:
    return nn.Sequential(nn.Linear(task.inputs[0], WIDER * architecture.width), nn.ReLU(),
                         nn.Linear(WIDER * architecture.width, task.outputs))

class Counted(reinas.AbstractEvaluator):
    settings = {"name": "counted"}
    def __call__(self, job):
        return reinas.Outcome(float(job.architecture.width * WIDER))

def scored(architecture, trial):
    trial.report(1, 0.5)
    return float(architecture.width)

space = reinas.DeclaredSpace(Net)
"""
RUNS = {
    "a network of one's own": """
task = reinas.Wine()
from dataclasses import replace
evaluator = reinas.TrainedEvaluator(task, replace(task.recipe, epochs=2))
""",
    "an evaluator of one's own": "evaluator = Counted()\n",
    "a function of one's own": "evaluator = reinas.FunctionEvaluator(scored)\n",
}
SEARCH = """
study = reinas.search(space, reinas.RandomSearch(space), evaluator,
                      budget=reinas.Budget(trials=4), executor=EXECUTOR)
print([trial.state for trial in study.trials], study.best_trial.reward)
print([trial.outcome.error for trial in study.trials if trial.state == "failed"])
"""


def run(code):
    """Run code as a prompt does: `__main__` has no file."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("name", RUNS)
def test_what_a_notebook_defines_works_in_processes(name):
    """Spaces, networks that are registered, evaluators and functions."""
    out = run(CELL + RUNS[name] + SEARCH.replace("EXECUTOR", "reinas.Processes(2)"))
    assert "['complete', 'complete', 'complete', 'complete']" in out


def test_a_script_s_things_are_pickled_by_name(monkeypatch):
    """Only what no other process can run again goes by value."""
    things = [1, "a", len]
    assert portable.portable(things) == things
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    assert portable.portable(things) == things


def test_things_of_main_are_found(monkeypatch):
    """In whatever they are in; what cannot be pickled raises."""

    class Thing:
        pass

    Thing.__module__, Thing.__qualname__ = "__main__", "Thing"
    monkeypatch.setattr(sys.modules["__main__"], "Thing", Thing, raising=False)
    assert check_picklable({"deep": [Thing()]})
    assert not check_picklable({"deep": [1]})
    with pytest.raises(Exception, match="pickle"):
        check_picklable(lambda: 1)


def test_by_value_is_the_thing_itself_elsewhere():
    """Called, and after a round trip."""
    import pickle

    assert ByValue(len)("abc") == 3
    assert pickle.loads(pickle.dumps(ByValue([1, 2]))) == [1, 2]


WINDOWS = """
import os, signal, socket, sys, time, multiprocessing
for name in ("resource", "fcntl", "termios", "pwd", "grp"):
    sys.modules[name] = None
del signal.pthread_sigmask, socket.AF_UNIX, os.sched_getaffinity, os.sysconf_names
multiprocessing.get_all_start_methods = lambda: ["spawn"]
import reinas
from reinas import system
assert system.start_method() == "spawn"
assert not system.limit_memory(1 << 30)
assert system.machine_memory() > 0

def scored(architecture, trial):
    trial.report(1, 0.5)
    time.sleep(0.3)  # a score that comes after the outcome is not shown
    return float(len(architecture.layers))

if __name__ == "__main__":
    space = reinas.MlpSpace(depth=2)
    task = reinas.Wine()
    seen = []
    class Watch(reinas.Observer):
        def on_report(self, trial, step, score):
            seen.append((trial, step, score))
    for evaluator in (reinas.TrainedEvaluator(task), reinas.FunctionEvaluator(scored)):
        study = reinas.search(space, reinas.RandomSearch(space), evaluator,
                              budget=reinas.Budget(trials=2), executor=EXECUTOR, observer=Watch())
        print([trial.state for trial in study.trials])
    print("reports", sum(score == 0.5 for _, _, score in seen) > 0)
"""


@pytest.mark.parametrize("executor", ["reinas.Serial()", "reinas.Processes(2)"])
def test_a_search_runs_where_posix_is_missing(executor, tmp_path):
    """With the modules taken away, as on Windows: spawned workers, no limits, UDP for scores."""
    script = tmp_path / "script.py"
    script.write_text(WINDOWS.replace("EXECUTOR", executor))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=240, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("['complete', 'complete']") == 2
    assert "reports True" in done.stdout
