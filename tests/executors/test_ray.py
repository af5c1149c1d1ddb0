"""Children on a Ray cluster: whatever a child, a worker or its data do, the search goes on."""

import importlib.util
import os
import threading
import time

import numpy as np
import pytest

from helpers import Doomed, Hashed, small_search, story
from ray_here import ray_here
from reinas import Arrays, Cluster, Job, MlpSpace, Processes, Recipe, Serial, TrainedEvaluator
from reinas.errors import ExecutorError, SettingError
from reinas.testing import ExecutorContract

__all__ = ["ray_here"]
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.usefixtures("ray_here")]


class TestCluster(ExecutorContract):
    """A cluster keeps every promise of executors."""

    def make(self):
        return Cluster()


def run(executor, *architectures, **more):
    jobs = [Job(k, text, seed=k) for k, text in enumerate(architectures)]
    try:
        return {job.trial: outcome for job, outcome in executor.run(Doomed(), jobs, **more)}
    finally:
        executor.close()


@pytest.mark.parametrize("fate", ["kill", "abort", "exit"])
def test_a_child_that_takes_its_worker_down_is_run_again_and_then_fails_alone(fate):
    """With one retry it is begun twice and lost twice; the others have their outcomes."""
    told = []
    outcomes = run(Cluster(retries=1), "ok", fate, "ok", on_attempt=told.append)
    assert outcomes[1].error == "lost 2 times, and given up: its worker died"
    assert [outcomes[k].reward for k in (0, 2)] == [0.5, 0.5]
    assert [a.lost for a in told if a.trial == 1] == [None, "its worker died"] * 2
    others = [a for a in told if a.trial != 1]
    assert all(a.lost is None and a.worker.rpartition(":")[2].isdigit() for a in others)


def test_no_retries_means_once():
    """The reason says so."""
    assert run(Cluster(retries=0), "kill")[0].error == "lost once, and given up: its worker died"


def test_a_child_that_hangs_is_stopped_at_the_time_limit():
    """It fails with the limit in its reason, is not run again, and the others go on."""
    begun = time.perf_counter()
    outcomes = run(Cluster(time_limit=1.5, retries=5), "ok", "hang", "ok")
    assert outcomes[1].error == "took longer than the limit of 1.5 s"
    assert outcomes[1].seconds == 1.5
    assert [outcomes[k].reward for k in (0, 2)] == [0.5, 0.5]
    assert time.perf_counter() - begun < 30


@pytest.mark.parametrize("fate", ["memory", "tensor"])
def test_a_child_that_exhausts_its_memory_fails_alone(fate):
    """The allocation is refused: the machine stays as it was."""
    outcomes = run(Cluster(memory_limit=2.0), "ok", fate, "ok")
    assert "out of memory" in outcomes[1].error
    assert [outcomes[k].reward for k in (0, 2)] == [0.5, 0.5]


@pytest.mark.parametrize("make", [Cluster, lambda: Processes(2)], ids=["cluster", "processes"])
def test_children_that_nobody_waits_for_are_given_up(make):
    """When the time is over the call ends, without their outcomes, and their workers are free."""
    executor = make()
    try:
        assert len(list(executor.run(Doomed(), [Job(0, "ok", 0)]))) == 1
        deadline = time.monotonic() + 1.5
        hanging = [Job(k, "hang", 0) for k in range(4)]
        assert list(executor.run(Doomed(), hanging, deadline=deadline)) == []
        assert deadline <= time.monotonic() < deadline + 10
        assert len(list(executor.run(Doomed(), [Job(0, "ok", 0)]))) == 1
    finally:
        executor.close()


def test_a_synchronous_search_is_the_same_on_a_cluster():
    """Trials, failures and diagnostics, number for number."""
    assert story(small_search(None, executor=Cluster()).record) == story(small_search(None).record)


def test_the_store_knows_who_trained_what():
    """Each trial that was evaluated has a finished attempt with its worker."""
    log = small_search(None, executor=Cluster()).record
    evaluated = {t.number for t in log.finished() if t.repeat_of is None}
    assert {e.trial for e in log.attempts()} == evaluated
    assert all(e.finished and e.ended >= e.begun - 0.01 for e in log.attempts())


