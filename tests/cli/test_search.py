"""`reinas search`, `resume`, `list`, `show`."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from reinas import Store
from reinas.cli.output import print_json

PAPER = ["search", "--policy", "zoph-le", "--set"]


def test_a_search_finds_and_says_how_to_go_on(reinas, quick):
    """The best network, its reward, and the next two commands."""
    status, out, err = reinas("search", *quick)
    assert status == 0
    assert "quick: 6 of 6 trials" in out
    assert "best: trial" in out
    assert "reinas finish quick" in out
    assert "6/6" in err  # the progress bar


def test_json_is_one_document_and_nothing_else(reinas, quick):
    """On standard output; standard error is empty too when nothing went wrong."""
    status, out, err = reinas("search", *quick, "--json")
    document = json.loads(out)
    assert (status, err) == (0, "")
    assert document["name"] == "quick"
    assert document["finished"] == 6
    best = document["best"][0]
    log = Store("reinas.db").get("quick")
    assert best["reward"] == max(t.outcome.reward for t in log.finished())
    for command in (["show", "quick"], ["list"], ["spaces"], ["tasks"], ["policies"]):
        status, out, err = reinas(*command, "--json")
        assert (status, err) == (0, "")
        json.loads(out)


def test_numbers_that_json_does_not_have_become_null(capsys):
    """NaN would make the document unreadable."""
    print_json({"a": float("nan"), "b": [float("inf"), 1.0], 3: None})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.0], "3": None}


def test_the_same_command_again_goes_on_and_does_not_start_over(reinas, quick):
    """A finished search has nothing left to do; more trials extend it."""
    reinas("search", *quick)
    first = Store("reinas.db").get("quick").finished()
    status, out, _ = reinas("search", *quick)
    assert status == 0
    assert Store("reinas.db").get("quick").finished() == first
    status, out, _ = reinas("resume", "quick", "--trials", "9", "--workers", "0")
    assert status == 0
    assert "9 of 9 trials" in out
    assert Store("reinas.db").get("quick").finished()[:6] == first


def test_searches_without_a_name_are_told_apart(reinas, quick):
    """space-task, then a number."""
    for expected in ("mlp-wine", "mlp-wine-2"):
        _, out, _ = reinas("search", *quick[:-2])
        assert out.startswith(f"{expected}: 6 of 6")


def test_searches_without_a_name_may_begin_at_once(tmp_path):
    """Each gets a name of its own, however they meet."""
    command = [sys.executable, "-m", "reinas.cli", "search", "toy", "--trials", "8", "--json"]
    running = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) for _ in range(4)]
    documents = [json.loads(process.communicate()[0]) for process in running]
    assert [process.returncode for process in running] == [0] * 4
    names = ["toy-toy", "toy-toy-2", "toy-toy-3", "toy-toy-4"]
    assert sorted(document["name"] for document in documents) == names
    assert sorted(Store(tmp_path / "reinas.db").names()) == names
    assert list(tmp_path.glob("*.lock")) == []


def test_worker_processes_find_what_one_process_finds(reinas, quick):
    """--workers 2 gives the trials of --workers 0."""
    reinas("search", *quick)
    reinas("search", *quick[:-1], "two", "--workers", "2")
    store = Store("reinas.db")
    results = [
        [(t.answers, t.outcome.reward) for t in store.get(name).finished()]
        for name in ("quick", "two")
    ]
    assert results[0] == results[1]


def test_a_toml_file_has_the_same_keys(reinas, tmp_path):
    """As --set has."""
    (tmp_path / "run.toml").write_text(
        'trials = 2\nworkers = 0\nname = "filed"\ntask = "wine"\n'
        '[space]\nname = "mlp"\ndepth = 1\n[recipe]\nepochs = 1\n[policy]\nname = "random"\n'
    )
    status, out, _ = reinas("search", "--config", "run.toml", "--json")
    document = json.loads(out)
    assert status == 0
    assert document["settings"]["space"]["depth"] == 1
    assert document["settings"]["policy"]["name"] == "random"


def test_show_tells_the_whole_story(reinas, quick, tmp_path):
    """Best architectures, the policy's diagnostics, a page and a drawing."""
    reinas("search", *quick, "--policy", "zoph-le")
    status, out, _ = reinas("show", "quick", "--html", "q.html", "--svg", "q.svg", "--top", "2")
    assert status == 0
    assert "The best architectures" in out
    assert "Policy diagnostics" in out
    assert "gradient_norm" in out
    assert (tmp_path / "q.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "q.svg").read_text().startswith("<svg")


def test_show_counts_failures_by_reason(reinas, quick):
    """Children that diverge are failed trials; a search that found nothing ends with status 1."""
    status, out, _ = reinas("search", *quick, "--set", "recipe.learning_rate=1e30")
    assert status == 1
    assert "no child could be trained" in out
    _, out, _ = reinas("show", "quick")
    assert "6 failed" in out
    assert "diverged: the training loss was" in out
    status, _, err = reinas("finish", "quick")
    assert status == 1
    assert "has no network that could be trained" in err
    status, _, err = reinas("show", "quick", "--svg", "x.svg")
    assert status == 1
    assert "no trained network to draw yet" in err


def test_list_has_a_line_for_every_search(reinas, quick):
    """And says how to begin where there is none."""
    _, out, _ = reinas("list")
    assert "begin one with `reinas search" in out
    reinas("search", *quick)
    _, out, _ = reinas("list")
    assert "quick" in out
    assert "6/6" in out


def test_finish_tests_once_and_saves_what_load_reads(reinas, quick, tmp_path):
    """The network takes raw examples; a second finish gives the same result."""
    import torch

    from reinas import Wine, load

    reinas("search", *quick)
    status, out, _ = reinas("finish", "quick", "--json")
    document = json.loads(out)
    assert status == 0
    network = load(tmp_path / "quick")
    part = Wine().test()
    right = (network(torch.from_numpy(part.x)).argmax(1).numpy() == part.y).mean()
    assert document["test"]["accuracy"] == pytest.approx(right)
    status, out, _ = reinas("finish", "quick", "--to", "again")
    assert status == 0
    assert "the test part is read once" in out
    status, _, err = reinas("finish", "quick", "--epochs", "3")
    assert status == 2
    assert "is finished already" in err


def test_a_search_may_be_called_anything(reinas, quick):
    """Spaces, brackets and other alphabets are text; commands that are printed can be typed."""
    name = "이름 [x] [/] :smile:"
    status, out, _ = reinas("search", *quick[:-1], name)
    assert status == 0
    assert f"`reinas finish '{name}'`" in out
    status, out, _ = reinas("finish", name)
    assert status == 0
    assert f"in Python: reinas.load('{name}')" in out
    status, out, _ = reinas("show", name)
    assert out.startswith(f"{name}: 6 of 6 trials")


def test_the_catalogues_name_everything(reinas):
    """Spaces, tasks and policies, each with a line and its parameters."""
    for command, names in {
        "spaces": ["conv", "mlp", "toy", "space.depth=6"],
        "tasks": ["digits", "wine", "breast_cancer", "diabetes", "toy"],
        "policies": ["zoph-le", "independent", "random", "policy.decay=0.95"],
    }.items():
        _, out, _ = reinas(command)
        assert all(name in out for name in names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "cnov"], "did you mean 'conv'"),
        (["search", "--task", "digit"], "did you mean 'digits'"),
        (["search", "--policy", "zoph"], "did you mean 'zoph-le'"),
        (["search", "--trials", "0"], "--trials should be greater than or equal to 1"),
        (["search", "--trials", "x"], "should be a valid integer"),
        (["search", "conv", "--set", "space.dept=3"], "did you mean 'depth'"),
        (
            [*PAPER, "policy.learning_rate=-1"],
            "learning_rate must be above 0",
        ),
        (
            [*PAPER, "policy.hidden=0"],
            "hidden must be at least 1",
        ),
        (["search", "conv", "--task", "wine"], "needs images"),
        (["search", "toy", "--task", "wine"], "needs one number in and one out"),
        (["search", "--config", "missing.toml"], "No such file"),
        (["search", "--workers", "0", "--time-limit", "3"], "--time-limit needs worker processes"),
        (["search", "--workers", "-1"], "--workers should be greater than or equal to 0"),
        (["search", "--time-limit", "0"], "--time-limit should be greater than 0"),
        (["search", "--store", "a/b/c.db"], "there is no folder"),
        (["search", "--store", "mysql://x/y"], "expected a file, sqlite:///FILE or postgresql"),
        (["search", "--name", ""], "text of at least one character"),
        (["search", "--set", "space=[conv]"], "space should be a name, got ['conv']"),
        (["search", "--set", "task.name={a=1}"], "task should be a name"),
        (["search", "--trials", "1" + "0" * 20], "less than or equal to"),
        (["search", "--memory-limit", "inf"], "--memory-limit should be a finite number"),
        (["search", "--memory-limit", "1e30"], "memory limit must be"),
        (["search", "--memory-limit", "0.1"], "memory limit must be 0.5 to"),
        (
            [*PAPER, "policy.initial=inf"],
            "must be above 0 and finite",
        ),
        (
            [*PAPER, "policy.seed=" + "9" * 23],
            "seed must be from 0",
        ),
        (
            [*PAPER, "policy.hidden=10000000000"],
            "hidden must be at most",
        ),
        (
            [*PAPER, "policy.learning_rate=1e38"],
            "learning_rate must be at most 1000",
        ),
        (
            ["search", "conv", "--set", "space.filters=[" + "9" * 20 + "]"],
            "filters must be at most",
        ),
        (["resume", "nothing"], "no search 'nothing' in reinas.db"),
        (["show", "nothing"], "no search 'nothing' in reinas.db"),
        (["finish", "nothing"], "no search 'nothing' in reinas.db"),
        (["toy", "--losses", "none"], "--losses should be 'measured' or 'review', got 'none'"),
        (["serach"], "No such command"),
    ],
)
def test_a_mistake_is_one_clear_sentence_and_status_2(reinas, tmp_path, arguments, message):
    """No traceback, nothing on standard output, no file made."""
    status, out, err = reinas(*arguments)
    assert status == 2
    assert message in err
    assert err.startswith("reinas: ")
    assert err.count("\n") == 1
    assert out == ""
    assert not list(tmp_path.iterdir())


