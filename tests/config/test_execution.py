"""Budget, schedule and executor from options."""

import os

import pytest
import torch

from reinas import Asha, Budget, Median, Placement
from reinas.config.execution import (
    make_budget,
    make_executor,
    make_schedule,
    make_stopping,
    worker_count,
)
from reinas.config.options import SearchOptions, WorkerOptions
from reinas.errors import InvalidSettingError
from reinas.executors.processes import Processes
from reinas.executors.serial import Serial
from reinas.study.schedules import Synchronous
from reinas.study.servers.asynchronous import Asynchronous


def test_the_budget_has_trials_seconds_and_a_reward():
    """Each from an option of its own."""
    options = SearchOptions(trials=9, seconds=60, target_reward=0.9)
    assert make_budget(options) == Budget(9, 60, 0.9)
    assert make_budget(SearchOptions()) == Budget()


def test_without_numbers_of_figure_3_batches_follow_each_other():
    """One of the numbers is enough for the other schedule."""
    assert isinstance(make_schedule(SearchOptions()), Synchronous)
    assert make_schedule(SearchOptions(accumulate=2)) == Asynchronous(accumulate=2)
    options = SearchOptions(replicas=4, shards=2, accumulate=3)
    assert make_schedule(options) == Asynchronous(4, 2, 3)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, Processes),
        ({"workers": 0}, Serial),
        ({"executor": "serial"}, Serial),
        ({"executor": "serial", "workers": 0}, Serial),
        ({"executor": "processes"}, Processes),
    ],
)
def test_the_executor_follows_from_workers(options, kind):
    """No workers are this process."""
    executor = make_executor(SearchOptions(**options))
    executor.close()
    assert type(executor) is kind


@pytest.mark.parametrize(
    "options", [{"address": "local"}, {"cpus": 2}, {"retries": 1}, {"replicas": 2}, {"shards": 2}]
)
def test_what_only_a_cluster_has_implies_one(options):
    """Also figure 3's numbers."""
    from reinas.executors.ray import Cluster

    assert isinstance(make_executor(SearchOptions(**options)), Cluster)


@pytest.mark.parametrize(
    ("options", "key", "problem"),
    [
        ({"executor": "processes", "cpus": 2}, "cpus", "is for the executor ray, not processes"),
        ({"executor": "serial", "retries": 2}, "retries", "is for the executor ray, not serial"),
        ({"executor": "serial", "workers": 3}, "workers", "must be 0 or left out"),
        ({"workers": 0, "time_limit": 3}, "time_limit", "needs worker processes"),
        ({"workers": 0, "memory_limit": 3}, "memory_limit", "needs worker processes"),
    ],
)
def test_options_that_do_not_go_together_name_the_key(options, key, problem):
    """The command line adds the option."""
    with pytest.raises(InvalidSettingError) as raised:
        make_executor(SearchOptions(**options))
    assert raised.value.key == key
    assert problem in raised.value.problem


def test_workers_are_the_cores_unless_they_are_given():
    """None of them is a number, too."""
    assert worker_count(WorkerOptions()) == os.cpu_count()
    assert worker_count(WorkerOptions(workers=0)) == 0


CARDS = Placement("cuda")


@pytest.fixture
def cards(monkeypatch):
    """A machine with three GPUs, as far as torch is asked."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)


def test_there_are_as_many_workers_as_accelerators(cards):
    """Times the children that share one; a device with a number is one."""
    assert worker_count(WorkerOptions(), CARDS) == 3
    assert worker_count(WorkerOptions(), CARDS, 4) == 12
    assert worker_count(WorkerOptions(), Placement("cuda:1"), 4) == 4
    assert worker_count(WorkerOptions(workers=2), CARDS) == 2


def test_on_a_cluster_a_child_on_an_accelerator_requests_one():
    """Unless the number is given; on the CPU it requests none."""
    asked = [
        make_executor(SearchOptions(executor="ray", **more), place)._needs["GPU"]
        for more, place in (({}, CARDS), ({"gpus": 0.5}, CARDS), ({}, Placement()))
    ]
    assert asked == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("more", "placement", "problem"),
    [
        ({}, Placement(), "children train on the CPU"),
        ({"workers": 2}, CARDS, "so does workers: give one"),
        ({"workers": 0}, CARDS, "the executor is serial"),
        ({"executor": "ray"}, CARDS, "the executor is ray"),
    ],
)
def test_sharing_accelerators_takes_worker_processes_on_accelerators(more, placement, problem):
    """Anything else would do nothing, and is refused."""
    with pytest.raises(InvalidSettingError, match=f"children_per_device .*{problem}"):
        make_executor(SearchOptions(children_per_device=2, **more), placement)


def test_a_rule_of_stopping_by_its_name():
    """With its numbers; none is no rule."""
    assert make_stopping({"name": "asha", "eta": "4"}) == Asha(4)
    assert make_stopping({"name": "median", "least": 2}) == Median(2)
    assert make_stopping({"name": "none"}) is None
    assert make_stopping({}) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "ascha"}, "stopping 'ascha' is not known: .*asha"),
        ({"eta": 3}, "stopping.eta needs a rule"),
        ({"name": "median", "eta": 3}, "stopping.eta is not known"),
        ({"name": "asha", "eta": 1}, "stopping.eta must be at least 2"),
    ],
)
def test_rules_that_cannot_be_made_are_refused(settings, message):
    """With the key."""
    with pytest.raises(InvalidSettingError, match=message):
        make_stopping(settings)
