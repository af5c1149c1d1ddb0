"""`reinas search` on a cluster, and when it stops."""

import json

import pytest

from ray_here import ray_here
from reinas import Store

__all__ = ["ray_here"]


@pytest.mark.xdist_group("ray")
@pytest.mark.usefixtures("ray_here")
def test_the_same_search_on_a_cluster(reinas, quick):
    """The same trials; `show` says where they were trained."""
    options = tuple("1" if o == "0" else o for o in quick if o != "--workers")
    quick_ray = [o for o in options if o != "1"]
    assert reinas("search", *quick)[0] == 0
    assert reinas("search", *quick_ray, "--name", "far", "--executor", "ray")[0] == 0
    near, far = (Store("reinas.db").get(name) for name in ("quick", "far"))
    assert [t.outcome.metrics for t in near.finished()] == [
        t.outcome.metrics for t in far.finished()
    ]
    _, text, _ = reinas("show", "far")
    assert "Machines (0 children lost)" in text
    machines = json.loads(reinas("show", "far", "--json")[1])["machines"]
    assert sum(m["children"] for m in machines["machines"]) == len(far.attempts())


@pytest.mark.xdist_group("ray")
@pytest.mark.usefixtures("ray_here")
def test_replicas_alone_mean_a_cluster_and_resume_remembers_them(reinas, quick):
    """An interrupted search needs no options to go on, and cannot lose its replicas."""
    options = [o for o in quick if o not in ("--workers", "0")]
    options += ["--policy", "zoph-le", "--replicas", "2", "--accumulate", "2"]
    assert reinas("search", *options)[0] == 0
    status, text, _ = reinas("resume", "quick", "--trials", "12", "--shards", "2")
    assert status == 0
    assert "12 of 12 trials" in text
    log = Store("reinas.db").get("quick")
    assert log.settings["schedule"] == {"replicas": 2, "accumulate": 2}
    assert [u.number for u in log.updates()] == list(range(4))
    assert "mean staleness (steps)" in reinas("show", "quick")[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--replicas", "2"], "learn by gradient, zoph-le and independent; got bayes"),
        (
            ["--replicas", "9", "--policy", "zoph-le", "--trials", "60", "--batch-size", "8"],
            "9 replicas need at least 9 batches, but this search has 8",
        ),
        (["--replicas", "0"], "--replicas should be greater than or equal to 1"),
        (["--executor", "spark"], "'spark' is not known: there are processes, ray, serial"),
        (["--cpus", "2", "--executor", "processes"], "--cpus is for the executor ray"),
        (["--address", "here"], "expected local, auto or HOST:PORT"),
        (["--executor", "serial", "--workers", "3"], "--workers must be 0 or left out"),
        (["--seconds", "0"], "should be greater than 0"),
        (["--target-reward", "nan"], "should be a finite number"),
        (
            ["--replicas", "2", "--policy", "zoph-le", "--executor", "processes"],
            "needs the executor ray, got Processes",
        ),
    ],
)
def test_options_that_cannot_be_are_one_sentence(reinas, options, words):
    """Status 2, and no search is left behind."""
    status, out, err = reinas("search", "mlp", "--task", "wine", *options)
    assert (status, out) == (2, "")
    assert words in " ".join(err.split())
    assert reinas("list", "--json")[1].strip() == "[]"


def test_a_reward_that_is_good_enough_ends_the_search(reinas, quick):
    """It says so, and how to go on."""
    status, text, _ = reinas("search", *quick, "--target-reward", "0.01")
    assert status == 0
    assert "stopped early: trial 0 has a reward of" in text
    assert "`reinas resume quick` continues" in text
    assert "6 of 6 trials" in reinas("resume", "quick")[1]


def test_the_time_ends_the_search(reinas, quick):
    """In JSON too."""
    status, text, _ = reinas("search", *quick, "--seconds", "0.000001", "--json")
    document = json.loads(text)
    assert document["stopped"] == "its 1e-06 seconds are over"
    assert document["finished"] == 0
    assert status == 1
