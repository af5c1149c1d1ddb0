"""Trials in TensorBoard, MLflow and tables, read back by their own readers."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from pyarrow import parquet

from reinas import Budget, MlpSpace, RandomSearch, Store, search
from reinas.errors import FileError, InvalidSettingError, ReinasError, SettingError
from reinas.evaluators.function import FunctionEvaluator
from reinas.export.trackers import following
from reinas.export.trackers.base import StudyOf
from reinas.export.trackers.following import Sender, export_trials, make_tracker
from reinas.export.trackers.tensorboard import TensorBoardTracker

SPACE = MlpSpace(depth=2, widths=(4, 8))
EVENTS = "tensorboard.backend.event_processing.event_accumulator"


def measured(architecture, job):
    """A reward that is easy to know; every fifth child fails."""
    if job.trial % 5 == 4:
        raise ValueError("no luck\nat all")
    job.report(1, 0.5)
    job.report(2, float(job.trial))
    return float(job.trial)


def study(path, trials=7, name="mine"):
    store = Store(str(path))
    evaluator = FunctionEvaluator(measured)
    policy = RandomSearch(SPACE, replacement=False)
    search(SPACE, policy, evaluator, budget=Budget(trials), store=store, name=name)
    return store


@pytest.fixture
def store(tmp_path):
    return study(tmp_path / "s.db")


def test_a_csv_file_has_a_row_per_trial(store, tmp_path):
    """With decisions and errors; written again it is the same file."""
    path = tmp_path / "t.csv"
    assert export_trials(store, "mine", f"csv:{path}", space=SPACE) == 7
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["number"] for row in rows] == [str(n) for n in range(7)]
    assert rows[3]["reward"] == "3.0"
    assert rows[4]["state"] == "failed"
    assert "no luck" in rows[4]["error"]
    assert {f"decisions.{d.name}" for d in SPACE.decisions} <= rows[0].keys()
    before = path.read_bytes()
    export_trials(store, "mine", f"csv:{path}", space=SPACE)
    assert path.read_bytes() == before


def test_a_parquet_file_has_the_same_columns(store, tmp_path):
    """With numbers as numbers."""
    export_trials(store, "mine", f"parquet:{tmp_path / 't.parquet'}", space=SPACE)
    table = parquet.read_table(tmp_path / "t.parquet")
    assert table["number"].to_pylist() == list(range(7))
    assert table["reward"].to_pylist() == [0, 1, 2, 3, None, 5, 6]
    assert table["study"].to_pylist() == ["mine"] * 7


def scalars(folder):
    accumulator = pytest.importorskip(EVENTS).EventAccumulator(str(folder))
    accumulator.Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def test_tensorboard_reads_the_trials_back(store, tmp_path):
    """A run per trial with its curve, and one of the study with the rewards."""
    assert export_trials(store, "mine", f"tensorboard:{tmp_path / 'runs'}", space=SPACE) == 7
    home = tmp_path / "runs" / "mine"
    rewards = scalars(home / "study")
    assert rewards["reward"] == [(n, n) for n in (0, 1, 2, 3, 5, 6)]
    assert rewards["failed"] == [(n, int(n == 4)) for n in range(7)]
    assert scalars(home / "trial-0003")["epoch/score"] == [(1, 0.5), (2, 3.0)]
    assert sorted(place.name for place in home.iterdir() if place.is_dir()) == [
        "study",
        *(f"trial-{n:04}" for n in range(7)),
    ]


def test_tensorboard_gets_each_trial_once_whatever_is_killed(store, tmp_path, monkeypatch):
    """Stopped before every single rename: nothing in part, nothing twice."""
    target, real = f"tensorboard:{tmp_path / 'runs'}", os.rename
    left = [0]

    def rename(old, new):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    for many in (0, 1, 2, 1, 3):
        left[0] = many
        with pytest.raises(KeyboardInterrupt):
            export_trials(store, "mine", target)
    monkeypatch.setattr(os, "rename", real)
    assert 0 < len(Sender(store, "mine", target, None).known) < 7
    export_trials(store, "mine", target)
    home = tmp_path / "runs" / "mine"
    assert scalars(home / "study")["failed"] == [(n, int(n == 4)) for n in range(7)]
    assert all(len(list(home.glob(f"trial-{n:04}/*"))) == 1 for n in range(7))
    assert not list(home.glob(".part*"))


def test_a_folder_of_another_study_is_refused(store, tmp_path):
    """Its trials would mix; a damaged one is said, too."""
    target = f"tensorboard:{tmp_path / 'runs'}"
    export_trials(store, "mine", target)
    time.sleep(1.1)  # a study is told by the second of its creation
    other = study(tmp_path / "other.db")
    with pytest.raises(SettingError, match="has another study"):
        export_trials(other, "mine", target)
    (tmp_path / "runs" / "mine" / "reinas.json").write_text("{")
    with pytest.raises(FileError, match=r"reinas\.json is damaged"):
        export_trials(store, "mine", target)


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """A database, and the client that reads it back."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return uri, pytest.importorskip("mlflow").MlflowClient(uri)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_reads_the_trials_back(store, mlflow):
    """A run per trial within the study's run; sent again, nothing is there twice."""
    uri, client = mlflow
    for expected in (7, 0):
        assert export_trials(store, "mine", f"mlflow:{uri}", space=SPACE) == expected
        experiment = client.get_experiment_by_name("reinas").experiment_id
        runs = client.search_runs([experiment])
        trials = {
            int(r.data.tags["reinas.trial"]): r for r in runs if "reinas.trial" in r.data.tags
        }
        assert len(runs) == 8
        assert sorted(trials) == list(range(7))
    (parent,) = (r for r in runs if "reinas.trial" not in r.data.tags)
    assert all(r.data.tags["mlflow.parentRunId"] == parent.info.run_id for r in trials.values())
    assert trials[3].data.metrics["reward"] == 3.0
    assert trials[4].info.status == "FAILED"
    assert "no luck" in trials[4].data.tags["reinas.error"]
    history = client.get_metric_history(parent.info.run_id, "reward")
    assert sorted((m.step, m.value) for m in history) == [(n, n) for n in (0, 1, 2, 3, 5, 6)]
    curve = client.get_metric_history(trials[3].info.run_id, "epoch/score")
    assert [(m.step, m.value) for m in curve] == [(1, 0.5), (2, 3.0)]
    assert trials[3].data.params["architecture"]