def test_children_need_no_files(tmp_path):
    """The data go to the object store once: with the file gone, workers still have them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    path = tmp_path / "data.npz"
    np.savez(path, x=x, y=(x[:, 0] > 0).astype(np.int64))
    evaluator = TrainedEvaluator(Arrays(str(path)), Recipe(epochs=3))
    space = MlpSpace(depth=1, widths=(4, 8))
    jobs = [Job(k, space.decode(a), k) for k, a in enumerate(space.sample(3, 0))]
    expected = {j.trial: o.metrics for j, o in Serial().run(evaluator, jobs)}
    os.remove(path)
    found = {j.trial: o.metrics for j, o in Cluster().run(evaluator, jobs)}
    assert found == expected


def test_the_test_part_stays_at_home(tmp_path):
    """What is sent to workers holds the training and the validation part alone."""
    x = np.arange(90.0, dtype=np.float32).reshape(30, 3)
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(30) % 2)
    task = Arrays(str(tmp_path / "d.npz"))
    assert task.data.test is not None
    sent = TrainedEvaluator(task).portable()
    assert sent.data.test is None
    assert sent.data.train is task.data.train


class Counted(Hashed):
    """Counts how often it is sent."""

    sent = 0

    def portable(self):
        Counted.sent += 1
        return Hashed()


def test_an_evaluator_is_sent_once_not_once_a_child():
    """Five batches of eight children, one object."""
    Counted.sent = 0
    small_search(None, executor=Cluster(), evaluator=Counted())
    assert Counted.sent == 1


def test_an_evaluator_that_cannot_be_sent_is_refused():
    """With what stands in the way."""
    evaluator = Hashed()
    evaluator.lock = threading.Lock()
    with pytest.raises(SettingError, match=r"cannot be sent.*cannot pickle '_thread.lock' object"):
        small_search(None, executor=Cluster(), evaluator=evaluator)


def test_children_that_fit_on_no_node_are_refused():
    """Before anything is tried, with what there is."""
    with pytest.raises(SettingError, match=r"asks for 64 CPUs.*most on one node are 2 CPUs"):
        Cluster(cpus=64).open()
    with pytest.raises(SettingError, match="asks for 1 CPUs, 2 GPUs"):
        Cluster(gpus=2).open()


def test_a_refused_cluster_leaves_no_search_behind(tmp_path):
    """The store is as it was."""
    from reinas import Store

    store = Store(tmp_path / "s.db")
    with pytest.raises(SettingError):
        small_search(store, executor=Cluster(cpus=64))
    assert store.names() == []


def test_a_cluster_that_does_not_start_is_a_sentence(monkeypatch):
    """Ray raises a bare Exception where one of its servers dies meanwhile."""
    import ray

    from reinas.executors.ray_connection import connect

    def dies(**_):
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", dies)
    with pytest.raises(ExecutorError, match="refused: Exception: The current node timed out"):
        connect("local", 1)


def test_without_ray_it_says_what_to_install(monkeypatch):
    """In one line."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r'pip install "reinas\[ray\]"'):
        Cluster()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"address": "127.0.0.1:99999"}, "expected local, auto or HOST:PORT"),
        ({"address": "nonsense"}, "expected local, auto or HOST:PORT"),
        ({"address": "auto", "workers": 2}, "for a local cluster; at an address"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"cpus": 0}, "cpus must be at least"),
        ({"retries": -1}, "retries must be at least 0"),
        ({"time_limit": 0}, "time limit must be above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, words):
    """With what was expected."""
    with pytest.raises(SettingError, match=words):
        Cluster(**settings)


def test_an_address_where_nobody_is_fails_soon(monkeypatch):
    """Ray itself tries for a minute and ends the process."""
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    begun = time.perf_counter()
    with pytest.raises(ExecutorError, match=r"no Ray cluster at address 127\.0\.0\.1:9: start one"):
        Cluster("127.0.0.1:9").open()
    assert time.perf_counter() - begun < 10
