"""Where networks train: what is recorded, what is refused, which worker has which device."""

import pytest
import torch

from reinas import Placement, devices
from reinas.devices import count, is_out_of_memory, number_worker
from reinas.errors import InvalidSettingError


@pytest.fixture
def cards(monkeypatch):
    """A machine with three GPUs, as far as torch is asked."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(devices, "_worker", {})


def test_the_cpu_with_float32_is_not_recorded():
    """So that a search on the CPU has the settings that it always had."""
    assert Placement().settings == {}
    assert Placement().resolved() == Placement()


def test_the_number_of_a_device_is_not_recorded():
    """Which of several equal ones a child trained on changes nothing."""
    assert Placement("cuda:1", "bfloat16").settings == {"device": "cuda", "precision": "bfloat16"}
    assert Placement(compile=True).settings == {"compile": True}


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps"])
def test_a_device_that_is_not_there_is_one_sentence(name):
    """With what torch finds instead."""
    with pytest.raises(InvalidSettingError, match=f"{name} is not on this machine: torch finds"):
        Placement(name).resolved()


def test_a_number_too_many_is_refused(cards):
    """Devices are counted from 0."""
    assert Placement("cuda:2").resolved().device == "cuda:2"
    with pytest.raises(InvalidSettingError, match="torch finds 3 of that type"):
        Placement("cuda:3").resolved()


def test_a_name_that_is_none_is_refused():
    """The sentence has those that are."""
    with pytest.raises(InvalidSettingError, match="should be auto, cpu, cuda, cuda:N or mps"):
        Placement("gpu").resolved()


def test_a_name_without_a_number_counts_for_all_of_its_type(cards):
    """A name with a number counts for one."""
    assert [count(name) for name in ("cpu", "cuda", "cuda:1")] == [1, 3, 1]


def test_workers_share_out_the_devices(cards):
    """Worker i has device i modulo their number; a number that was given stays."""
    assert Placement("cuda").here().device == "cuda"  # no worker: torch's own choice
    found = []
    for number in range(5):
        number_worker(number)
        found.append(Placement("cuda").here().device)
    assert found == ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]
    assert Placement("cuda:2").here().device == "cuda:2"
    assert Placement().here().device == "cpu"


def test_errors_about_memory_are_recognised():
    """CUDA's, and the plain error of MPS; no others."""
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(ValueError("out of memory"))