@pytest.mark.filterwarnings("ignore")
def test_a_run_of_mlflow_that_was_cut_short_is_written_again(store, mlflow, monkeypatch):
    """What has not ended is deleted."""
    uri, client = mlflow
    sender = Sender(store, "mine", f"mlflow:{uri}", SPACE)
    end, count = type(client).set_terminated, iter(range(100))

    def killed(*given, **more):
        if next(count) == 2:
            raise KeyboardInterrupt
        end(*given, **more)

    monkeypatch.setattr(type(client), "set_terminated", killed)
    with pytest.raises(KeyboardInterrupt):
        sender.send()
    monkeypatch.setattr(type(client), "set_terminated", end)
    assert export_trials(store, "mine", f"mlflow:{uri}", space=SPACE) == 5
    experiment = client.get_experiment_by_name("reinas").experiment_id
    numbers = [r.data.tags.get("reinas.trial", "") for r in client.search_runs([experiment])]
    assert sorted(numbers) == ["", *(str(n) for n in range(7))]


@pytest.mark.filterwarnings("ignore")
def test_a_server_that_cannot_be_reached_is_said(store):
    """In one sentence."""
    with pytest.raises(ReinasError, match=r"MLflow at pigeon://.* cannot be written"):
        export_trials(store, "mine", "mlflow:pigeon://roof")


SLOW = """
import sys, time
from reinas import *
from reinas.evaluators.function import FunctionEvaluator

def slow(architecture, job):
    time.sleep(0.2)
    return float(job.trial)

space = MlpSpace(depth=2, widths=(4, 8))
policy = RandomSearch(space, replacement=False)
search(space, policy, FunctionEvaluator(slow), budget=Budget(12), store=sys.argv[1], name="mine")
"""


def test_a_search_is_followed_to_its_end(tmp_path):
    """Also by an export that is killed and called again."""
    script, db = tmp_path / "slow.py", tmp_path / "s.db"
    script.write_text(SLOW)
    running = subprocess.Popen([sys.executable, str(script), str(db)])
    target = f"tensorboard:{tmp_path / 'runs'}"
    try:
        while not db.exists() or not Store(str(db)).names():
            time.sleep(0.1)
        command = ["-m", "reinas.cli", "export", "mine", "--store", str(db), "--to", target]
        first = subprocess.Popen([sys.executable, *command, "--follow"], stderr=subprocess.PIPE)
        while not list(tmp_path.glob("runs/mine/study/*")):
            assert first.poll() is None, first.stderr.read()
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        export_trials(Store(str(db)), "mine", target, follow=True)
    finally:
        running.wait(60)
    rewards = scalars(tmp_path / "runs" / "mine" / "study")["reward"]
    assert rewards == [(n, n) for n in range(12)]