def test_a_name_with_other_settings_is_refused(reinas, quick):
    """The message says which settings differ."""
    reinas("search", *quick)
    status, _, err = reinas("search", *quick, "--seed", "1", "--set", "recipe.batch_size=9")
    assert status == 2
    assert "evaluator.recipe.batch_size is 32, not 9" in err
    assert "seed is 0, not 1" in err
    status, _, err = reinas("resume", "quick", "--trials", "2")
    assert status == 2
    assert "--trials can only be raised" in err


def test_a_file_that_is_no_store_is_refused(reinas, tmp_path):
    """And left as it was."""
    (tmp_path / "letter.db").write_text("dear friend " * 100)
    for command in (["list"], ["search", "--trials", "1"], ["show", "x"]):
        status, _, err = reinas(*command, "--store", "letter.db")
        assert status == 2
        assert "is not a database" in err
    assert (tmp_path / "letter.db").read_text() == "dear friend " * 100


@pytest.mark.parametrize("workers", ["0", "2"])
def test_ctrl_c_stops_within_seconds_and_keeps_what_is_finished(workers, tmp_path):
    """Status 2, one sentence that says how to go on, and no process left."""
    command = [sys.executable, "-m", "reinas.cli"]
    options = ["--trials", "400", "--epochs", "30", "--workers", workers, "--name", "long"]
    process = subprocess.Popen(
        [*command, "search", "mlp", "--task", "wine", *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a terminal does: the signal reaches the whole group
    )
    store = tmp_path / "reinas.db"
    while not (store.exists() and _finished(store) >= 3):
        time.sleep(0.05)
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert process.returncode == 2
    assert "`reinas resume long` continues" in err
    assert "Traceback" not in err + out
    kept = Store(store).get("long").finished()
    assert 3 <= len(kept) < 400
    deadline = time.monotonic() + 5
    while _group_lives(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group_lives(process.pid)


@pytest.mark.parametrize("seconds", [0.1, 0.5, 0.9, 1.2, 1.5, 1.8, 2.2])
def test_ctrl_c_while_everything_is_starting_is_one_line_too(seconds, tmp_path):
    """While modules are imported and workers made: no traceback of any process, status 2."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reinas.cli", "search", "conv", "--workers", "2"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    if seconds > 0.1:
        assert "Traceback" not in out + err
        assert process.returncode == 2
    else:  # before the first line of ours has run, Python itself answers
        late = ("reinas/cli/app", "reinas/cli/interrupts", "reinas/errors")
        assert not any(module in err for module in late)
        assert process.returncode in (2, -signal.SIGINT, 1)


def test_what_sqlalchemy_logs_is_not_shown(tmp_path):
    """It logs a traceback where Ctrl-C comes while a connection is given back."""
    code = (
        "import logging, sys\n"
        "from reinas.cli import main\n"
        "sys.argv = ['reinas', 'list']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    logging.getLogger('sqlalchemy.pool').error('Exception during reset')\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def _group_lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _finished(path):
    store = Store(path)
    return store.get("long").count()[1] if "long" in store.names() else 0


def test_ctrl_c_while_a_class_is_made_is_one_line_too(tmp_path):
    """Python 3.11 wraps the interruption of `__set_name__` in another error."""
    code = (
        "import sys\n"
        "import reinas.cli.search as search\n"
        "class Slow:\n"
        "    def __set_name__(self, owner, name):\n"
        "        raise KeyboardInterrupt\n"
        "def run(*args, **kwargs):\n"
        "    class Made:\n"
        "        slow = Slow()\n"
        "search.run = run\n"
        "sys.argv = ['reinas', 'search', 'toy']\n"
        "from reinas.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "interrupted" in done.stderr


def test_children_are_given_up_early_and_shown_and_resumed(reinas, quick):
    """The rule is recorded, `show` counts the pruned ones, `resume` goes on by the same rule."""
    halving = ["--stopping", "asha", "--set", "stopping.eta=2", "--set", "recipe.epochs=3"]
    status, out, _ = reinas("search", *quick, *halving)
    assert status == 0
    record = Store("reinas.db").get("quick")
    assert record.settings["stopping"] == {"name": "asha", "eta": 2, "least": 1}
    pruned = sum(t.state == "pruned" for t in record.finished())
    assert pruned > 0
    _, out, _ = reinas("show", "quick")
    assert f"{pruned} pruned" in out
    status, _, _ = reinas("resume", "quick", "--trials", "9", "--workers", "0")
    assert status == 0
    assert Store("reinas.db").get("quick").count() == (9, 9)
    assert not os.path.exists("reinas.db.checkpoints")


def test_a_rule_that_is_none_is_refused(reinas, quick):
    """With the option, and the nearest name."""
    status, _, err = reinas("search", *quick, "--stopping", "aska")
    assert status == 2
    assert "--stopping 'aska' is not known: did you mean 'asha'?" in err