def test_only_what_is_new_is_read(store, tmp_path, monkeypatch):
    """A look at a study without new trials reads none of them."""
    sender = Sender(store, "mine", f"csv:{tmp_path / 't.csv'}", SPACE)
    sender.send()
    monkeypatch.setattr(following, "tracked_trials", lambda *given: pytest.fail("read"))
    sender.send()
    assert sender.written == 7


def test_a_study_that_was_replaced_is_noticed(tmp_path):
    """Its trials are others'."""
    path = tmp_path / "s.db"
    store = study(path)
    sender = Sender(store, "mine", f"csv:{tmp_path / 't.csv'}", SPACE)
    record = store.get("mine")
    sender._study = StudyOf("mine", "earlier", record.settings)
    with pytest.raises(SettingError, match="has been replaced by another study"):
        sender.send()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("wandb:x", "'wandb' is not known: there are csv, mlflow, parquet, tensorboard"),
        ("csv", "needs a place, as in csv:PLACE"),
        ("tensorbord:x", "did you mean 'tensorboard'"),
    ],
)
def test_unknown_targets_are_said(store, target, words):
    """With what there is."""
    with pytest.raises(InvalidSettingError, match=words):
        export_trials(store, "mine", target)


def test_places_that_cannot_be_written_are_said(store, tmp_path):
    """A folder that is not there, a folder that is a file."""
    with pytest.raises(FileError, match=r"t\.csv cannot be written"):
        export_trials(store, "mine", f"csv:{tmp_path / 'none' / 't.csv'}")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        export_trials(store, "mine", f"tensorboard:{tmp_path / 'file'}")


@pytest.mark.parametrize(
    ("package", "target"), [("tensorboardX", "tensorboard"), ("mlflow", "mlflow")]
)
def test_missing_packages_are_named(package, target, monkeypatch):
    """With the command that installs them."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SettingError, match=r"pip install 'reinas\[trackers\]'"):
        make_tracker(f"{target}:x", StudyOf("a", "b", {}))


def test_odd_values_are_text_in_tensorboard(tmp_path):
    """Whatever people's decisions are."""
    tracker = TensorBoardTracker(StudyOf("a/b", "now", {}), str(tmp_path))
    assert tracker.known() == set()
    assert json.loads((tmp_path / "a-b" / "reinas.json").read_text()) == {"study": "a/b now"}


def test_the_command_says_what_was_sent(store, tmp_path, reinas):
    """And what it needs."""
    given = ("export", "mine", "--store", tmp_path / "s.db")
    status, out, _ = reinas(*given, "--to", "csv:t.csv", "--to", "parquet:t.parquet")
    assert status == 0
    assert "csv:t.csv: 7 trials sent, 7 there" in out
    assert (tmp_path / "t.parquet").exists()
    status, _, err = reinas(*given)
    assert status == 2
    assert "say what to export: --onnx, --pt2, --source or --to KIND:PLACE" in err
    status, _, err = reinas(*given, "--onnx", "a.onnx")
    assert "network.json cannot be read" in err


def test_the_command_exports_a_network(reinas, tmp_path, monkeypatch):
    """All formats at once, with the data for the code's training."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=rng.normal(size=(60, 4)).astype("f4"), y=rng.integers(0, 2, 60))
    quick = ("--trials", "1", "--epochs", "1", "--workers", "1", "--name", "n")
    assert reinas("search", "mlp", "--task", "arrays:d.npz", *quick)[0] == 0
    assert reinas("finish", "n", "--no-grid", "--epochs", "1")[0] == 0
    given = ("export", "n", "--onnx", "n.onnx", "--pt2", "n.pt2", "--source", "code")
    status, out, err = reinas(*given, "--with-data")
    assert status == 0, err
    assert "onnx: n.onnx, run and compared: the largest difference is" in out
    names = {"network.py", "predict.py", "train.py", "README.md", "weights.safetensors"}
    assert {place.name for place in (tmp_path / "code").iterdir()} == names | {"data.safetensors"}
